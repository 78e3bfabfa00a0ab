// SPDX-License-Identifier: Apache-2.0
#include "aggregate/thread_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace podo::aggregate {

uint32_t ThreadTable::SlotOf(uint32_t tid) const {
  uint32_t at = (tid * 2654435769u) & (slot_count_ - 1);  // Knuth's multiplicative hash
  while (slots_[at] != 0 && thread(slots_[at]).tid != tid) at = (at + 1) & (slot_count_ - 1);
  return at;
}

ThreadTable::Thread ThreadTable::Find(uint32_t index) const {
  if ((index & kByTid) == 0) return thread(index);
  const uint32_t tid = index & ~kByTid;
  const uint32_t known = slot_count_ != 0 ? slots_[SlotOf(tid)] : 0;
  return known != 0 ? thread(known) : Thread{tid, 0, {}};
}

bool ThreadTable::Rehash(uint32_t slots) {
  if (slots_.data() != nullptr) slots_.Clear(slot_count_);
  if (!slots_.Reserve(slots)) return false;
  slot_count_ = slots;
  for (uint32_t i = 1; i <= size_; ++i) slots_[SlotOf(thread(i).tid)] = i;  // the newest one stays
  return true;
}

uint32_t ThreadTable::IndexOf(uint32_t tid, uint32_t round,
                              absl::FunctionRef<void(uint32_t tid, char* name)> read_name) {
  if ((size_ + 1) * 2 > slot_count_ && !Rehash(std::max<uint32_t>(1024, slot_count_ * 2))) return 0;
  uint32_t* slot = &slots_[SlotOf(tid)];
  Thread now = {tid, round, {}};
  if (*slot != 0) {
    Thread& known = threads_[*slot - 1];
    if (known.round == round) return *slot;
    std::memcpy(now.name, known.name, sizeof now.name);
    read_name(tid, now.name);
    known.round = round;
    if (std::memcmp(now.name, known.name, sizeof now.name) == 0) return *slot;
  } else {
    read_name(tid, now.name);
  }
  if (size_ == threads_.capacity() && !threads_.Reserve(std::max<size_t>(128, size_ * size_t{2}))) {
    return *slot;
  }
  threads_[size_] = now;
  return *slot = ++size_;
}

void ThreadTable::Clear() {
  if (slots_.data() != nullptr) slots_.Clear(slot_count_);
  if (threads_.data() != nullptr) threads_.Clear(size_);
  size_ = 0;
}

void ReadThreadName(uint32_t tid, char* name) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%u/comm", tid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  char text[16] = {};
  const ssize_t size = read(fd, text, sizeof text);
  close(fd);
  if (size <= 0) return;
  text[size - 1] = '\0';  // the newline
  std::memcpy(name, text, sizeof text);
}

}  // namespace podo::aggregate
