// SPDX-License-Identifier: Apache-2.0
#include "http_side.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "serve/access.h"
#include "serve/answers.h"
#include "serve/router.h"

namespace podo {
namespace {

void Warn(const base::Status& status, bool is_expected = false) {
  base::Log(is_expected ? base::LogLevel::kInfo : base::LogLevel::kWarning,
            absl::StrCat(status.message(), "; profiling goes on without the HTTP side"));
}

}  // namespace

std::unique_ptr<HttpSide> HttpSide::Open(const Config& config, bool shares_names,
                                         serve::Sources sources) {
  if (!config.listen.value.has_value()) return nullptr;
  std::string token;
  if (!config.listen_token_file.value.empty()) {
    base::StatusOr<std::string> read = serve::ReadToken(config.listen_token_file.value);
    if (!read.ok()) {
      Warn(read.status());
      return nullptr;
    }
    token = *std::move(read);
  }
  std::unique_ptr<HttpSide> side(new HttpSide(std::move(sources)));
  base::StatusOr<std::unique_ptr<serve::Listener>> listener = serve::Listener::Open(
      *config.listen.value, token,
      [self = side.get()](serve::Request request, serve::Respond respond,
                          std::function<bool()> is_waiting) {
        self->Take(std::move(request), std::move(respond), std::move(is_waiting));
      });
  if (!listener.ok()) {
    Warn(listener.status(), shares_names && base::IsAlreadyExists(listener.status()));
    return nullptr;
  }
  side->listener_ = *std::move(listener);
  side->sources_.compile_pattern = side->listener_->Patterns();
  base::Log(base::LogLevel::kInfo,
            absl::StrCat("listening on ", side->listener_->address().Text()));
  return side;
}

// On the server's thread.
void HttpSide::Take(serve::Request request, serve::Respond respond,
                    std::function<bool()> is_waiting) {
  const bool taken = answers_.Post([this, request = std::move(request), respond, is_waiting] {
    if (is_waiting()) serve::Answer(request, sources_, is_waiting, respond);
  });
  if (!taken) respond(serve::TextError(503, "too many requests wait; ask again later"));
}

void HttpSide::Stop() {
  listener_->Stop();
  answers_.Stop();
}

}  // namespace podo
