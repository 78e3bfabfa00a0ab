// SPDX-License-Identifier: Apache-2.0
// What makes ticks: PODO_CLOCK.
#ifndef PODO_LIB_CAPTURE_SAMPLING_CLOCK_H_
#define PODO_LIB_CAPTURE_SAMPLING_CLOCK_H_

#include <signal.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "base/status.h"
#include "capture/state.h"
#include "capture/thread_timers.h"

namespace podo::capture {

// True if the signal was sent by a timer of podo's other than ITIMER_PROF. Async-signal-safe.
bool IsTimerTick(const State& state, const siginfo_t& cause);

// With another signal than SIGPROF kItimer and kPerf are kAuto, whose process timer is a POSIX one.
enum class ClockKind {
  kItimer,   // ITIMER_PROF: one pending signal for the whole process, given to whoever runs
  kThread,   // a CPU timer for each thread that /proc/self/task lists
  kAuto,     // a timer of the process finds threads, by their first sample; their own measure them
  kPerf,     // as kAuto, but threads have perf events
  kProcess,  // a POSIX timer on the CPU time of the process: as kItimer, but it counts overruns
};

class SamplingClock {
 public:
  SamplingClock(State* state, ClockKind kind, uint64_t period_ns, uint32_t max_threads);
  ~SamplingClock();

  // Called once, with the handler installed. `first_ns`, at most a period, is random, so that a
  // fleet does not tick in step.
  base::Status Arm(uint64_t first_ns);
  // Any thread, also in a signal handler; not in a vfork child.
  void Disarm();
  // The preload library sees the host exec: what a descriptor sent survives that. `begins`: perf
  // events are gone when this returns and none is made; else all execs have failed.
  // Async-signal-safe.
  static void HostExecs(bool begins);
  // The preload library saw the host take the signal: the clock there is, if any, has no timer but
  // ITIMER_PROF (the caller's to disarm) when this returns, and arms none again. Async-signal-safe.
  static void HostTakesSignal();
  // False if the host replaced the handler or, with SIGPROF, changed ITIMER_PROF behind podo's
  // back.
  bool StillOurs() const;
  // The host replaced the handler: takes it back, if it can.
  bool TakeHandlerBack();
  // Around an attempt to exec; async-signal-safe. `here`: this is the process that was armed, not a
  // vfork child, whose timers are its own and none.
  void ReleaseForExec(bool here);
  void RetakeAfterExec(bool here, bool rearm);

  // In the child of a fork: descriptors of perf events are closed there. Async-signal-safe.
  static void LetGoInForkChild();

  // By the drain, each round: timers for threads that have none yet. `skip(tid)`: podo's own.
  void Follow(absl::FunctionRef<bool(uint32_t tid)> skip);
  // By the drain, once a second: timers of threads that are gone.
  void Sweep();
  // How often Follow() wants to be called at least; 0: as often as the drain likes.
  int64_t FollowNs() const { return kind_ == ClockKind::kThread && !paused_ ? kFollowNs : 0; }

  // By the drain: from now on a tick comes so much more seldom, and stands for as many periods more
  // (PODO_MAX_OVERHEAD). `divisor`: a power of two; 0: nothing is sampled. ITIMER_PROF has its
  // period or none, since an exec must be able to take it away: the handler leaves out its ticks.
  void SetDivisor(uint32_t divisor);

  ClockKind kind() const { return kind_; }
  // A tick that a thread's own timer made is that thread's, whatever it interrupted.
  bool MeasuresThreads() const { return kind_ == ClockKind::kThread || FindsByNet(); }
  uint32_t thread_timers() const { return thread_timers_.load(std::memory_order_relaxed); }
  // Attempts to make a timer that the kernel refused.
  uint64_t refused_timers() const { return refused_.load(std::memory_order_relaxed); }

 private:
  bool FindsByNet() const { return kind_ == ClockKind::kAuto || kind_ == ClockKind::kPerf; }
  const TimerCalls& Calls() const;
  void DisarmThreads();  // as far as the clock is not ITIMER_PROF
  // Threads that live shorter are found by ITIMER_PROF only (kAuto).
  static constexpr int64_t kFollowNs = 100'000'000;
  bool HasNet() const { return UsesItimer() || process_timer_.load() != -1; }
  bool UsesItimer() const { return itimer_period_ns_.load(std::memory_order_relaxed) != 0; }
  bool ArmThread(uint32_t tid);
  bool HasRoom();
  bool GiveBackRoom();  // true if timers are gone
  bool InExec() const;
  void RenewNet();
  void FollowTasks(absl::FunctionRef<bool(uint32_t tid)> skip);
  void LookAtTasks(absl::FunctionRef<bool(uint32_t tid)> skip);
  void FollowRings();
  void ReportNet();
  base::Status ArmNet(uint64_t first_ns);
  base::Status ArmItimer(uint64_t first_ns);
  bool ArmProcess(uint64_t first_ns);
  void DeleteProcessTimer();
  void PauseItimer();
  void ResumeItimer();
  uint64_t RandomPhase();

  State* const state_;
  const ClockKind kind_;
  const uint64_t period_ns_;
  // Of timers now. Relaxed: written by the drain; who arms after a failed exec may use an old one.
  std::atomic<uint64_t> timer_period_ns_;
  bool paused_ = false;            // the drain's
  uint64_t paused_itimer_ns_ = 0;  // the drain's: its period, if a pause has stopped it
  // Relaxed: set by the drain when timers run out, read by whoever disarms; a Disarm() that comes
  // in between leaves an armed timer and an inert handler, which the drain's end disarms.
  std::atomic<uint64_t> itimer_period_ns_{0};
  std::atomic<int> process_timer_{-1};
  // The host took the signal. seq_cst, as process_timer_: either whoever arms sees it after it has
  // stored the timer's id, or HostTakesSignal() finds the id and deletes the timer.
  std::atomic<bool> given_up_{false};
  // Execs under way in this process, announced by PrepareExec(): nothing is armed, for the signal
  // may be SIG_DFL. seq_cst as given_up_.
  std::atomic<int> execs_{0};
  std::atomic<bool> wants_process_timer_{false};  // it was armed, and is again after a failed exec
  std::unique_ptr<ThreadTimers> timers_;
  std::atomic<bool> reopen_{false};  // a failed exec deleted them, or what they had pending
  std::atomic<bool> renew_net_{false};
  std::atomic<uint32_t> thread_timers_{0};
  std::atomic<uint64_t> refused_{0};
  uint64_t random_;
  int64_t room_ = 0;         // timers that may be made in this round
  bool room_known_ = false;  // of the drain, as these
  int64_t next_tasks_ns_ = 0;
  bool net_told_ = false;
  bool refused_this_second_ = false;
};

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_SAMPLING_CLOCK_H_
