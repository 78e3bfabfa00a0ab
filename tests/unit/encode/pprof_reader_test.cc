// SPDX-License-Identifier: Apache-2.0
#include "encode/pprof_reader.h"

#include <doctest/doctest.h>

#include <string>

#include "base/compress.h"
#include "wire.h"

namespace podo::encode {
namespace {

using wire::Bytes;
using wire::Number;
using wire::Packed;

// string_table: "", samples, count, leaf, root, file.cc
std::string Strings() {
  std::string bytes;
  for (const char* text : {"", "samples", "count", "leaf", "root", "file.cc"}) {
    bytes += Bytes(6, text);
  }
  return bytes;
}

std::string SampleType() { return Bytes(1, Number(1, 1) + Number(2, 2)); }

// Function 70 "leaf" and 7 "root", locations 500 and 50, one line each.
std::string Tables() {
  return Bytes(5, Number(1, 70) + Number(2, 3) + Number(3, 3) + Number(4, 5) + Number(5, 11)) +
         Bytes(5, Number(1, 7) + Number(2, 4)) + Bytes(3, Number(1, 9) + Number(2, 0x1000)) +
         Bytes(4, Number(1, 500) + Number(2, 9) + Number(3, 0x1234) +
                      Bytes(4, Number(1, 70) + Number(2, 15) + Number(3, 4))) +
         Bytes(4, Number(1, 50) + Bytes(4, Number(1, 7)));
}

std::string Sample() { return Bytes(2, Packed(1, {500, 50}) + Packed(2, {42})); }

std::string Good() { return SampleType() + Sample() + Tables() + Strings(); }

std::string ErrorOf(std::string_view bytes, const PprofLimits& limits = {}) {
  const auto profile = ReadPprof(bytes, limits);
  return profile.ok() ? "ok" : std::string(profile.status().message());
}

// What `bytes` say in one line, to compare profiles by.
std::string Summary(std::string_view bytes) {
  const auto profile = ReadPprof(bytes);
  if (!profile.ok()) return std::string(profile.status().message());
  std::string text;
  for (size_t i = 0; i < profile->samples.size(); ++i) {
    for (const auto id : profile->stacks[Index(profile->samples[i].stack)].locations) {
      for (const auto& line : profile->locations[Index(id)].lines) {
        text += profile->String(profile->functions[Index(line.function)].name) + " ";
      }
    }
    for (size_t j = 0; j < profile->sample_types.size(); ++j) {
      text += std::to_string(profile->ValuesOf(i)[j]) + " ";
    }
  }
  return text;
}

TEST_CASE("every field of a small profile is read into its place") {
  const std::string label = Bytes(3, Number(1, 3) + Number(2, 4));
  const std::string number_label = Bytes(3, Number(1, 5) + Number(3, 77) + Number(4, 2));
  const std::string top = Number(7, 3) + Number(8, 4) + Number(9, 100) + Number(10, 200) +
                          Bytes(11, Number(1, 1) + Number(2, 2)) + Number(12, 300) +
                          Packed(13, {5, 3}) + Number(14, 1) + Number(15, 5);
  const std::string mapping =
      Bytes(3, Number(1, 8) + Number(2, 16) + Number(3, 32) + Number(4, 64) + Number(5, 5) +
                   Number(6, 4) + Number(7, 1) + Number(8, 1) + Number(9, 1) + Number(10, 1));
  const std::string sample =
      Bytes(2, Packed(1, {500, 50}) + Packed(2, {42}) + label + number_label);
  const auto read = ReadPprof(SampleType() + sample + mapping + Tables() + Strings() + top);
  REQUIRE(read.ok());
  const model::Profile& p = *read;

  CHECK(p.mappings[1] ==
        model::Mapping{16, 32, 64, model::StringId{5}, model::StringId{4}, true, true, true, true});
  CHECK(p.mappings[2].start == 0x1000);
  REQUIRE(p.samples.size() == 1);
  const auto& stack = p.stacks[Index(p.samples[0].stack)].locations;
  REQUIRE(stack.size() == 2);
  const model::Location& leaf = p.locations[Index(stack[0])];
  CHECK(Index(leaf.mapping) == 2);
  CHECK(leaf.address == 0x1234);
  REQUIRE(leaf.lines.size() == 1);
  CHECK(leaf.lines[0].line == 15);
  CHECK(leaf.lines[0].column == 4);
  const model::Function& function = p.functions[Index(leaf.lines[0].function)];
  CHECK(p.String(function.name) == "leaf");
  CHECK(p.String(function.system_name) == "leaf");
  CHECK(p.String(function.filename) == "file.cc");
  CHECK(function.start_line == 11);
  CHECK(p.values == std::vector<int64_t>{42});
  const auto& labels = p.label_sets[Index(p.samples[0].labels)].labels;
  REQUIRE(labels.size() == 2);
  CHECK(labels[0] == model::Label{model::StringId{3}, model::StringId{4}, 0, {}});
  CHECK(labels[1] == model::Label{model::StringId{5}, {}, 77, model::StringId{2}});
  CHECK(p.String(p.drop_frames) == "leaf");
  CHECK(p.String(p.keep_frames) == "root");
  CHECK(p.time_ns == 100);
  CHECK(p.duration_ns == 200);
  CHECK(p.String(p.period_type.type) == "samples");
  CHECK(p.period == 300);
  CHECK(p.comments == std::vector<model::StringId>{model::StringId{5}, model::StringId{3}});
  CHECK(p.String(p.default_sample_type) == "samples");
  CHECK(p.String(p.doc_url) == "file.cc");
}

TEST_CASE("forms that other writers use mean the same profile") {
  const std::string expected = "leaf root 42 ";
  CHECK(Summary(Good()) == expected);
  CHECK(Summary(*base::GzipCompress(Good())) == expected);
  CHECK(Summary(*base::ZstdCompress(Good())) == expected);
  // Tables in another order than their numbers.
  CHECK(Summary(Strings() + Tables() + Sample() + SampleType()) == expected);
  // Repeated numbers one by one, or in several packs.
  CHECK(Summary(SampleType() + Bytes(2, Number(1, 500) + Number(1, 50) + Number(2, 42)) + Tables() +
                Strings()) == expected);
  CHECK(Summary(SampleType() + Bytes(2, Packed(1, {500}) + Packed(2, {42}) + Packed(1, {50})) +
                Tables() + Strings()) == expected);
  // Unknown fields of every wire type.
  CHECK(Summary(Good() + Number(99, 1) + Bytes(100, "x") +
                std::string("\xa5\x06"
                            "abcd",
                            6) +
                std::string("\xa1\x06"
                            "abcdefgh",
                            10)) == expected);
}

TEST_CASE("a location may lack mapping, address and lines, and a sample its stack") {
  const std::string bytes = SampleType() + Bytes(2, Packed(1, {1}) + Packed(2, {7})) +
                            Bytes(2, Packed(2, {8})) + Bytes(4, Number(1, 1)) + Strings();
  CHECK(Summary(bytes) == "7 8 ");
}

TEST_CASE("any number of sample types is read, negative values too") {
  const std::string bytes = SampleType() + SampleType() + SampleType() +
                            Bytes(2, Packed(2, {1, ~uint64_t{0}, 3})) + Strings();
  CHECK(Summary(bytes) == "1 -1 3 ");
}

TEST_CASE("strings that are not UTF-8 are mended") {
  const auto profile = ReadPprof(Good() + Bytes(6, "a\xff"));
  REQUIRE(profile.ok());
  CHECK(profile->strings.back() == "a\xef\xbf\xbd");
}

TEST_CASE("what is wrong in a file is said in one line with what is accepted") {
  const struct {
    const char* name;
    std::string bytes;
    const char* error;
  } kCases[] = {
      {"nothing", "", "empty; accepted: profile.proto, bare, gzip or zstd"},
      {"text", "hello, world",
       "not a pprof profile: profile: the bytes are no protobuf message (unknown pbf field type "
       "exception); accepted: profile.proto, bare, gzip or zstd"},
      {"cut", Good().substr(0, Good().size() - 1),
       "not a pprof profile: profile: a table's entry (field 6): end of buffer exception; "
       "accepted: profile.proto, bare, gzip or zstd"},
      {"wrong wire type", Good() + Number(4, 1),
       "not a pprof profile: profile: a table's entry (field 4): wire type 0; accepted: 2, "
       "length-delimited; accepted: profile.proto, bare, gzip or zstd"},
      {"gperftools", std::string("\0\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24),
       "a gperftools CPU profile, not pprof; `pprof -proto PROGRAM FILE` converts it"},
      {"no strings", SampleType(),
       "profile: string_table: accepted: a table whose first string is empty"},
      {"string 0 not empty", SampleType() + Bytes(6, "x"),
       "profile: string_table: accepted: a table whose first string is empty"},
      {"no sample type", Sample() + Tables() + Strings(),
       "profile: no sample_type; accepted: at least one, such as samples/count"},
      {"string index too high", Good() + Bytes(5, Number(1, 1) + Number(2, 6)),
       "function #3: name 6; accepted: an index of the string table, 0 to 5"},
      {"string index negative", Good() + Number(14, ~uint64_t{0}),
       "profile: default_sample_type 18446744073709551615; accepted: an index of the string table, "
       "0 to 5"},
      {"comment out of range", Good() + Number(13, 6),
       "profile: comment 6; accepted: an index of the string table, 0 to 5"},
      {"label out of range", Good() + Bytes(2, Packed(2, {1}) + Bytes(3, Number(2, 9))),
       "label of a sample: str 9; accepted: an index of the string table, 0 to 5"},
      {"id 0", Good() + Bytes(3, Number(2, 5)), "mapping #2: id 0 or none; accepted: from 1"},
      {"id twice", Good() + Bytes(4, Number(1, 50)),
       "location #3: id 50 is given twice; accepted: one entry an id"},
      {"unknown mapping", Good() + Bytes(4, Number(1, 1) + Number(2, 3)),
       "location #3: mapping_id 3 is not in the file; accepted: an id of its table"},
      {"unknown function", Good() + Bytes(4, Number(1, 1) + Bytes(4, Number(1, 8))),
       "line of a location: function_id 8 is not in the file; accepted: an id of its table"},
      {"unknown location", Good() + Bytes(2, Packed(1, {51}) + Packed(2, {1})),
       "sample #2: location_id 51 is not in the file; accepted: an id of its table"},
      {"location 0", Good() + Bytes(2, Packed(1, {0}) + Packed(2, {1})),
       "sample #2: location_id 0; accepted: an id of its table"},
      {"too few values", Good() + Bytes(2, Packed(1, {50})),
       "sample #2: 0 values; accepted: 1, one per sample_type"},
      {"too many values", Good() + Bytes(2, Packed(1, {50}) + Packed(2, {1, 2})),
       "sample #2: value (field 2): more than 1 numbers"},
      {"broken inside", Good() + Bytes(4, Number(1, 1) + "\x18\xff"),
       "location #3: address (field 3): end of buffer exception"},
      {"varint of 11 bytes", Good() + Bytes(4, "\x08" + std::string(10, '\xff') + "\x01"),
       "location #3: id (field 1): varint too long exception"},
      {"string where a number is meant", Good() + Bytes(5, Bytes(1, "1")),
       "function #3: id (field 1): wire type 2; accepted: 0, a varint"},
      {"fixed32 where numbers are meant",
       Good() + Bytes(2, std::string("\x0d"
                                     "abcd",
                                     5)),
       "sample #2: location_id (field 1): wire type 5; accepted: 0, a varint, or 2, packed "
       "varints"},
  };
  for (const auto& test : kCases) {
    CAPTURE(test.name);
    CHECK(ErrorOf(test.bytes) == test.error);
  }
}

TEST_CASE("a file over a limit is refused by the limit's name") {
  PprofLimits limits;
  limits.max_bytes = Good().size();
  CHECK(ErrorOf(Good(), limits) == "ok");
  CHECK(ErrorOf(*base::GzipCompress(Good()), limits) == "ok");
  limits.max_bytes = Good().size() - 1;
  const std::string size = std::to_string(Good().size());
  const std::string limit = std::to_string(limits.max_bytes);
  CHECK(ErrorOf(Good(), limits) == "a profile of " + size + " bytes; accepted: at most " + limit);
  CHECK(ErrorOf(*base::GzipCompress(Good()), limits) ==
        "gzip data unpacks to more than the " + limit + " bytes accepted here");

  CHECK(ErrorOf(Good(), {.max_table_entries = 6}) == "ok");
  CHECK(ErrorOf(Good(), {.max_table_entries = 5}) ==
        "profile: string_table: accepted: at most 5 strings");
  const std::string sample = Bytes(2, Packed(2, {1}));
  std::string many = Good();
  for (int i = 0; i < 6; ++i) many += sample;
  CHECK(ErrorOf(many, {.max_table_entries = 6}) == "sample #7: accepted: at most 6");
  CHECK(ErrorOf(many, {.max_values = 6}) == "sample #7: accepted: at most 6 values in all");
  const std::string labels = Bytes(2, Packed(2, {1}) + Bytes(3, "") + Bytes(3, ""));
  CHECK(ErrorOf(Good() + labels, {.max_labels = 2}) == "ok");
  CHECK(ErrorOf(Good() + labels, {.max_labels = 1}) ==
        "sample #2: accepted: at most 1 labels in all");
}

TEST_CASE("frames are limited with the inlined ones counted, before anybody expands them") {
  const std::string line = Bytes(4, "");
  const std::string inlined = Bytes(4, Number(1, 1) + line + line + line);
  const std::string bytes = Good() + inlined + Bytes(2, Packed(1, {1, 1}) + Packed(2, {1}));
  CHECK(ErrorOf(bytes, {.max_frames = 8}) == "ok");
  CHECK(ErrorOf(bytes, {.max_frames = 7}) == "sample #2: accepted: at most 7 frames in all");
}

}  // namespace
}  // namespace podo::encode
