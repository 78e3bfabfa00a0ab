// SPDX-License-Identifier: Apache-2.0
// CPU timers of single threads, armed from outside.
//
// By raw system calls: libc's timer_create allocates, and this runs on the drain. The kernel
// deletes POSIX timers at exec together with the signals they have pending, and a fork child has
// none, so that they need no care there (facts: process.md).
#ifndef PODO_LIB_CAPTURE_THREAD_TIMERS_H_
#define PODO_LIB_CAPTURE_THREAD_TIMERS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"

namespace podo::capture {

// `clock_id`'s timer that sends podo's signal with `tag`; to thread `tid`, to the process if that
// is 0. Returns the kernel's id, or -1 with errno. Not armed yet.
int CreateCpuTimer(clockid_t clock_id, uint32_t tid, const void* tag);
// False if there is no such timer any more.
bool SetCpuTimer(int timer, uint64_t period_ns, uint64_t first_ns);
// The clock of a thread's CPU time (the ABI of clock_getcpuclockid, include/linux/posix-timers.h).
clockid_t ThreadCpuClock(uint32_t tid);

// A timer as whoever made it knows it; kNoTimer: none.
using TimerHandle = int64_t;
inline constexpr TimerHandle kNoTimer = -1;

// How timers of threads are made. All but `create` may be called by any thread, also in a signal
// handler; they may leave errno changed.
struct TimerCalls {
  // Not armed yet. kNoTimer with errno: EAGAIN, no more of them can be had; else no such thread.
  TimerHandle (*create)(uint32_t tid, const void* tag);
  bool (*set)(TimerHandle timer, uint64_t period_ns, uint64_t first_ns);  // false: it is gone
  bool (*is_alive)(TimerHandle timer, uint32_t tid);  // false: its thread is gone
  void (*destroy)(TimerHandle timer);
  void (*destroy_in_fork_child)(TimerHandle timer);  // null: a child has none
};
// By timer_create.
extern const TimerCalls kPosixTimerCalls;

// At most one timer a thread. One thread adds and sweeps; any thread, also in a signal handler, may
// delete them all at any moment.
class ThreadTimers {
 public:
  ThreadTimers(uint32_t max_threads, const void* tag, const TimerCalls& calls);
  ~ThreadTimers() { DeleteAll(); }
  ThreadTimers(const ThreadTimers&) = delete;
  ThreadTimers& operator=(const ThreadTimers&) = delete;

  enum class Outcome {
    kArmed,
    kGone,       // no such thread
    kExhausted,  // no more timers (RLIMIT_SIGPENDING), or no more room here
    kClosed,     // DeleteAll() came
  };
  bool Has(uint32_t tid) const { return Find(tid) != entries_.size(); }
  // A new timer for `tid`; an older one of the same number is another thread's and deleted.
  Outcome Arm(uint32_t tid, uint64_t period_ns, uint64_t first_ns);
  // Another period for all of them, from now on; `first_ns()` as in Arm().
  void SetPeriod(uint64_t period_ns, absl::FunctionRef<uint64_t()> first_ns);
  // Deletes those whose thread is gone.
  void Sweep();
  // Deletes so many, the newest threads' first.
  void GiveBack(uint64_t count);
  uint32_t count() const { return static_cast<uint32_t>(entries_.size()); }

  // Deletes all; Arm() does nothing until Reopen(). Async-signal-safe, any thread, but not in a
  // vfork child.
  void DeleteAll();
  // In a fork child, which shares descriptors, and where the numbers of timers are its own.
  // Async-signal-safe.
  void LetGoInForkChild();
  // By the thread that arms: forgets what is deleted and arms again from now on.
  void Reopen();

 private:
  struct Entry {
    uint32_t tid;
    uint32_t slot;
  };
  size_t Find(uint32_t tid) const;
  void Delete(uint32_t slot);
  void Remove(size_t at);

  const void* const tag_;
  const TimerCalls& calls_;
  std::vector<Entry> entries_;  // room reserved: the drain does not allocate
  std::vector<uint32_t> free_slots_;
  const uint32_t slot_count_;
  // Whoever takes a timer out of its slot (exchange) deletes it, nobody else. The order of closed_
  // and of the slots is seq_cst: either Arm() sees closed_ after it has stored the timer, or
  // DeleteAll() finds it.
  std::unique_ptr<std::atomic<TimerHandle>[]> slots_;
  std::atomic<uint32_t> used_slots_{0};  // upper bound of those ever used
  std::atomic<bool> closed_{false};
};

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_THREAD_TIMERS_H_
