// SPDX-License-Identifier: Apache-2.0
#include "capture/sampling_clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/owned_fd.h"
#include "capture/perf_events.h"
#include "capture/profiling_timer.h"
#include "capture/timer_room.h"

namespace podo::capture {
namespace {

// Linux 6.4 (bcb7ee79029d): a signal to the process goes to the running thread if that takes it.
bool SignalsFindTheRunningThread() {
  utsname system = {};
  int major = 0;
  int minor = 0;
  if (uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2)
    return false;
  return major > 6 || (major == 6 && minor >= 4);
}

// The clock of this process, for HostTakesSignal(): a run is known to others only once it has
// started. seq_cst on both: the destructor waits for whoever may hold the pointer.
std::atomic<SamplingClock*> g_clock{nullptr};
std::atomic<int> g_clock_users{0};
// An exec is under way (preload library), maybe since before there was a clock.
std::atomic<bool> g_host_execs{false};

template <typename Call>
void WithClock(Call&& call) {
  g_clock_users.fetch_add(1, std::memory_order_seq_cst);
  if (SamplingClock* clock = g_clock.load(std::memory_order_seq_cst); clock != nullptr) call(clock);
  g_clock_users.fetch_sub(1, std::memory_order_seq_cst);
}

// ITIMER_PROF sends SIGPROF and nothing else; a perf event that finds the queue of real-time
// signals full sends SIGIO, which would kill the host. Where signals do not find the running
// thread, a timer of the process would show none but the main thread to kAuto.
ClockKind WithSignal(ClockKind kind) {
  if (OwnsItimer()) return kind;
  if (kind == ClockKind::kItimer || kind == ClockKind::kPerf) kind = ClockKind::kAuto;
  return kind == ClockKind::kAuto && !SignalsFindTheRunningThread() ? ClockKind::kThread : kind;
}

// What errno says of a POSIX timer that could not be armed.
base::Status TimerError() {
  const int error = errno;
  if (error == EBUSY) return base::AlreadyExistsError("the program uses podo's signal itself");
  return base::ResourceExhaustedError(absl::StrCat("timer_create: ", std::strerror(error)));
}

}  // namespace

bool IsTimerTick(const State& state, const siginfo_t& cause) {
  if (cause.si_code == POLL_IN) return state.uses_perf.load(std::memory_order_relaxed) != 0;
  const void* tag = cause.si_value.sival_ptr;
  return cause.si_code == SI_TIMER && (tag == ThreadTick(state) || tag == ProcessTick(state));
}

SamplingClock::SamplingClock(State* state, ClockKind kind, uint64_t period_ns, uint32_t max_threads)
    : state_(state),
      kind_(WithSignal(kind)),
      period_ns_(period_ns),
      timer_period_ns_(period_ns),
      random_(static_cast<uint64_t>(base::SteadyClockNs()) | 1) {
  state_->uses_itimer.store(0, std::memory_order_relaxed);
  state_->uses_perf.store(kind_ == ClockKind::kPerf, std::memory_order_relaxed);
  state_->throttle.left_out.store(0, std::memory_order_relaxed);
  state_->throttle.paused.store(0, std::memory_order_relaxed);
  if (MeasuresThreads()) {
    timers_ = std::make_unique<ThreadTimers>(max_threads, ThreadTick(*state), Calls());
  }
  g_clock.store(this, std::memory_order_seq_cst);
}

SamplingClock::~SamplingClock() {
  SamplingClock* self = this;  // of a run that lingers a later one may have come
  g_clock.compare_exchange_strong(self, nullptr, std::memory_order_seq_cst);
  while (g_clock_users.load(std::memory_order_seq_cst) != 0) sched_yield();
  Disarm();
}

void SamplingClock::HostTakesSignal() {
  WithClock([](SamplingClock* clock) {
    clock->given_up_.store(true, std::memory_order_seq_cst);
    clock->DisarmThreads();
  });
}

// An exec of the program that has not come yet, or may have failed already.
bool SamplingClock::InExec() const {
  return execs_.load(std::memory_order_seq_cst) != 0 ||
         (kind_ == ClockKind::kPerf && g_host_execs.load(std::memory_order_seq_cst));
}

// seq_cst as ThreadTimers: Follow() sees that an exec is under way, or what it armed is deleted.
// After a failed one all timers are made anew: what was pending is gone, and before Linux 6.13 a
// CPU timer goes on only once its signal has been delivered.
void SamplingClock::HostExecs(bool begins) {
  g_host_execs.store(begins, std::memory_order_seq_cst);
  WithClock([begins](SamplingClock* clock) {
    if (!begins) {
      clock->renew_net_.store(true, std::memory_order_seq_cst);
      clock->reopen_.store(true, std::memory_order_seq_cst);
    } else if (clock->kind_ == ClockKind::kPerf) {
      clock->timers_->DeleteAll();
    }
  });
}

const TimerCalls& SamplingClock::Calls() const {
  return kind_ == ClockKind::kPerf ? PerfTimerCalls(TryPerfEvents().kernel_time) : kPosixTimerCalls;
}

void SamplingClock::LetGoInForkChild() {
  SamplingClock* clock = g_clock.exchange(nullptr, std::memory_order_seq_cst);
  g_clock_users.store(0, std::memory_order_seq_cst);  // threads of the parent
  g_host_execs.store(false, std::memory_order_seq_cst);
  if (clock == nullptr) return;
  if (clock->timers_ != nullptr) clock->timers_->LetGoInForkChild();
  clock->process_timer_.store(-1, std::memory_order_seq_cst);  // the number may be the child's own
}

// Marsaglia's xorshift64: phases need not be unpredictable, only spread.
uint64_t SamplingClock::RandomPhase() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return 1 + random_ % timer_period_ns_.load(std::memory_order_relaxed);
}

