// SPDX-License-Identifier: Apache-2.0
// Labels as a set keeps them: one piece of memory, cut to the limits of context_c.h.
#ifndef PODO_LIB_CONTEXT_LABEL_TEXT_H_
#define PODO_LIB_CONTEXT_LABEL_TEXT_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "absl/hash/hash.h"
#include "podo/context_c.h"

namespace podo::context {

// One label, cut; an empty key means: left out.
struct CutLabel {
  std::string_view key;
  std::string_view value;
  bool cut;
};

inline CutLabel Cut(const podo_label& label) {
  const size_t key = label.key != nullptr ? label.key_size : 0;
  const size_t value = label.value != nullptr ? label.value_size : 0;
  return {{label.key, std::min<size_t>(key, PODO_LABEL_KEY_BYTES)},
          {label.value, std::min<size_t>(value, PODO_LABEL_VALUE_BYTES)},
          key > PODO_LABEL_KEY_BYTES || value > PODO_LABEL_VALUE_BYTES};
}

// Calls visit(const CutLabel&) for each label that counts; false from it ends the loop.
template <typename Visit>
bool ForEachCut(const podo_label* labels, size_t count, Visit&& visit) {
  for (size_t i = 0; i < std::min<size_t>(count, PODO_LABEL_COUNT); ++i) {
    const CutLabel label = Cut(labels[i]);
    if (!label.key.empty() && !visit(label)) return false;
  }
  return true;
}

// Reads {key size, value size, key, value}* one label at a time.
class LabelReader {
 public:
  LabelReader(const char* text, uint32_t bytes) : at_(text), end_(text + bytes) {}
  bool Next(std::string_view* key, std::string_view* value) {
    if (at_ == end_) return false;
    uint16_t sizes[2];
    std::memcpy(sizes, at_, sizeof sizes);
    *key = {at_ + sizeof sizes, sizes[0]};
    *value = {at_ + sizeof sizes + sizes[0], sizes[1]};
    at_ += sizeof sizes + sizes[0] + sizes[1];
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

// Both may depend on the order in which labels are given: another order makes another set, and
// profiles add equal ones up.
inline uint64_t HashLabels(uint32_t parent, const podo_label* labels, size_t count) {
  uint64_t hash = absl::HashOf(parent, count);
  ForEachCut(labels, count, [&](const CutLabel& label) {
    hash = absl::HashOf(hash, absl::string_view(label.key.data(), label.key.size()),
                        absl::string_view(label.value.data(), label.value.size()));
    return true;
  });
  return hash;
}

inline bool SameLabels(const char* text, uint32_t bytes, const podo_label* labels, size_t count) {
  LabelReader reader(text, bytes);
  std::string_view key, value;
  return ForEachCut(labels, count,
                    [&](const CutLabel& label) {
                      return reader.Next(&key, &value) && key == label.key && value == label.value;
                    }) &&
         !reader.Next(&key, &value);
}

}  // namespace podo::context

#endif  // PODO_LIB_CONTEXT_LABEL_TEXT_H_
