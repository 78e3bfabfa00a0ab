// SPDX-License-Identifier: Apache-2.0
#include "serve/answers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "encode/flame_json.h"

namespace podo::serve {

std::string JsonText(std::string_view text) {
  std::string quoted;
  encode::AppendJsonString(&quoted, text);
  return quoted;
}

int64_t ToMs(int64_t ns) { return ns / 1'000'000; }

Response JsonAnswer(std::string body) {
  Response response;
  response.content_type = kJsonType;
  response.body = std::move(body);
  return response;
}

Response JsonError(int status, std::string_view message, std::string_view parameter) {
  Response response = JsonAnswer(absl::StrCat(
      "{\"error\":{\"message\":", JsonText(message),
      parameter.empty() ? "" : absl::StrCat(",\"parameter\":", JsonText(parameter)), "}}\n"));
  response.status = status;
  return response;
}

Response JsonError(const BadRequest& bad) { return JsonError(400, bad.message, bad.parameter); }

Response JsonError(const base::Status& status) {
  const std::string message(status.message());
  return JsonError(base::IsResourceExhausted(status) ? 503 : 500, message);
}

Response TextError(int status, std::string_view message) {
  Response response;
  response.status = status;
  response.body = absl::StrCat(std::string(message), "\n");
  return response;
}

std::string ResolutionJson(const history::Resolution& r) {
  const bool any = r.windows != 0;
  return absl::StrCat("{\"windows\":", r.windows,
                      ",\"from_ms\":", any ? absl::StrCat(ToMs(r.from_ns)) : "null",
                      ",\"until_ms\":", any ? absl::StrCat(ToMs(r.until_ns)) : "null",
                      ",\"longest_window_ms\":", ToMs(r.longest_window_ns),
                      ",\"folded\":", r.folded ? "true" : "false", "}");
}

void AddResolution(const history::Resolution& r, Response* response) {
  const auto add = [&](const char* name, std::string value) {
    response->headers.emplace_back(name, std::move(value));
  };
  add("Podo-Windows", absl::StrCat(r.windows));
  if (r.windows != 0) {
    add("Podo-From-Ms", absl::StrCat(ToMs(r.from_ns)));
    add("Podo-Until-Ms", absl::StrCat(ToMs(r.until_ns)));
  }
  add("Podo-Longest-Window-Ms", absl::StrCat(ToMs(r.longest_window_ns)));
  add("Podo-Folded", r.folded ? "true" : "false");
}

}  // namespace podo::serve