base::Status SamplingClock::Arm(uint64_t first_ns) {
  switch (kind_) {
    case ClockKind::kItimer:
      return ArmItimer(first_ns);
    case ClockKind::kAuto:
    case ClockKind::kPerf:
      return ArmNet(first_ns);
    case ClockKind::kProcess:
      if (ArmProcess(first_ns)) return base::OkStatus();
      return TimerError();
    case ClockKind::kThread:
      return base::OkStatus();  // the drain's first round finds the threads
  }
  return base::OkStatus();
}

base::Status SamplingClock::ArmItimer(uint64_t first_ns) {
  itimer_period_ns_.store(period_ns_, std::memory_order_seq_cst);
  state_->uses_itimer.store(1, std::memory_order_relaxed);
  base::Status armed = ArmTimer(period_ns_, first_ns);
  if (armed.ok() && InExec()) {  // it may have looked before there was a period
    DisarmTimer(period_ns_);
    armed = base::UnavailableError("the program execs");
  }
  if (!armed.ok()) {  // else what is not armed is missed, and taken for the host's doing
    state_->uses_itimer.store(0, std::memory_order_relaxed);
    itimer_period_ns_.store(0, std::memory_order_relaxed);
  }
  return armed;
}

// The process timer counts every period (ITIMER_PROF loses up to a third of them where threads
// outnumber cores, docs/accuracy.md), but before Linux 6.4 its signals go to the main thread, and
// it counts against RLIMIT_SIGPENDING too.
base::Status SamplingClock::ArmNet(uint64_t first_ns) {
  const bool may_use_itimer = OwnsItimer();
  if (!may_use_itimer || SignalsFindTheRunningThread()) {
    if (ArmProcess(first_ns)) return base::OkStatus();
    if (!may_use_itimer) return TimerError();
  }
  return ArmItimer(first_ns);
}

// Async-signal-safe.
bool SamplingClock::ArmProcess(uint64_t first_ns) {
  const int timer = CreateCpuTimer(CLOCK_PROCESS_CPUTIME_ID, 0, ProcessTick(*state_));
  if (timer == -1) return false;
  const int before = process_timer_.exchange(timer, std::memory_order_seq_cst);
  if (before != -1) syscall(SYS_timer_delete, before);
  const auto barred = [this] { return given_up_.load(std::memory_order_seq_cst) || InExec(); };
  if (!barred() && SetCpuTimer(timer, timer_period_ns_.load(std::memory_order_relaxed), first_ns)) {
    wants_process_timer_.store(true, std::memory_order_relaxed);
    return true;
  }
  const int error = barred() ? EBUSY : errno;
  DeleteProcessTimer();
  errno = error;
  return false;
}

