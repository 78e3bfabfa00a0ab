// SPDX-License-Identifier: Apache-2.0
#include "encode/pprof_encoder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <vector>

#include "base/compress.h"
#include "encode/link_labels.h"
#include "encode/pprof_reader.h"
#include "known_profile.h"

namespace podo::encode {
namespace {

using model::Index;

// One sample as text: "leaf frames... | labels | values".
std::string SampleText(const model::Profile& p, size_t i) {
  std::string text;
  for (const auto id : p.stacks[Index(p.samples[i].stack)].locations) {
    const model::Location& location = p.locations[Index(id)];
    if (location.lines.empty()) text += std::to_string(location.address & 0xfff) + " ";
    for (const auto& line : location.lines) {
      text +=
          p.String(p.functions[Index(line.function)].name) + ":" + std::to_string(line.line) + " ";
    }
  }
  text += "|";
  for (const auto& label : p.label_sets[Index(p.samples[i].labels)].labels) {
    text += " " + p.String(label.key) + "=" + p.String(label.string) +
            (label.number != 0 ? std::to_string(label.number) + p.String(label.number_unit) : "");
  }
  if (const auto& link = p.links[Index(p.samples[i].link)]; link != model::Link{}) {
    text += " link " + HexText(link.trace_id) + "-" + HexText(link.span_id);
  }
  for (size_t j = 0; j < p.sample_types.size(); ++j) {
    text += (j == 0 ? " | " : " ") + std::to_string(p.ValuesOf(i)[j]);
  }
  return text;
}

std::vector<std::string> SampleTexts(const model::Profile& p) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < p.samples.size(); ++i) texts.push_back(SampleText(p, i));
  std::sort(texts.begin(), texts.end());
  return texts;
}

// The messages of one top-level field.
std::vector<std::string> Entries(const std::string& bytes, uint32_t field) {
  std::vector<std::string> entries;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    if (reader.tag() == field && reader.wire_type() == protozero::pbf_wire_type::length_delimited) {
      entries.push_back(reader.get_string());
    } else {
      reader.skip();
    }
  }
  return entries;
}

uint64_t IdOf(const std::string& message) {
  protozero::pbf_reader reader(message);
  return reader.next(1) ? reader.get_uint64() : 0;
}

TEST_CASE("samples keep stacks, lines, labels, links and values") {
  const auto read = ReadPprof(EncodePprof(KnownProfile()));
  REQUIRE(read.ok());
  CHECK(SampleTexts(*read) ==
        std::vector<std::string>{
            "1280 Serve:40 main:12 | | 80 800000000",
            "Escape:15 Serialize:88 Serialize:90 Serve:40 main:12 | "
            "link ab010200000000000000000000000000-cd09000000000000 | 5 50000000",
            "Escape:15 Serialize:88 Serve:40 main:12 | endpoint=/pay body=4096bytes | 10 100000000",
            "[threads blocking SIGPROF]:0 | | 5 50000000",
        });
}

TEST_CASE("mappings, times, period and the profile's own strings are kept") {
  const model::Profile known = KnownProfile();
  const auto read = ReadPprof(EncodePprof(known));
  REQUIRE(read.ok());
  REQUIRE(read->mappings.size() == known.mappings.size());
  for (size_t i = 1; i < known.mappings.size(); ++i) {
    CAPTURE(i);
    const model::Mapping& a = known.mappings[i];
    const model::Mapping& b = read->mappings[i];
    CHECK(a.start == b.start);
    CHECK(a.limit == b.limit);
    CHECK(a.file_offset == b.file_offset);
    CHECK(known.String(a.filename) == read->String(b.filename));
    CHECK(known.String(a.build_id) == read->String(b.build_id));
    CHECK(a.has_functions == b.has_functions);
    CHECK(a.has_filenames == b.has_filenames);
    CHECK(a.has_line_numbers == b.has_line_numbers);
    CHECK(a.has_inline_frames == b.has_inline_frames);
  }
  CHECK(read->String(read->mappings[1].filename) == kKnownProgram);
  CHECK(read->time_ns == known.time_ns);
  CHECK(read->duration_ns == known.duration_ns);
  CHECK(read->period == known.period);
  CHECK(read->String(read->period_type.type) == "cpu");
  CHECK(read->String(read->period_type.unit) == "nanoseconds");
  CHECK(read->String(read->sample_types[0].type) == "samples");
  CHECK(read->String(read->sample_types[0].unit) == "count");
  REQUIRE(read->comments.size() == 1);
  CHECK(read->String(read->comments[0]) == "a known profile");
  CHECK(read->String(read->default_sample_type) == "cpu");
  CHECK(read->String(read->doc_url) == "https://example.org/podo");
}

