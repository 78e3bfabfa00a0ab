// SPDX-License-Identifier: Apache-2.0
#include "model/profile_builder.h"

#include <doctest/doctest.h>

namespace podo::model {
namespace {

TEST_CASE("equal things are stored once and values of equal samples add up") {
  ProfileBuilder builder({{"samples", "count"}, {"cpu", "nanoseconds"}});
  const LocationId a = builder.AddNamedFrame("a");
  const LocationId b = builder.AddNamedFrame("b");
  CHECK(builder.AddNamedFrame("a") == a);
  CHECK(a != b);
  const StackId ab = builder.AddStack({a, b});
  CHECK(builder.AddStack({a, b}) == ab);
  CHECK(builder.AddStack({b, a}) != ab);
  builder.AddSample(ab, {}, {}, {1, 10});
  builder.AddSample(ab, {}, {}, {2, 20});
  const Profile p = builder.Take();
  REQUIRE(p.samples.size() == 1);
  CHECK(p.ValuesOf(0)[0] == 3);
  CHECK(p.ValuesOf(0)[1] == 30);
}

TEST_CASE("a sum of values stays at the end of its range instead of wrapping around") {
  ProfileBuilder builder({{"samples", "count"}});
  builder.AddSample({}, {}, {}, {INT64_MAX});
  builder.AddSample({}, {}, {}, {1});
  CHECK(builder.Take().values == std::vector<int64_t>{INT64_MAX});
}

TEST_CASE("every table starts with its zero value") {
  const Profile p = Profile::Empty();
  CHECK(p.strings == std::vector<std::string>{""});
  CHECK(p.functions.size() == 1);
  CHECK(p.mappings.size() == 1);
  CHECK(p.locations.size() == 1);
  CHECK(p.stacks.size() == 1);
  CHECK(p.label_sets.size() == 1);
  CHECK(p.links.size() == 1);
}

}  // namespace
}  // namespace podo::model
