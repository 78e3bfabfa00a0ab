// SPDX-License-Identifier: Apache-2.0
// Locations of one or two profiles turned into frames that are equal when a reader calls them so.
#ifndef PODO_LIB_ENCODE_FLAME_FRAMES_H_
#define PODO_LIB_ENCODE_FLAME_FRAMES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/hash_map.h"
#include "model/profile.h"

namespace podo::encode {

// One function as the page shows it: one per (name, file), whatever its address or build.
struct FlameFrame {
  uint32_t name = 0;    // index into FlameFrames::strings()
  uint32_t file = 0;    // same; 0 = unknown
  uint32_t module = 0;  // same; path of the first mapping it was seen in
  int64_t start_line = 0;
};

// One step of a stack: a frame, and whether it was inlined into the one before it.
struct FlameStep {
  uint32_t frame;
  uint32_t line;  // 0 = unknown
  bool inlined;
};

class FlameFrames {
 public:
  FlameFrames() { Intern(""); }

  uint32_t Intern(std::string_view text);

  // The steps of every location of `profile`, outermost first; index = location number.
  std::vector<std::vector<FlameStep>> AddLocations(const model::Profile& profile);
  // A frame that stands for no code: "[no stack]".
  FlameStep AddNamed(std::string_view name);

  // Counts `value` for the lines that one sample passed through, each once.
  void CountLines(absl::Span<const FlameStep> path, int64_t value);
  // The lines of every frame with their values, most expensive first, at most `limit`.
  std::vector<std::vector<std::pair<uint32_t, uint64_t>>> HotLines(size_t limit) const;

  const std::vector<std::string>& strings() const { return strings_; }
  const std::vector<FlameFrame>& frames() const { return frames_; }

 private:
  struct LineCount {
    uint64_t value = 0;
    uint64_t sample = 0;  // the last sample counted here
  };
  uint32_t AddFrame(const FlameFrame& frame);
  FlameStep AddAddress(const model::Profile& profile, const model::Location& location);

  std::vector<std::string> strings_;
  std::vector<FlameFrame> frames_;
  base::HashMap<std::string, uint32_t> string_ids_;
  base::HashMap<std::pair<uint32_t, uint32_t>, uint32_t> frame_ids_;
  base::HashMap<std::pair<uint32_t, uint32_t>, LineCount> lines_;
  uint64_t samples_counted_ = 0;
};

// Element `id` of `table`, or a zero value if there is none: files are not to be trusted.
template <typename T, typename Id>
const T& ElementOr0(const std::vector<T>& table, Id id) {
  static const T zero{};
  return model::Index(id) < table.size() ? table[model::Index(id)] : zero;
}

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_FLAME_FRAMES_H_
