// SPDX-License-Identifier: Apache-2.0
// Builds and owns the rows of one module: one private mapping, trimmed to what is used.
#ifndef PODO_LIB_CAPTURE_ROW_TABLE_H_
#define PODO_LIB_CAPTURE_ROW_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/status.h"
#include "capture/unwind_rows.h"

namespace podo::capture {

// Owns the memory a ModuleRows points at. Move-only; moving keeps the addresses.
class RowTable {
 public:
  RowTable() = default;
  RowTable(RowTable&& other) noexcept { *this = std::move(other); }
  RowTable& operator=(RowTable&& other) noexcept;
  ~RowTable();

  const ModuleRows& rows() const { return rows_; }
  size_t bytes() const { return bytes_; }  // of memory, page-rounded

 private:
  friend class RowTableBuilder;
  ModuleRows rows_;
  void* memory_ = nullptr;
  size_t bytes_ = 0;
};

// Takes rows in rising pc order. Equal neighbours are merged, equal rules stored once. Once memory
// runs out it takes nothing more and Finish() says so. Not thread-safe.
class RowTableBuilder {
 public:
  // Rows will lie in [start, end), which must not be empty and be below 4 GiB long.
  RowTableBuilder(uint64_t start, uint64_t end);
  ~RowTableBuilder();
  RowTableBuilder(const RowTableBuilder&) = delete;
  RowTableBuilder& operator=(const RowTableBuilder&) = delete;

  // The rule holds from `pc_offset` on. A second rule for the same pc replaces the first.
  void Append(uint32_t pc_offset, const UnwindRule& rule);
  // For taking back the rows of an FDE that turns out to be broken: the rows appended from
  // pc_offset on disappear. Rules stay (a few bytes at worst).
  void RewindTo(uint32_t pc_offset);

  base::StatusOr<RowTable> Finish();

 private:
  uint32_t Intern(const UnwindRule& rule);
  void GrowHash();
  bool Reserve(size_t bytes);

  uint64_t start_;
  uint64_t end_;
  UnwindRow* rows_ = nullptr;  // at the start of the mapping, which becomes RowTable's
  size_t capacity_bytes_ = 0;
  uint32_t count_ = 0;
  bool failed_ = false;
  std::vector<UnwindRule> rules_;
  uint32_t last_rule_ = 0;
  std::vector<uint32_t> successors_;  // per rule: which one came next the last time
  std::vector<uint32_t> slots_;       // open addressing: index into rules_ plus 1, 0 = free
};

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_ROW_TABLE_H_
