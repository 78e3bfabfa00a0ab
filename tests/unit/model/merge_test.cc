// SPDX-License-Identifier: Apache-2.0
#include "model/merge.h"

#include <doctest/doctest.h>

namespace podo::model {
namespace {

Profile OneSample(std::string_view function, std::string_view mapping, int64_t value,
                  int64_t time_ns) {
  ProfileBuilder b({{"samples", "count"}});
  Mapping m;
  m.start = 0x1000;
  m.limit = 0x2000;
  m.filename = b.AddString(mapping);
  Location l;
  l.mapping = b.AddMapping(m);
  l.address = 0x1234;
  l.lines = {{.function = b.AddFunction({.name = b.AddString(function)}), .line = 7}};
  b.AddSample(b.AddStack({b.AddLocation(l)}), {}, {}, {value});
  b.profile().time_ns = time_ns;
  b.profile().duration_ns = 10;
  b.profile().comments = {b.AddString("same")};
  return b.Take();
}

TEST_CASE("samples of equal stacks add up across profiles and other stacks stay apart") {
  ProfileBuilder into({{"samples", "count"}});
  MergeProfile(OneSample("f", "exe", 3, 500), &into);
  const std::vector<MappingId> ids = MergeProfile(OneSample("f", "exe", 4, 400), &into);
  MergeProfile(OneSample("g", "exe", 5, 600), &into);
  const Profile p = into.Take();
  REQUIRE(p.samples.size() == 2);
  CHECK(p.ValuesOf(0)[0] == 7);
  CHECK(p.ValuesOf(1)[0] == 5);
  CHECK(p.mappings.size() == 2);
  CHECK(ids == std::vector<MappingId>{MappingId{0}, MappingId{1}});
  CHECK(p.time_ns == 400);
  CHECK(p.duration_ns == 30);
  CHECK(p.comments.size() == 1);
}

TEST_CASE("ids of a second profile are translated, not copied") {
  ProfileBuilder into({{"samples", "count"}});
  into.AddString("shifts every id");
  MergeProfile(OneSample("f", "lib.so", 1, 1), &into);
  const Profile p = into.Take();
  const Location& l = p.locations[Index(p.stacks[Index(p.samples[0].stack)].locations[0])];
  CHECK(p.String(p.functions[Index(l.lines[0].function)].name) == "f");
  CHECK(p.String(p.mappings[Index(l.mapping)].filename) == "lib.so");
}

}  // namespace
}  // namespace podo::model