TEST_CASE("ids are 1 to N in order and string 0 is the only empty one") {
  const std::string bytes = EncodePprof(KnownProfile());
  for (const uint32_t field : {3, 4, 5}) {
    CAPTURE(field);
    uint64_t expected = 0;
    for (const std::string& entry : Entries(bytes, field)) CHECK(IdOf(entry) == ++expected);
    CHECK(expected >= 2);
  }
  std::vector<std::string> strings = Entries(bytes, 6);
  CHECK(strings[0].empty());
  std::sort(strings.begin(), strings.end());
  CHECK(std::adjacent_find(strings.begin(), strings.end()) == strings.end());
}

TEST_CASE("what no sample refers to is not written, mappings are") {
  model::ProfileBuilder builder({{"samples", "count"}});
  AddKnownLocation(builder, {}, 1, {{"orphan", "orphan.cc", 1}});
  const auto used = AddKnownLocation(builder, {}, 2, {{"used", "used.cc", 2}});
  builder.AddMapping({.start = 4096, .limit = 8192});
  builder.AddSample(builder.AddStack({used}), {}, {}, {1});
  const std::string bytes = EncodePprof(builder.Take());
  CHECK(Entries(bytes, 3).size() == 1);
  CHECK(Entries(bytes, 4).size() == 1);
  CHECK(Entries(bytes, 5).size() == 1);
  CHECK(Entries(bytes, 6) == std::vector<std::string>{"", "samples", "count", "used", "used.cc"});
}

TEST_CASE("a profile without samples still has its types, and a period type even if unset") {
  model::ProfileBuilder builder({{"samples", "count"}});
  const std::string bytes = EncodePprof(builder.Take());
  CHECK(Entries(bytes, 1).size() == 1);
  REQUIRE(Entries(bytes, 11).size() == 1);
  CHECK(Entries(bytes, 11)[0].empty());
  CHECK(ReadPprof(bytes).ok());
}

TEST_CASE("a sample type without a name is written: values are counted by it") {
  model::ProfileBuilder builder({{"", ""}});
  builder.AddSample({}, {}, {}, {7});
  const auto read = ReadPprof(EncodePprof(builder.Take()));
  REQUIRE(read.ok());
  CHECK(read->values == std::vector<int64_t>{7});
}

TEST_CASE("numbers at the ends of their ranges survive") {
  model::ProfileBuilder builder({{"a", "count"}, {"b", "count"}});
  const auto location = builder.AddLocation({.address = ~uint64_t{0}, .is_folded = true});
  builder.AddSample(builder.AddStack({location}), {}, {}, {INT64_MIN, INT64_MAX});
  const auto read = ReadPprof(EncodePprof(builder.Take()));
  REQUIRE(read.ok());
  CHECK(read->values == std::vector<int64_t>{INT64_MIN, INT64_MAX});
  CHECK(read->locations[1].address == ~uint64_t{0});
  CHECK(read->locations[1].is_folded);
}

TEST_CASE("what was read and is written again reads the same, and encodes to the same bytes") {
  const std::string bytes = EncodePprof(KnownProfile());
  const auto once = ReadPprof(bytes);
  REQUIRE(once.ok());
  CHECK(EncodePprof(*once) == bytes);
  const auto gz = EncodePprofGz(*once);
  REQUIRE(gz.ok());
  CHECK(*base::GzipDecompress(*gz, bytes.size()) == bytes);
}

}  // namespace
}  // namespace podo::encode
