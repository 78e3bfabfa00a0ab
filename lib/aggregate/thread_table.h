// SPDX-License-Identifier: Apache-2.0
// Names of the threads that were sampled in one window, as the kernel knows them.
//
// Filled by the drain, hence without malloc. A thread that changes its name gets another entry, so
// that each sample keeps the name of its time (as exact as the drain's rounds, twice a second).
#ifndef PODO_LIB_AGGREGATE_THREAD_TABLE_H_
#define PODO_LIB_AGGREGATE_THREAD_TABLE_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "aggregate/stack_table.h"

namespace podo::aggregate {

class ThreadTable {
 public:
  struct Thread {
    uint32_t tid;
    uint32_t round;  // of the last reading of the name
    char name[16];   // TASK_COMM_LEN, NUL-terminated; empty: could not be read
  };

  // 1-based index for samples of `tid`; 0 without memory. `read_name(tid, name[16])` is asked once
  // a round and thread; it leaves the name alone if the thread is gone.
  uint32_t IndexOf(uint32_t tid, uint32_t round,
                   absl::FunctionRef<void(uint32_t tid, char* name)> read_name);
  const Thread& thread(uint32_t index) const { return threads_[index - 1]; }
  // What is known for an index that samples carry: an entry's, or kByTid with a tid, for samples
  // that do not come from the drain; their name is the thread's last one in this window, if any.
  static constexpr uint32_t kByTid = 1u << 31;  // tids are below 2^22 (PID_MAX_LIMIT)
  Thread Find(uint32_t index) const;
  uint32_t size() const { return size_; }
  void Clear();

 private:
  bool Rehash(uint32_t slots);
  uint32_t SlotOf(uint32_t tid) const;

  MappedArray<Thread> threads_;
  MappedArray<uint32_t> slots_;  // index of a tid's newest entry; 0 = empty; a power of two of them
  uint32_t size_ = 0;
  uint32_t slot_count_ = 0;
};

// The kernel's name of a thread of this process (/proc/self/task/TID/comm).
void ReadThreadName(uint32_t tid, char* name);

}  // namespace podo::aggregate

#endif  // PODO_LIB_AGGREGATE_THREAD_TABLE_H_
