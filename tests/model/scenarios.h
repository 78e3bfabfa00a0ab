// SPDX-License-Identifier: Apache-2.0
#ifndef PODO_TESTS_MODEL_SCENARIOS_H_
#define PODO_TESTS_MODEL_SCENARIOS_H_

#include <memory>
#include <vector>

#include "explorer.h"

namespace podo::modelcheck {

struct Named {
  const char* name;
  std::unique_ptr<Scenario> (*make)();
};
const std::vector<Named>& LitmusTests();
const std::vector<Named>& Scenarios();

}  // namespace podo::modelcheck

#endif  // PODO_TESTS_MODEL_SCENARIOS_H_
