// SPDX-License-Identifier: Apache-2.0
#include "serve/listener.h"

#include <sys/stat.h>
#include <unistd.h>

#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/compress.h"
#include "net/net_loader.h"
#include "serve/listening_socket.h"

namespace podo::serve {
namespace {

constexpr size_t kLeastGzipBytes = 1024;

podo_net_text View(std::string_view text) { return {text.data(), text.size()}; }
std::string Copy(const podo_net_text& text) { return {text.data, text.size}; }

// An exchange in the hands of whoever answers. The last copy of Respond ends it.
class Pending {
 public:
  Pending(const podo_net_api* api, podo_net_exchange* exchange, bool takes_gzip)
      : api_(api), takes_gzip_(takes_gzip), exchange_(exchange) {}
  ~Pending() {
    if (exchange_ != nullptr) api_->answer(exchange_, nullptr);
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  bool is_waiting() const {
    const std::lock_guard lock(mutex_);
    return exchange_ != nullptr && api_->is_waiting(exchange_) != 0;
  }
  void Answer(Response response);

 private:
  void Compress(Response* response) const;

  const podo_net_api* const api_;
  const bool takes_gzip_;
  mutable std::mutex mutex_;  // of exchange_: whether somebody waits is asked by other threads
  podo_net_exchange* exchange_;
};

// Text only: what comes as bytes is compressed inside, and its readers expect no coding around it.
void Pending::Compress(Response* response) const {
  const bool is_bytes = response->content_type == "application/octet-stream";
  if (!takes_gzip_ || is_bytes || response->body.size() < kLeastGzipBytes) return;
  constexpr int kFast = 1;
  base::StatusOr<std::string> smaller = base::GzipCompress(response->body, kFast);
  if (!smaller.ok()) return;
  response->body = *std::move(smaller);
  response->headers.emplace_back("Content-Encoding", "gzip");
  response->headers.emplace_back("Vary", "Accept-Encoding");
}

void Pending::Answer(Response response) {
  Compress(&response);
  response.headers.emplace_back("Content-Type", response.content_type);
  std::vector<podo_net_header> headers;
  for (const auto& [name, value] : response.headers) headers.push_back({View(name), View(value)});
  const podo_net_http_response view = {
      sizeof view, response.status, {headers.data(), headers.size()}, View(response.body)};
  const std::lock_guard lock(mutex_);
  if (exchange_ != nullptr) api_->answer(std::exchange(exchange_, nullptr), &view);
}

// The client names it, and does not refuse it by a weight of 0.
bool TakesGzip(std::string_view accept_encoding) {
  const size_t at = accept_encoding.find("gzip");
  return at != std::string_view::npos && !accept_encoding.substr(at).starts_with("gzip;q=0");
}

}  // namespace

Listener::Listener(const podo_net_api* api, ListenAddress address, Handle handle)
    : api_(api), address_(std::move(address)), handle_(std::move(handle)) {}

base::StatusOr<std::unique_ptr<Listener>> Listener::Open(const ListenAddress& address,
                                                         const std::string& token, Handle handle) {
  if (!address.IsLoopback() && token.empty()) {
    return base::PermissionDeniedError(absl::StrCat(
        "not listening on ", address.Text(),
        ": others can reach it, so PODO_LISTEN_TOKEN_FILE must name a file with a token"));
  }
  base::StatusOr<const podo_net_api*> api = net::LoadNetModule(/*tls=*/false);
  if (!api.ok()) return api.status();
  ListenAddress bound = address;
  base::StatusOr<base::OwnedFd> socket = OpenListeningSocket(&bound);
  if (!socket.ok()) return socket.status();
  std::unique_ptr<Listener> listener(new Listener(*api, bound, std::move(handle)));
  if (struct stat status; !bound.path.empty() && lstat(bound.path.c_str(), &status) == 0) {
    listener->file_device_ = status.st_dev;
    listener->file_inode_ = status.st_ino;
  }
  const std::string text = bound.Text();
  podo_net_serve_options options = {};
  options.size = sizeof options;
  options.listening = socket->Release();
  options.address = View(text);
  options.token = View(token);
  options.context = listener.get();
  options.handle = [](void* context, podo_net_exchange* exchange,
                      const podo_net_http_request* request) {
    static_cast<const Listener*>(context)->Take(exchange, *request);
  };
  listener->server_ = (*api)->serve(&options);
  if (listener->server_ == nullptr) {
    return base::ResourceExhaustedError(
        absl::StrCat("cannot listen on ", text, ": no memory or descriptors left"));
  }
  return listener;
}

// No exception may cross into the module: it is memory that ran out, and the client sees the end.
void Listener::Take(podo_net_exchange* exchange, const podo_net_http_request& request) const {
  std::shared_ptr<Pending> pending;
  try {
    pending = std::make_shared<Pending>(api_, exchange, TakesGzip(Copy(request.accept_encoding)));
  } catch (...) {
    return api_->answer(exchange, nullptr);
  }
  try {
    handle_(
        {Copy(request.method), Copy(request.target), Copy(request.accept),
         Copy(request.accept_encoding), Copy(request.body)},
        [pending](Response response) { pending->Answer(std::move(response)); },
        [pending] { return pending->is_waiting(); });
  } catch (...) {
  }
}

Listener::~Listener() {
  if (server_ != nullptr) api_->end(server_);
  RemoveFile();
}

void Listener::Run() {
  api_->run(server_);
  RemoveFile();  // here, for at exit the run is left behind
}

void Listener::Stop() { api_->stop(server_); }

void Listener::RemoveFile() {
  struct stat status;
  if (address_.path.empty() || lstat(address_.path.c_str(), &status) != 0) return;
  if (status.st_dev == file_device_ && status.st_ino == file_inode_) unlink(address_.path.c_str());
}

HttpCounts Listener::counts() const {
  podo_net_serve_counts counts = {};
  counts.size = sizeof counts;
  api_->count(server_, &counts);
  return {counts.requests, counts.refused, counts.connections};
}

CompilePattern Listener::Patterns() const {
  return [api = api_](std::string_view text) -> base::StatusOr<Predicate> {
    char error[200] = "";
    podo_net_pattern* pattern = api->compile(View(text), error, sizeof error);
    if (pattern == nullptr) return base::InvalidArgumentError(error);
    const std::shared_ptr<podo_net_pattern> owned(pattern, api->forget);
    return Predicate([api, owned](std::string_view value) {
      return api->matches(owned.get(), View(value)) != 0;
    });
  };
}

}  // namespace podo::serve
