// SPDX-License-Identifier: Apache-2.0
// A profile as plain tables: what aggregation makes, encoders read and files are decoded into.
//
// The shape follows the OTLP profiles dictionary (and fits pprof): every table's element 0 is the
// zero value and means "unset"; stacks list locations leaf first; a location lists its lines
// innermost inlined function first, the physical function last.
#ifndef PODO_LIB_MODEL_PROFILE_H_
#define PODO_LIB_MODEL_PROFILE_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/ids.h"

namespace podo::model {

struct ValueType {
  StringId type{};  // "samples", "cpu"
  StringId unit{};  // "count", "nanoseconds"
  bool operator==(const ValueType&) const = default;
};

struct Function {
  StringId name{};         // demangled
  StringId system_name{};  // as the linker knows it
  StringId filename{};
  int64_t start_line = 0;  // 0 = unknown
  bool operator==(const Function&) const = default;
};

struct Line {
  FunctionId function{};
  int64_t line = 0;  // 0 = unknown
  int64_t column = 0;
  bool operator==(const Line&) const = default;
};

struct Mapping {
  uint64_t start = 0;  // run-time address of the executable segment
  uint64_t limit = 0;  // exclusive
  uint64_t file_offset = 0;
  StringId filename{};
  StringId build_id{};  // GNU build id, lower-case hex
  bool has_functions = false;
  bool has_filenames = false;
  bool has_line_numbers = false;
  bool has_inline_frames = false;
  StringId htlhash{};  // OpenTelemetry's hash of the file, lower-case hex; unset until it was read
  bool operator==(const Mapping&) const = default;
};

struct Location {
  MappingId mapping{};   // 0: a named root frame or code without a module
  uint64_t address = 0;  // run-time address inside the call instruction; 0 for named frames
  std::vector<Line> lines;
  bool is_folded = false;
  bool operator==(const Location&) const = default;
};

struct Stack {
  std::vector<LocationId> locations;  // leaf first
  bool operator==(const Stack&) const = default;
};

// A label has a string value, or a number with an optional unit (string == 0).
struct Label {
  StringId key{};
  StringId string{};
  int64_t number = 0;
  StringId number_unit{};
  bool operator==(const Label&) const = default;
};

struct LabelSet {
  std::vector<Label> labels;  // ordered as given; equal sets are interned once
  bool operator==(const LabelSet&) const = default;
};

struct Link {
  std::array<uint8_t, 16> trace_id{};
  std::array<uint8_t, 8> span_id{};
  bool operator==(const Link&) const = default;
};

// Distinct (stack, label set, link). Values stand in Profile::values.
struct Sample {
  StackId stack{};
  LabelSetId labels{};
  LinkId link{};
};

struct Profile {
  std::vector<std::string> strings;  // valid UTF-8
  std::vector<Function> functions;
  std::vector<Mapping> mappings;  // element 1 is the main binary
  std::vector<Location> locations;
  std::vector<Stack> stacks;
  std::vector<LabelSet> label_sets;
  std::vector<Link> links;

  std::vector<ValueType> sample_types;  // podo: {samples,count}, {cpu,nanoseconds}
  std::vector<Sample> samples;
  std::vector<int64_t> values;  // samples.size() * sample_types.size(), sample-major

  int64_t time_ns = 0;  // begin, Unix epoch
  int64_t duration_ns = 0;
  ValueType period_type;
  int64_t period = 0;  // measured CPU ns per tick for podo's own profiles

  std::vector<StringId> comments;
  StringId drop_frames{};
  StringId keep_frames{};
  StringId default_sample_type{};
  StringId doc_url{};

  // An empty profile with the zero element in every table.
  static Profile Empty() {
    Profile p;
    p.strings.emplace_back();
    p.functions.emplace_back();
    p.mappings.emplace_back();
    p.locations.emplace_back();
    p.stacks.emplace_back();
    p.label_sets.emplace_back();
    p.links.emplace_back();
    return p;
  }

  const std::string& String(StringId id) const { return strings[Index(id)]; }
  // The values of sample `i`: one per sample type.
  const int64_t* ValuesOf(size_t i) const { return values.data() + i * sample_types.size(); }
};

}  // namespace podo::model

#endif  // PODO_LIB_MODEL_PROFILE_H_