void SamplingClock::DeleteProcessTimer() {
  const int timer = process_timer_.exchange(-1, std::memory_order_seq_cst);
  if (timer != -1) syscall(SYS_timer_delete, timer);
}

void SamplingClock::DisarmThreads() {
  if (timers_ != nullptr) timers_->DeleteAll();
  DeleteProcessTimer();
}

void SamplingClock::Disarm() {
  DisarmThreads();
  if (UsesItimer()) DisarmTimer(itimer_period_ns_.load(std::memory_order_relaxed));
}

bool SamplingClock::StillOurs() const {
  return capture::StillOurs(itimer_period_ns_.load(std::memory_order_relaxed));
}

bool SamplingClock::TakeHandlerBack() {
  return capture::TakeHandlerBack(itimer_period_ns_.load(std::memory_order_relaxed));
}

void SamplingClock::ReleaseForExec(bool here) {
  if (here) {
    execs_.fetch_add(1, std::memory_order_seq_cst);  // first: who arms from here on sees it
    DisarmThreads();
  }
  capture::ReleaseForExec(itimer_period_ns_.load(std::memory_order_seq_cst));
}

// The last one out arms: another thread's exec may be under way, and the signal SIG_DFL for it.
void SamplingClock::RetakeAfterExec(bool here, bool rearm) {
  if (here && execs_.fetch_sub(1, std::memory_order_seq_cst) != 1) return;
  capture::RetakeAfterExec(rearm ? itimer_period_ns_.load(std::memory_order_relaxed) : 0);
  if (!here || !rearm) return;
  if (wants_process_timer_.load(std::memory_order_relaxed)) {
    ArmProcess(timer_period_ns_.load(std::memory_order_relaxed));
  }
  reopen_.store(true, std::memory_order_seq_cst);
}

// Asked once a round, for the host and other processes of the user queue signals as well.
bool SamplingClock::HasRoom() {
  if (kind_ == ClockKind::kPerf) return true;  // descriptors, see perf_events.cc
  if (!std::exchange(room_known_, true)) room_ = ReadTimerRoom(timers_->count());
  if (room_ <= 0) return false;
  --room_;
  return true;
}

bool SamplingClock::GiveBackRoom() {
  if (kind_ == ClockKind::kPerf || timers_->count() == 0) return false;
  const int64_t room = ReadTimerRoom(timers_->count());
  if (room >= 0) return false;
  timers_->GiveBack(static_cast<uint64_t>(-room));
  ReportNet();
  return true;
}

bool SamplingClock::ArmThread(uint32_t tid) {
  if (refused_this_second_) return false;
  const ThreadTimers::Outcome outcome =
      HasRoom() ? timers_->Arm(tid, timer_period_ns_.load(std::memory_order_relaxed), RandomPhase())
                : ThreadTimers::Outcome::kExhausted;
  if (outcome == ThreadTimers::Outcome::kExhausted) {
    refused_this_second_ = true;  // the next ones will not fare better
    refused_.fetch_add(1, std::memory_order_relaxed);
    ReportNet();
  }
  return outcome == ThreadTimers::Outcome::kArmed;
}

// A timer of the process for the threads that have none; ticks of it that hit one that has count
// nothing.
void SamplingClock::ReportNet() {
  const bool has_net = HasNet() || ArmNet(RandomPhase()).ok();
  if (!net_told_) {
    const char* const what = kind_ == ClockKind::kPerf
                                 ? "perf events can be had (RLIMIT_NOFILE, PODO_MAX_THREADS)"
                                 : "thread timers can be had (RLIMIT_SIGPENDING, PODO_MAX_THREADS)";
    base::Log(base::LogLevel::kWarning,
              absl::StrCat("no more ", what,
                           has_net ? "; the process timer samples the threads that have none"
                                   : "; threads that have none are not sampled"));
  }
  net_told_ = true;
}

