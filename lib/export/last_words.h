// SPDX-License-Identifier: Apache-2.0
// The newest line of one writer, for readers that must not wait.
#ifndef PODO_LIB_EXPORT_LAST_WORDS_H_
#define PODO_LIB_EXPORT_LAST_WORDS_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace podo::exporting {

// One thread writes, any reads. A sequence lock: `version_` is odd while the words change. The
// writer's release fence puts the odd number before the words, its release store the words before
// the even one; the reader's acquire load and fence are their partners. The words themselves are
// atomics, so that a torn read is a read of other words and no race.
class LastWords {
 public:
  static constexpr size_t kMaxBytes = 240;

  void Write(std::string_view line, int64_t at_ns) {
    std::array<uint64_t, kWords> words{};
    std::memcpy(words.data(), line.data(), std::min(line.size(), kMaxBytes));
    const uint64_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    for (size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_relaxed);
    version_.store(version + 2, std::memory_order_release);
    at_ns_.store(at_ns, std::memory_order_relaxed);
  }

  // Into `size` bytes, NUL-terminated. Empty if nothing was written yet, or if it is being written
  // now. Allocates nothing.
  void CopyTo(char* to, size_t size) const {
    std::array<uint64_t, kWords + 1> words{};  // the last one ends the text
    const uint64_t version = version_.load(std::memory_order_acquire);
    for (size_t i = 0; i < kWords; ++i) words[i] = words_[i].load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    const bool torn = version % 2 != 0 || version_.load(std::memory_order_relaxed) != version;
    const char* text = torn ? "" : reinterpret_cast<const char*>(words.data());
    const size_t length = std::min(strnlen(text, kMaxBytes), size - 1);
    std::memcpy(to, text, length);
    to[length] = 0;
  }
  // 0 if nothing was written yet; may belong to a newer line than Read gave.
  int64_t at_ns() const { return at_ns_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kWords = kMaxBytes / sizeof(uint64_t);
  std::atomic<uint64_t> version_{0};
  std::atomic<int64_t> at_ns_{0};
  std::array<std::atomic<uint64_t>, kWords> words_{};
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_LAST_WORDS_H_
