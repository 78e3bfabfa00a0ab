// SPDX-License-Identifier: Apache-2.0
// A request that cannot be served, with the HTTP status and the sentence the client gets.
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_REQUEST_ERROR_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_REQUEST_ERROR_H_

#include <stdexcept>
#include <string>

namespace checkout {

class RequestError : public std::runtime_error {
 public:
  RequestError(int http_status, const std::string& message)
      : std::runtime_error(message), http_status_(http_status) {}
  int http_status() const { return http_status_; }

 private:
  int http_status_;
};

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_REQUEST_ERROR_H_
