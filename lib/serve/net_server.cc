// SPDX-License-Identifier: Apache-2.0
// The network module's side of net_abi.h for the server and for patterns.
#include "serve/net_server.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "serve/http_server.h"

using podo::serve::HttpAnswer;
using podo::serve::HttpExchange;
using podo::serve::HttpRequest;
using podo::serve::HttpServer;

struct podo_net_server {
  HttpServer server;
};

struct podo_net_exchange {
  std::shared_ptr<HttpExchange> exchange;
};

struct podo_net_pattern {
  re2::RE2 expression;
};

namespace podo::serve {
namespace {

std::string Copy(const podo_net_text& text) { return {text.data, text.size}; }
podo_net_text View(std::string_view text) { return {text.data(), text.size()}; }

HttpServer::Options Copy(const podo_net_serve_options& options) {
  HttpServer::Options copy;
  copy.listening = options.listening;
  copy.address = ParseListenAddress(Copy(options.address)).value_or(ListenAddress());
  copy.token = Copy(options.token);
  copy.handle = [handle = options.handle, context = options.context](
                    std::shared_ptr<HttpExchange> exchange, const HttpRequest& request) {
    const podo_net_http_request view = {
        sizeof view,          View(request.method),          View(request.target),
        View(request.accept), View(request.accept_encoding), View(request.body)};
    handle(context, new podo_net_exchange{std::move(exchange)}, &view);
  };
  return copy;
}

HttpAnswer Copy(const podo_net_http_response& response) {
  HttpAnswer answer;
  answer.status = response.status;
  for (size_t i = 0; i < response.headers.count; ++i) {
    answer.headers.emplace_back(Copy(response.headers.first[i].name),
                                Copy(response.headers.first[i].value));
  }
  answer.body = Copy(response.body);
  return answer;
}

}  // namespace

podo_net_server* Serve(const podo_net_serve_options* options) {
  try {
    std::unique_ptr<podo_net_server> server(new podo_net_server{HttpServer(Copy(*options))});
    return server->server.Prepare() ? server.release() : nullptr;
  } catch (...) {
    return nullptr;
  }
}

void RunServer(podo_net_server* server) {
  try {
    server->server.Run();
  } catch (...) {  // memory ran out: profiling goes on without the HTTP side
  }
}

void StopServer(podo_net_server* server) { server->server.Stop(); }

void EndServer(podo_net_server* server) { delete server; }

void CountServer(podo_net_server* server, podo_net_serve_counts* counts) {
  counts->requests = server->server.requests();
  counts->refused = server->server.refused();
  counts->connections = server->server.connections();
}

void AnswerExchange(podo_net_exchange* exchange, const podo_net_http_response* response) {
  const std::unique_ptr<podo_net_exchange> mine(exchange);
  try {
    std::optional<HttpAnswer> answer;
    if (response != nullptr && mine->exchange->is_waiting()) answer = Copy(*response);
    mine->exchange->Answer(std::move(answer));
  } catch (...) {  // no memory for the answer
    mine->exchange->Answer(std::nullopt);
  }
}

int IsWaiting(podo_net_exchange* exchange) { return exchange->exchange->is_waiting() ? 1 : 0; }

podo_net_pattern* CompilePattern(podo_net_text pattern, char* error, size_t error_size) {
  try {
    re2::RE2::Options options;
    constexpr int64_t kMaxBytes = 1 << 20;  // of both automata; what needs more is refused
    options.set_max_mem(kMaxBytes);
    options.set_log_errors(false);
    auto compiled = std::unique_ptr<podo_net_pattern>(
        new podo_net_pattern{re2::RE2(re2::StringPiece(pattern.data, pattern.size), options)});
    if (compiled->expression.ok()) return compiled.release();
    const std::string& why = compiled->expression.error();
    const size_t size = std::min(why.size(), error_size - 1);
    std::memcpy(error, why.data(), size);
    error[size] = '\0';
  } catch (...) {
    std::strncpy(error, "out of memory", error_size);
  }
  return nullptr;
}

int Matches(const podo_net_pattern* pattern, podo_net_text text) {
  return re2::RE2::FullMatch(re2::StringPiece(text.data, text.size), pattern->expression) ? 1 : 0;
}

void ForgetPattern(podo_net_pattern* pattern) { delete pattern; }

}  // namespace podo::serve
