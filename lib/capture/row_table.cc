// SPDX-License-Identifier: Apache-2.0
#include "capture/row_table.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/format.h"

namespace podo::capture {
namespace {

// Origin: most modules of a service are small; libc needs 25 k rows, which is 200 KiB.
constexpr size_t kFirstCapacityBytes = 64 * 1024;
constexpr size_t kFirstSlots = 256;

size_t RoundUpToPage(size_t bytes) {
  static const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

struct RuleWords {
  uint64_t words[3];
};

RuleWords WordsOf(const UnwindRule& rule) {
  static_assert(std::has_unique_object_representations_v<UnwindRule>);
  return std::bit_cast<RuleWords>(rule);
}

bool Same(const RuleWords& a, const RuleWords& b) {
  return ((a.words[0] ^ b.words[0]) | (a.words[1] ^ b.words[1]) | (a.words[2] ^ b.words[2])) == 0;
}

uint64_t HashOf(const RuleWords& rule) {
  const uint64_t hash = rule.words[0] * 0x9e3779b97f4a7c15u + rule.words[1] * 0xc2b2ae3d27d4eb4fu +
                        rule.words[2] * 0x165667b19e3779f9u;
  return hash ^ (hash >> 32);
}

}  // namespace

RowTable& RowTable::operator=(RowTable&& other) noexcept {
  if (this == &other) return *this;
  if (memory_ != nullptr) munmap(memory_, bytes_);
  rows_ = std::exchange(other.rows_, {});
  memory_ = std::exchange(other.memory_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

RowTable::~RowTable() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
}

RowTableBuilder::RowTableBuilder(uint64_t start, uint64_t end)
    : start_(start), end_(end), successors_(1, UINT32_MAX), slots_(kFirstSlots) {}

RowTableBuilder::~RowTableBuilder() {
  if (rows_ != nullptr) munmap(rows_, capacity_bytes_);
}

// mremap moves page-table entries, so a table that grows to megabytes is never copied.
bool RowTableBuilder::Reserve(size_t bytes) {
  if (bytes <= capacity_bytes_) return true;
  void* memory;
  if (rows_ == nullptr) {
    memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  } else {
    memory = mremap(rows_, capacity_bytes_, bytes, MREMAP_MAYMOVE);
  }
  if (memory == MAP_FAILED) {
    failed_ = true;
    return false;
  }
  rows_ = static_cast<UnwindRow*>(memory);
  capacity_bytes_ = bytes;
  return true;
}

void RowTableBuilder::Append(uint32_t pc_offset, const UnwindRule& rule) {
  if (failed_) return;
  RewindTo(pc_offset);
  const uint32_t index = Intern(rule);
  if (count_ > 0 && rows_[count_ - 1].rule == index) return;
  if ((size_t{count_} + 1) * sizeof(UnwindRow) > capacity_bytes_ &&
      !Reserve(capacity_bytes_ == 0 ? kFirstCapacityBytes : capacity_bytes_ * 2)) {
    return;
  }
  rows_[count_++] = {pc_offset, index};
}

void RowTableBuilder::RewindTo(uint32_t pc_offset) {
  while (count_ > 0 && rows_[count_ - 1].pc_offset >= pc_offset) --count_;
}

uint32_t RowTableBuilder::Intern(const UnwindRule& rule) {
  const RuleWords words = WordsOf(rule);
  // Prologues and epilogues repeat: the rule that followed the last one before mostly follows
  // again.
  uint32_t& expected = successors_[last_rule_];
  if (expected < rules_.size() && Same(WordsOf(rules_[expected]), words)) {
    return last_rule_ = expected;
  }
  size_t slot = HashOf(words) & (slots_.size() - 1);
  while (slots_[slot] != 0 && !Same(WordsOf(rules_[slots_[slot] - 1]), words)) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  if (slots_[slot] != 0) return last_rule_ = expected = slots_[slot] - 1;
  const uint32_t index = static_cast<uint32_t>(rules_.size());
  expected = index;
  rules_.push_back(rule);
  successors_.push_back(UINT32_MAX);
  slots_[slot] = index + 1;
  if (rules_.size() * 2 > slots_.size()) GrowHash();
  return last_rule_ = index;
}

void RowTableBuilder::GrowHash() {
  slots_.assign(slots_.size() * 2, 0);
  for (uint32_t i = 0; i < rules_.size(); ++i) {
    size_t slot = HashOf(WordsOf(rules_[i])) & (slots_.size() - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = i + 1;
  }
}

base::StatusOr<RowTable> RowTableBuilder::Finish() {
  // The lookup relies on a row at offset 0, whatever was appended.
  if (count_ == 0 || rows_[0].pc_offset != 0) {
    if (count_ != 0) return base::InternalError("unwind rows do not start at the module's start");
    Append(0, UnwindRule{.kind = CfaKind::kNoUnwind});
  }
  const size_t pages = ((end_ - start_ - 1) >> kRowPageShift) + 1;
  const size_t rules_at = count_ * sizeof(UnwindRow);
  const size_t pages_at = rules_at + rules_.size() * sizeof(UnwindRule);
  const size_t bytes = RoundUpToPage(pages_at + (pages + 1) * sizeof(uint32_t));
  if (failed_ || !Reserve(bytes)) {
    return base::ResourceExhaustedError(base::StrFormat(
        "no memory for the unwind rows of %d bytes of code: %s", end_ - start_, strerror(errno)));
  }
  char* base = reinterpret_cast<char*>(rows_);
  std::memcpy(base + rules_at, rules_.data(), rules_.size() * sizeof(UnwindRule));
  auto* first_row = reinterpret_cast<uint32_t*>(base + pages_at);
  uint32_t row = 0;
  for (size_t page = 0; page < pages; ++page) {
    while (row + 1 < count_ && rows_[row + 1].pc_offset <= page << kRowPageShift) ++row;
    first_row[page] = row;
  }
  first_row[pages] = count_ - 1;

  if (bytes < capacity_bytes_) munmap(base + bytes, capacity_bytes_ - bytes);
  RowTable table;
  table.memory_ = std::exchange(rows_, nullptr);
  table.bytes_ = bytes;
  capacity_bytes_ = 0;
  table.rows_ = {.start = start_,
                 .end = end_,
                 .row_count = count_,
                 .rule_count = static_cast<uint32_t>(rules_.size()),
                 .rows = static_cast<const UnwindRow*>(table.memory_),
                 .rules = reinterpret_cast<const UnwindRule*>(base + rules_at),
                 .page_first_row = first_row};
  return table;
}

}  // namespace podo::capture
