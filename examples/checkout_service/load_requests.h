// SPDX-License-Identifier: Apache-2.0
// The requests a customer's visit is made of.
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_LOAD_REQUESTS_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_LOAD_REQUESTS_H_

#include <string>

namespace checkout {

// Bodies of POST /checkout: one with a note of a few fields, and one whose note is a thread of
// mails, each holding the one it answers, `depth` deep.
std::string FlatCheckoutBody();
std::string NestedCheckoutBody(int depth);

// Body of POST /pay for the receipt that the service answered a checkout with; empty if `receipt`
// is no such answer.
std::string PayBody(const std::string& receipt);

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_LOAD_REQUESTS_H_
