// SPDX-License-Identifier: Apache-2.0
#include "config_variables.h"

#include <doctest/doctest.h>

#include <string>

namespace podo {
namespace {

TEST_CASE("the nearest known name is what a typing error meant") {
  struct Case {
    std::string typed, meant;
  };
  const Case cases[] = {
      {"PODO_INTERVALL", "PODO_INTERVAL"},
      {"PODO_INTREVAL", "PODO_INTERVAL"},
      {"PODO_HZ", "PODO_LOG"},  // far from all: the first of the least distant
      {"PODO_SAMPLEHZ", "PODO_SAMPLE_HZ"},
      {"PODO_SAMPLING_HZ", "PODO_SAMPLE_HZ"},
      {"PODO_EXPORTS", "PODO_EXPORT"},
      {"PODO_SERVICENAME", "PODO_SERVICE_NAME"},
      {"PODO_LABEL", "PODO_LABELS"},
      {"PODO_CLIENT_CERT", "PODO_CLIENT_KEY"},
      {"PODO_enabled", "PODO_ENABLED"},
      {"PODO_" + std::string(100'000, 'X'), "PODO_EXPORT"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.typed.substr(0, 100));
    CHECK(std::string(NearestVariable(c.typed).name) == c.meant);
  }
}

TEST_CASE("every known name is its own nearest and found by itself") {
  for (const Variable& variable : KnownVariables()) {
    CAPTURE(std::string(variable.name));
    CHECK(&NearestVariable(variable.name) == &variable);
    CHECK(FindVariable(variable.name) == &variable);
  }
  CHECK(FindVariable("PODO_") == nullptr);
  CHECK(FindVariable("podo_enabled") == nullptr);
}

}  // namespace
}  // namespace podo
