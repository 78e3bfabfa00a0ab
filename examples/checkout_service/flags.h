// SPDX-License-Identifier: Apache-2.0
// Command lines of the form --name value, for the service and its load generator.
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_FLAGS_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_FLAGS_H_

#include <span>
#include <string>
#include <string_view>

namespace checkout {

// A number that the command line may set, with what is accepted.
struct Flag {
  std::string_view name;  // with its dashes
  double* value;
  double least;
  double most;
  bool whole;  // integers only
};

// Sets the flags that argv names. Returns what is wrong with argv, empty if nothing.
std::string ParseFlags(int argc, char** argv, std::span<const Flag> flags);

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_FLAGS_H_
