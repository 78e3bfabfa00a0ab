// SPDX-License-Identifier: Apache-2.0
#include "capture/thread_timers.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "capture/profiling_timer.h"

namespace podo::capture {
namespace {

timespec ToTimespec(uint64_t ns) {
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

void Destroy(TimerHandle timer) { syscall(SYS_timer_delete, static_cast<int>(timer)); }

// A timer on the clock of a thread that is gone reads as disarmed: the kernel knows the thread
// itself, not its number, so a reused one does not mislead.
bool IsAlive(TimerHandle timer, uint32_t) {
  itimerspec left = {};
  if (syscall(SYS_timer_gettime, static_cast<int>(timer), &left) != 0) return false;
  return left.it_value.tv_sec != 0 || left.it_value.tv_nsec != 0;
}

TimerHandle Create(uint32_t tid, const void* tag) {
  return CreateCpuTimer(ThreadCpuClock(tid), tid, tag);
}

bool Set(TimerHandle timer, uint64_t period_ns, uint64_t first_ns) {
  return SetCpuTimer(static_cast<int>(timer), period_ns, first_ns);
}

}  // namespace

const TimerCalls kPosixTimerCalls = {Create, Set, IsAlive, Destroy, nullptr};

clockid_t ThreadCpuClock(uint32_t tid) {
  constexpr uint32_t kPerThread = 4;
  constexpr uint32_t kSched = 2;  // user and system time, in ns
  return static_cast<clockid_t>(~tid << 3 | kPerThread | kSched);
}

int CreateCpuTimer(clockid_t clock_id, uint32_t tid, const void* tag) {
  sigevent event = {};
  event.sigev_signo = TickSignal();
  event.sigev_value.sival_ptr = const_cast<void*>(tag);
  event.sigev_notify = tid != 0 ? SIGEV_THREAD_ID : SIGEV_SIGNAL;
  event._sigev_un._tid = static_cast<pid_t>(tid);
  int timer = -1;  // the kernel's timer_t is an int
  return syscall(SYS_timer_create, clock_id, &event, &timer) == 0 ? timer : -1;
}

bool SetCpuTimer(int timer, uint64_t period_ns, uint64_t first_ns) {
  const itimerspec spec = {ToTimespec(period_ns), ToTimespec(first_ns)};
  return syscall(SYS_timer_settime, timer, 0, &spec, nullptr) == 0;
}

ThreadTimers::ThreadTimers(uint32_t max_threads, const void* tag, const TimerCalls& calls)
    : tag_(tag),
      calls_(calls),
      slot_count_(max_threads),
      slots_(new std::atomic<TimerHandle>[max_threads]) {
  entries_.reserve(max_threads);
  free_slots_.reserve(max_threads);
  for (uint32_t i = 0; i < max_threads; ++i) slots_[i].store(kNoTimer, std::memory_order_relaxed);
}

size_t ThreadTimers::Find(uint32_t tid) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), tid,
                                   [](const Entry& e, uint32_t t) { return e.tid < t; });
  return at != entries_.end() && at->tid == tid ? static_cast<size_t>(at - entries_.begin())
                                                : entries_.size();
}

void ThreadTimers::Delete(uint32_t slot) {
  const TimerHandle timer = slots_[slot].exchange(kNoTimer, std::memory_order_seq_cst);
  if (timer != kNoTimer) calls_.destroy(timer);
}

void ThreadTimers::Remove(size_t at) {
  const uint32_t slot = entries_[at].slot;
  Delete(slot);
  free_slots_.push_back(slot);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
}

ThreadTimers::Outcome ThreadTimers::Arm(uint32_t tid, uint64_t period_ns, uint64_t first_ns) {
  if (const size_t at = Find(tid); at != entries_.size()) Remove(at);
  if (closed_.load(std::memory_order_seq_cst)) return Outcome::kClosed;
  if (entries_.size() == slot_count_) return Outcome::kExhausted;
  const TimerHandle timer = calls_.create(tid, tag_);
  if (timer == kNoTimer) return errno == EAGAIN ? Outcome::kExhausted : Outcome::kGone;
  uint32_t slot = used_slots_.load(std::memory_order_relaxed);
  if (!free_slots_.empty()) {
    slot = free_slots_.back();
    free_slots_.pop_back();
  } else {
    used_slots_.store(slot + 1, std::memory_order_seq_cst);
  }
  slots_[slot].store(timer, std::memory_order_seq_cst);
  if (closed_.load(std::memory_order_seq_cst)) {
    Delete(slot);
    free_slots_.push_back(slot);
    return Outcome::kClosed;
  }
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), tid,
                                   [](const Entry& e, uint32_t t) { return e.tid < t; });
  const auto entry = entries_.insert(at, {tid, slot});
  // Deleted meanwhile by DeleteAll(): the call fails, and nothing is armed.
  if (calls_.set(timer, period_ns, first_ns)) return Outcome::kArmed;
  Remove(static_cast<size_t>(entry - entries_.begin()));
  return closed_.load(std::memory_order_seq_cst) ? Outcome::kClosed : Outcome::kGone;
}

void ThreadTimers::SetPeriod(uint64_t period_ns, absl::FunctionRef<uint64_t()> first_ns) {
  for (const Entry& entry : entries_) {
    const TimerHandle timer = slots_[entry.slot].load(std::memory_order_seq_cst);
    if (timer != kNoTimer) calls_.set(timer, period_ns, first_ns());
  }
}

void ThreadTimers::Sweep() {
  for (size_t at = entries_.size(); at-- > 0;) {
    const TimerHandle timer = slots_[entries_[at].slot].load(std::memory_order_seq_cst);
    if (timer == kNoTimer || !calls_.is_alive(timer, entries_[at].tid)) Remove(at);
  }
}

void ThreadTimers::GiveBack(uint64_t count) {
  for (; count != 0 && !entries_.empty(); --count) Remove(entries_.size() - 1);
}

void ThreadTimers::DeleteAll() {
  closed_.store(true, std::memory_order_seq_cst);
  const uint32_t used = used_slots_.load(std::memory_order_seq_cst);
  for (uint32_t slot = 0; slot < used; ++slot) Delete(slot);
}

void ThreadTimers::LetGoInForkChild() {
  const uint32_t used = used_slots_.load(std::memory_order_seq_cst);
  for (uint32_t slot = 0; slot < used; ++slot) {
    const TimerHandle timer = slots_[slot].exchange(kNoTimer, std::memory_order_seq_cst);
    const bool is_shared = timer != kNoTimer && calls_.destroy_in_fork_child != nullptr;
    if (is_shared) calls_.destroy_in_fork_child(timer);
  }
}

void ThreadTimers::Reopen() {
  while (!entries_.empty()) Remove(entries_.size() - 1);
  closed_.store(false, std::memory_order_seq_cst);
}

}  // namespace podo::capture
