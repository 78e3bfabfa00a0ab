// SPDX-License-Identifier: Apache-2.0
// One request and its answer, as the rooms behind the server see them: no socket, no Boost.
#ifndef PODO_LIB_SERVE_EXCHANGE_H_
#define PODO_LIB_SERVE_EXCHANGE_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace podo::serve {

struct Request {
  std::string method;  // "GET", "HEAD", "POST"; the server takes no other
  std::string target;  // path and query as received, percent-encoded
  std::string accept;
  std::string accept_encoding;
  std::string body;
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;  // beside those the server sets itself
  std::string body;
};

// Answers a request, once; from any thread, also later, also after the client went away.
using Respond = std::function<void(Response)>;

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_EXCHANGE_H_
