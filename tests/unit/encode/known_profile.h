// SPDX-License-Identifier: Apache-2.0
// A profile whose every number is known, for tests here and for other programs' readers.
//
// 100 samples of a little server: main -> Serve -> { Serialize (with Escape inlined into it), again
// below itself, libc without symbols }, and ticks of threads that block the signal.
#ifndef PODO_TESTS_UNIT_ENCODE_KNOWN_PROFILE_H_
#define PODO_TESTS_UNIT_ENCODE_KNOWN_PROFILE_H_

#include <cstdint>

#include "model/profile.h"
#include "model/profile_builder.h"

namespace podo::encode {

struct KnownProfileOptions {
  uint64_t load_base = 0x55d000000000;  // where the loader put the program this time
  int64_t serialize = 10;               // samples in Serialize
  int64_t recursive = 5;                // samples in a Serialize called by Serialize
  int64_t libc = 80;
  int64_t blocked = 5;
};

inline constexpr int64_t kKnownPeriodNs = 10'000'000;  // 100 Hz
inline constexpr char kKnownProgram[] = "/opt/shop/checkout";

// Adds a location of `lines` (innermost first) in `mapping`.
struct KnownLine {
  const char* function;
  const char* file;
  int64_t line;
};

inline model::LocationId AddKnownLocation(model::ProfileBuilder& builder, model::MappingId mapping,
                                          uint64_t address, std::vector<KnownLine> lines) {
  model::Location location{.mapping = mapping, .address = address};
  for (const KnownLine& line : lines) {
    const model::StringId name = builder.AddString(line.function);
    const model::FunctionId function = builder.AddFunction(
        {.name = name, .system_name = name, .filename = builder.AddString(line.file)});
    location.lines.push_back({.function = function, .line = line.line});
  }
  return builder.AddLocation(location);
}

inline model::Profile KnownProfile(const KnownProfileOptions& options = {}) {
  model::ProfileBuilder builder({{"samples", "count"}, {"cpu", "nanoseconds"}});
  const uint64_t base = options.load_base;
  const uint64_t libc_base = base + 0x1000000;
  const model::MappingId program = builder.AddMapping({.start = base,
                                                       .limit = base + 0x10000,
                                                       .file_offset = 0x1000,
                                                       .filename = builder.AddString(kKnownProgram),
                                                       .build_id = builder.AddString("c0ffee01"),
                                                       .has_functions = true,
                                                       .has_filenames = true,
                                                       .has_line_numbers = true,
                                                       .has_inline_frames = true});
  const model::MappingId libc = builder.AddMapping({.start = libc_base,
                                                    .limit = libc_base + 0x20000,
                                                    .file_offset = 0x2000,
                                                    .filename = builder.AddString("/lib/libc.so.6"),
                                                    .build_id = builder.AddString("c0ffee02"),
                                                    .has_functions = true});
  const auto main = AddKnownLocation(builder, program, base + 0x100, {{"main", "main.cc", 12}});
  const auto serve = AddKnownLocation(builder, program, base + 0x200, {{"Serve", "serve.cc", 40}});
  const auto serialize = AddKnownLocation(
      builder, program, base + 0x300, {{"Escape", "json.cc", 15}, {"Serialize", "json.cc", 88}});
  const auto outer =
      AddKnownLocation(builder, program, base + 0x340, {{"Serialize", "json.cc", 90}});
  const auto bare = AddKnownLocation(builder, libc, libc_base + 0x500, {});

  const auto add = [&](std::vector<model::LocationId> leaf_first, model::LabelSetId labels,
                       model::LinkId link, int64_t count) {
    builder.AddSample(builder.AddStack(leaf_first), labels, link, {count, count * kKnownPeriodNs});
  };
  model::LabelSet labels;
  labels.labels.push_back(
      {.key = builder.AddString("endpoint"), .string = builder.AddString("/pay")});
  labels.labels.push_back({.key = builder.AddString("body"),
                           .number = 4096,
                           .number_unit = builder.AddString("bytes")});
  const model::LinkId link = builder.AddLink({.trace_id = {0xab, 1, 2}, .span_id = {0xcd, 9}});
  add({bare, serve, main}, {}, {}, options.libc);
  add({serialize, serve, main}, builder.AddLabelSet(labels), {}, options.serialize);
  add({serialize, outer, serve, main}, {}, link, options.recursive);
  add({builder.AddNamedFrame("[threads blocking SIGPROF]")}, {}, {}, options.blocked);

  model::Profile& profile = builder.profile();
  profile.time_ns = 1'700'000'000'000'000'000;
  profile.duration_ns = 10'000'000'000;
  profile.period_type = profile.sample_types[1];
  profile.period = kKnownPeriodNs;
  profile.comments = {builder.AddString("a known profile")};
  profile.default_sample_type = builder.AddString("cpu");
  profile.doc_url = builder.AddString("https://example.org/podo");
  return builder.Take();
}

// The profile that the service shows after Serialize turned slow, loaded somewhere else.
inline model::Profile KnownProfileAfter() {
  return KnownProfile({.load_base = 0x562000000000, .serialize = 60, .recursive = 25, .libc = 10});
}

}  // namespace podo::encode

#endif  // PODO_TESTS_UNIT_ENCODE_KNOWN_PROFILE_H_
