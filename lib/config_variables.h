// SPDX-License-Identifier: Apache-2.0
// The names of podo's environment variables: which exist, which of them this version can serve.
#ifndef PODO_LIB_CONFIG_VARIABLES_H_
#define PODO_LIB_CONFIG_VARIABLES_H_

#include <string_view>

#include "absl/types/span.h"

namespace podo {

struct Variable {
  std::string_view name;
  bool is_available = true;
  // What this version does anyhow: the only value of an unavailable variable that is no complaint.
  std::string_view built_in = {};
};

// Every variable of the contract, in its order.
absl::Span<const Variable> KnownVariables();

// nullptr if `name` is not known.
const Variable* FindVariable(std::string_view name);

// The known variable with the least edit distance to `name`; the earlier one of equals.
const Variable& NearestVariable(std::string_view name);

}  // namespace podo

#endif  // PODO_LIB_CONFIG_VARIABLES_H_
