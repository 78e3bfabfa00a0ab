// SPDX-License-Identifier: Apache-2.0
// What is known about addresses, packed and held under a byte cap.
#ifndef PODO_LIB_SYMBOLIZE_FRAME_CACHE_H_
#define PODO_LIB_SYMBOLIZE_FRAME_CACHE_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "absl/types/span.h"
#include "base/hash_map.h"
#include "symbolize/dwarf_reader.h"
#include "symbolize/source_frame.h"

namespace podo::symbolize {

// The answers about one module. Strings and functions are stored once: a frame is 8 bytes. Not
// thread-safe.
class ModuleFrames {
 public:
  // Replaces what was known about `vaddr`. `is_final` false: good enough to show, not to keep.
  void Add(uint64_t vaddr, absl::Span<const SourceFrame> frames, bool is_final);
  bool IsFinal(uint64_t vaddr) const;
  // Marks the entry as in use. False if there is none or it has no frames.
  bool Find(uint64_t vaddr, std::vector<SourceFrame>* frames);
  // A copy with the entries that Find has returned since the last copy, not yet in use again.
  std::unique_ptr<ModuleFrames> CopyUsed() const;
  bool empty() const { return entries_.empty(); }
  size_t bytes() const;

  std::vector<UnitRange> units;  // where DWARF units lie, so that they are listed once
  bool units_listed = false;

 private:
  struct Function {
    uint32_t name = 0;
    uint32_t system_name = 0;
    uint32_t file = 0;
    uint32_t start_line = 0;
    bool operator==(const Function&) const = default;
    template <typename H>
    friend H AbslHashValue(H hash, const Function& f) {
      return H::combine(std::move(hash), f.name, f.system_name, f.file, f.start_line);
    }
  };
  struct Frame {
    uint32_t function = 0;
    uint32_t line = 0;
  };
  struct Entry {
    uint32_t first = 0;
    uint16_t count = 0;
    bool is_final = false;
    bool is_used = false;
  };
  uint32_t InternString(const std::string& text);
  uint32_t InternFunction(const SourceFrame& frame);
  void Read(const Entry& entry, std::vector<SourceFrame>* frames) const;

  // Deques and nodes: growth does not copy, so it does not need double the memory for a moment.
  std::unordered_map<std::string, uint32_t> string_ids_;
  std::deque<const std::string*> strings_;
  base::HashMap<Function, uint32_t> function_ids_;
  std::deque<Function> functions_;
  std::deque<Frame> frames_;
  base::HashMap<uint64_t, Entry> entries_;
  size_t string_heap_bytes_ = 0;
};

// All modules. Thread-safe; every call holds the lock for microseconds, but for Add when the cap
// is reached, which copies what is still in use (some 10 ms at 64 MiB).
class FrameCache {
 public:
  explicit FrameCache(size_t byte_cap) : byte_cap_(byte_cap) {}

  // False if the cap is reached by entries that are all in use; the entry is not added then.
  bool Add(const std::string& module, uint64_t vaddr, absl::Span<const SourceFrame> frames,
           bool is_final);
  bool Find(const std::string& module, uint64_t vaddr, std::vector<SourceFrame>* frames);
  // Those of `vaddrs` that have no final answer, sorted, without duplicates.
  std::vector<uint64_t> Missing(const std::string& module, absl::Span<const uint64_t> vaddrs);
  // False if nothing can be added; sweeps first.
  bool HasRoom();

  // The unit table of a module; false if none is stored. Storing one that is larger than a quarter
  // of the cap is refused: it is listed anew each time.
  bool GetUnits(const std::string& module, std::vector<UnitRange>* units);
  void StoreUnits(const std::string& module, const std::vector<UnitRange>& units);

  size_t bytes() const;

 private:
  ModuleFrames* Module(const std::string& key);  // creates
  // Drops what nobody has asked for since the last sweep; false if that does not make room.
  bool Sweep();
  bool IsFull() const { return bytes_ > byte_cap_ / 4 * 3; }  // a hash table may double once more

  const size_t byte_cap_;
  mutable std::mutex mutex_;
  base::HashMap<std::string, std::unique_ptr<ModuleFrames>> modules_;
  size_t bytes_ = 0;
};

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_FRAME_CACHE_H_
