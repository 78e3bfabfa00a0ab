// SPDX-License-Identifier: Apache-2.0
#include "encode/folded.h"

#include <doctest/doctest.h>

#include <cstdint>

#include "encode/sample_type.h"
#include "known_profile.h"

namespace podo::encode {
namespace {

TEST_CASE("stacks read root first, inlined functions are frames, nameless ones module+offset") {
  CHECK(EncodeFolded(KnownProfile()) ==
        "[threads blocking SIGPROF] 5\n"
        "main;Serve;Serialize;Escape 10\n"
        "main;Serve;Serialize;Serialize;Escape 5\n"
        "main;Serve;libc.so.6+0x2500 80\n");
}

TEST_CASE("another sample type is shown when asked for") {
  CHECK(EncodeFolded(KnownProfile({.serialize = 0, .recursive = 0, .libc = 0}), 1) ==
        "[threads blocking SIGPROF] 50000000\n");
}

TEST_CASE("a name cannot break the line format") {
  const struct {
    const char* name;
    const char* folded;
  } kCases[] = {
      {"f() [with T = int; U = int]", "f() [with T = int: U = int] 1\n"},
      {"two\nlines\x1b[31m", "two lines [31m 1\n"},
      {"caf\xc3\xa9", "caf\xc3\xa9 1\n"},
  };
  for (const auto& test : kCases) {
    model::ProfileBuilder builder({{"samples", "count"}});
    builder.AddSample(builder.AddStack({builder.AddNamedFrame(test.name)}), {}, {}, {1});
    CHECK(EncodeFolded(builder.Take()) == test.folded);
  }
}

TEST_CASE("stacks that read the same are one line, and those that sum to zero none") {
  model::ProfileBuilder builder({{"samples", "count"}});
  for (const uint64_t address : {1, 2}) {
    const auto location = AddKnownLocation(builder, {}, address, {{"same", "same.cc", 1}});
    builder.AddSample(builder.AddStack({location}), {}, {}, {3});
  }
  const auto gone = builder.AddStack({builder.AddNamedFrame("gone")});
  model::LabelSet labels;
  labels.labels.push_back({.key = builder.AddString("k"), .string = builder.AddString("v")});
  builder.AddSample(gone, {}, {}, {2});
  builder.AddSample(gone, builder.AddLabelSet(labels), {}, {-2});
  builder.AddSample({}, {}, {}, {4});
  CHECK(EncodeFolded(builder.Take()) == "[no stack] 4\nsame 6\n");
}

TEST_CASE("sums stay at the ends of their range instead of wrapping around") {
  model::ProfileBuilder builder({{"samples", "count"}});
  for (const uint64_t address : {1, 2}) {
    const auto location = AddKnownLocation(builder, {}, address, {{"same", "same.cc", 1}});
    builder.AddSample(builder.AddStack({location}), {}, {}, {INT64_MAX});
  }
  CHECK(EncodeFolded(builder.Take()) == "same 9223372036854775807\n");
}

TEST_CASE("the sample type shown is the one named, else the profile's default, else the last") {
  model::Profile profile = KnownProfile();
  CHECK(*FindSampleType(profile, "samples") == 0);
  CHECK(*FindSampleType(profile, "cpu") == 1);
  profile.default_sample_type = profile.sample_types[0].type;
  CHECK(*FindSampleType(profile, "") == 0);
  profile.default_sample_type = {};
  CHECK(*FindSampleType(profile, "") == 1);
  profile.default_sample_type = profile.mappings[1].filename;  // no type's name
  CHECK(*FindSampleType(profile, "") == 1);
  CHECK(FindSampleType(profile, "heap").status().message() ==
        "no sample type \"heap\"; accepted: samples, cpu");
}

}  // namespace
}  // namespace podo::encode
