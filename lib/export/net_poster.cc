// SPDX-License-Identifier: Apache-2.0
#include "export/net_poster.h"

#include <errno.h>

#include <string>
#include <utility>
#include <vector>

#include "net/net_loader.h"

namespace podo::exporting {
namespace {

podo_net_text View(const std::string& text) { return {text.data(), text.size()}; }
std::string Copy(const podo_net_text& text) { return {text.data, text.size}; }

std::vector<podo_net_header> View(const HttpHeaders& headers) {
  std::vector<podo_net_header> views;
  for (const auto& [name, value] : headers) views.push_back({View(name), View(value)});
  return views;
}

}  // namespace

base::StatusOr<std::unique_ptr<NetPoster>> NetPoster::Make(NetPosterOptions options) {
  std::unique_ptr<NetPoster> poster(new NetPoster(std::move(options)));
  const auto api = net::LoadNetModule(poster->options_.target.tls);
  if (!api.ok()) return api.status();
  poster->api_ = *api;
  poster->client_ = poster->Open();
  if (poster->client_ == nullptr) return base::ResourceExhaustedError("out of memory");
  return poster;
}

NetPoster::~NetPoster() {
  if (client_ != nullptr) api_->close(client_);
}

podo_net_client* NetPoster::Open() {
  const HttpTarget& target = options_.target;
  const std::vector<podo_net_header> headers = View(options_.headers);
  podo_net_options options = {};
  options.size = sizeof options;
  options.target = {View(target.host), View(target.unix_path),
                    View(target.path), View(target.user),
                    target.port,       target.tls};
  options.https_proxy = View(options_.proxies.https_proxy);
  options.http_proxy = View(options_.proxies.http_proxy);
  options.no_proxy = View(options_.proxies.no_proxy);
  options.ca = View(options_.tls.ca);
  options.client_certificate = View(options_.tls.client_certificate);
  options.client_key = View(options_.tls.client_key);
  options.headers = {headers.data(), headers.size()};
  options.max_response_bytes = options_.max_response_bytes;
  options.start_thread = StartThread;
  options.start_thread_context = this;
  return api_->open(&options);
}

int NetPoster::StartThread(void* poster, const char* name, void (*body)(void*), void* argument) {
  try {
    const base::Status status = static_cast<NetPoster*>(poster)->options_.start_thread(
        name, [body, argument] { body(argument); });
    return status.ok() ? 0 : EAGAIN;
  } catch (...) {
    return ENOMEM;
  }
}

HttpResult NetPoster::Post(const HttpPost& post) {
  const std::vector<podo_net_header> headers = View(post.headers);
  podo_net_request request = {};
  request.size = sizeof request;
  request.headers = {headers.data(), headers.size()};
  request.path = View(post.path);
  if (post.body != nullptr) request.body = View(*post.body);
  request.timeout_ns = post.timeout_ns;
  podo_net_result answer = {};
  answer.size = sizeof answer;
  api_->post(client_, &request, &answer);
  connections_ = answer.connections;
  HttpResult result;
  result.status = answer.status;
  result.body = Copy(answer.body);
  result.body_complete = answer.body_complete != 0;
  result.retry_after = Copy(answer.retry_after);
  result.content_type = Copy(answer.content_type);
  result.error = Copy(answer.error);
  return result;
}

}  // namespace podo::exporting
