// SPDX-License-Identifier: Apache-2.0
// Fuzz target: whatever bytes podo-flame is given, they are refused with one line or shown.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "encode/flame_page.h"
#include "encode/folded.h"
#include "encode/label_column.h"
#include "encode/label_filter.h"
#include "encode/label_table.h"
#include "encode/pprof_encoder.h"
#include "encode/pprof_reader.h"
#include "encode/sample_type.h"
#include "encode/top_text.h"

namespace {

void Expect(bool condition, const char* sentence) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", sentence);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace podo;
  // Small enough to draw every input at once, so that time is spent on forms, not on sizes.
  constexpr encode::PprofLimits kLimits{.max_bytes = 1 << 20,
                                        .max_table_entries = 1 << 14,
                                        .max_labels = 1 << 14,
                                        .max_values = 1 << 14,
                                        .max_frames = 1 << 14};
  const std::string_view file(reinterpret_cast<const char*>(bytes), size);
  const podo::base::StatusOr<model::Profile> profile = encode::ReadPprof(file, kLimits);
  if (!profile.ok()) {
    const auto message = profile.status().message();
    Expect(!message.empty() && message.find('\n') == message.npos, "an error is one line");
    return 0;
  }
  const size_t type = encode::FindSampleType(*profile, "").value();
  encode::EncodeFolded(*profile, type);
  encode::TopTableText(*profile, type, 10);
  encode::TopChangesText(*profile, type, *profile, 0, 10);
  encode::FlameGraphPage(*profile, {});
  encode::LabelChangesText(*profile, type, *profile, 0, 10);
  if (const std::vector<std::string> keys = encode::LabelKeys(*profile); !keys.empty()) {
    encode::EncodeFolded(*profile, type, keys);
    const std::string value = encode::ReadLabelColumn(*profile, keys[0]).values.back();
    encode::FlameGraphPage(encode::KeepLabelled(*profile, {{keys[0], value}}), {});
  }

  const std::string once = encode::EncodePprof(*profile);
  const podo::base::StatusOr<model::Profile> again = encode::ReadPprof(once);
  Expect(again.ok(), "what was read can be written and read");
  Expect(again->values.size() == profile->values.size(), "no sample is lost on the way");
  Expect(encode::EncodePprof(*again) == once, "and comes to the same bytes");
  return 0;
}