// As often as threads may be missed, but for at most 2 % of a core: with 10,000 threads a look
// takes 10 ms.
void SamplingClock::FollowTasks(absl::FunctionRef<bool(uint32_t)> skip) {
  const int64_t now_ns = base::SteadyClockNs();
  if (now_ns < next_tasks_ns_) return;
  LookAtTasks(skip);
  constexpr int64_t kRarer = 50;
  const int64_t took_ns = base::SteadyClockNs() - now_ns;
  next_tasks_ns_ = now_ns + std::max(kFollowNs * 9 / 10, took_ns * kRarer);
}

void SamplingClock::LookAtTasks(absl::FunctionRef<bool(uint32_t)> skip) {
  timers_->Sweep();
  // Not opendir(): it allocates, and this is the drain.
  const base::OwnedFd tasks(open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (tasks.get() < 0) return ReportNet();
  alignas(dirent64) char names[4096];
  for (;;) {
    const long bytes = syscall(SYS_getdents64, tasks.get(), names, sizeof names);
    if (bytes <= 0) return;
    for (long at = 0; at < bytes;) {
      const auto* entry = reinterpret_cast<const dirent64*>(names + at);
      at += entry->d_reclen;
      uint32_t tid = 0;
      if (absl::SimpleAtoi(entry->d_name, &tid) && !timers_->Has(tid) && !skip(tid)) ArmThread(tid);
    }
  }
}

void SamplingClock::FollowRings() {
  const uint32_t high = state_->high_water.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < high; ++i) {
    Ring& ring = state_->rings[i];
    // Acquire: partner of the owner's release; a free ring has no tid.
    const uint32_t tid = ring.tid.load(std::memory_order_acquire);
    if (tid == 0 || ring.timed.load(std::memory_order_relaxed) != 0) continue;
    // With kThread the timer came first. With kAuto one of this number is another thread's, gone.
    const bool has = kind_ == ClockKind::kThread && timers_->Has(tid);
    // Relaxed: a tick of the process timer that comes in between is one too many at most.
    if (has || ArmThread(tid)) ring.timed.store(1, std::memory_order_relaxed);
  }
}

void SamplingClock::RenewNet() {
  if (!renew_net_.exchange(false, std::memory_order_seq_cst)) return;
  if (process_timer_.load(std::memory_order_seq_cst) != -1) ArmProcess(RandomPhase());
}

void SamplingClock::Follow(absl::FunctionRef<bool(uint32_t)> skip) {
  if (state_->armed.load(std::memory_order_relaxed) == 0) return;
  if (given_up_.load(std::memory_order_seq_cst) || InExec()) return;
  RenewNet();
  if (paused_) return;
  ResumeItimer();
  if (timers_ == nullptr) return;
  room_known_ = false;
  if (reopen_.exchange(false, std::memory_order_seq_cst)) {
    timers_->Reopen();
    // Only this thread arms: if it was given up before Reopen(), nothing is armed yet. An exec that
    // fails asks again.
    if (given_up_.load(std::memory_order_seq_cst) || InExec()) return timers_->DeleteAll();
    next_tasks_ns_ = 0;
    for (uint32_t i = 0; i < state_->ring_count; ++i) {
      if (i >= state_->high_water.load(std::memory_order_relaxed)) break;
      state_->rings[i].timed.store(0, std::memory_order_relaxed);
    }
  }
  if (kind_ == ClockKind::kThread) FollowTasks(skip);
  if (HasNet()) FollowRings();
  thread_timers_.store(timers_->count(), std::memory_order_relaxed);
}

void SamplingClock::Sweep() {
  refused_this_second_ = false;
  if (timers_ == nullptr) return;
  if (FindsByNet()) timers_->Sweep();
  const bool gave_back = GiveBackRoom();
  if (kind_ != ClockKind::kPerf && !gave_back) return;
  // Threads that are alive and without a timer: given back, or the host closed descriptors that it
  // never opened.
  const uint32_t high = state_->high_water.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < high; ++i) {
    Ring& ring = state_->rings[i];
    const uint32_t tid = ring.tid.load(std::memory_order_acquire);
    if (tid != 0 && !timers_->Has(tid)) ring.timed.store(0, std::memory_order_relaxed);
  }
}

}  // namespace podo::capture
