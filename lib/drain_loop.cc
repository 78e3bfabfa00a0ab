// SPDX-License-Identifier: Apache-2.0
#include "drain_loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/owned_fd.h"
#include "capture/profiling_timer.h"
#include "context/label_sets.h"
#include "exit_signal.h"

namespace podo {
namespace {

constexpr int64_t kMs = 1'000'000;
// A wake-up costs some 20 us: twice a second is 0.004 % of a core. The first is early, since tables
// and rings are new then; afterwards the fill of the fullest ring decides.
constexpr int64_t kFirstIntervalNs = 20 * kMs;
constexpr int64_t kMinIntervalNs = 10 * kMs;
constexpr int64_t kMaxIntervalNs = 500 * kMs;
constexpr int64_t kHousekeepingNs = 1000 * kMs;
constexpr uint32_t kSpareRings = 4;
constexpr int kMaxRetakes = 3;

bool IsAlive(uint32_t tid) {
  return syscall(SYS_tgkill, getpid(), static_cast<pid_t>(tid), 0) == 0 || errno != ESRCH;
}

// The main thread after pthread_exit is a zombie that keeps the process until all others end.
bool MainThreadIsZombie() {
  char line[512];
  const base::OwnedFd file(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  const ssize_t size = read(file.get(), line, sizeof line - 1);
  if (size <= 0) return false;
  line[size] = '\0';
  const char* name_end = std::strrchr(line, ')');  // the name may hold anything, ')' included
  return name_end != nullptr && name_end[1] == ' ' && name_end[2] == 'Z';
}

int CountTasks() {
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return 0;
  int count = 0;
  while (const dirent* entry = readdir(tasks)) count += entry->d_name[0] != '.';
  closedir(tasks);
  return count;
}

}  // namespace

DrainLoop::DrainLoop(capture::State* state, capture::SamplingClock* clock,
                     capture::ModuleWatch* modules, OwnThreads* threads, Settings settings,
                     base::Wakeup* next)
    : state_(state),
      clock_(clock),
      modules_(modules),
      threads_(threads),
      settings_(settings),
      next_(next),
      pool_(state),
      guard_(
          state, clock, threads,
          {settings.max_overhead, settings.hz, state->max_frames.load(std::memory_order_relaxed)}),
      interval_ns_(kFirstIntervalNs) {
  for (std::atomic<int64_t>& cut : cuts_) cut.store(kNoCut, std::memory_order_relaxed);
  box_ = NextBox();
  begin_ = Read();
  window_begin_ns_ = begin_.steady_ns;
}

DrainLoop::Reading DrainLoop::Read() const {
  const capture::Counters& c = state_->counters;
  const auto get = [](const std::atomic<uint64_t>& v) { return v.load(std::memory_order_relaxed); };
  const int64_t process_cpu_ns = base::ProcessCpuNs();
  const int64_t own_cpu_ns = threads_->CpuNs();
  return {base::WallClockNs(), base::SteadyClockNs(),
          process_cpu_ns,      own_cpu_ns,
          get(c.ticks),        get(c.foreign),
          get(c.ring_full),    get(c.no_ring),
          get(c.nested),       get(c.small_stack),
          get(c.paused),       guard_.PausedPeriods(process_cpu_ns - own_cpu_ns)};
}

void DrainLoop::AskFlush(uint64_t id) {
  uint64_t before = flush_asked_.load(std::memory_order_relaxed);
  while (before < id &&
         !flush_asked_.compare_exchange_weak(before, id, std::memory_order_release)) {
  }
  wakeup_.Post();
}

void DrainLoop::CutAt(int64_t steady_ns) {
  std::atomic<int64_t>* latest = nullptr;
  int64_t latest_ns = steady_ns;
  for (std::atomic<int64_t>& cut : cuts_) {
    int64_t at_ns = cut.load(std::memory_order_relaxed);
    if (at_ns == steady_ns) return;
    // Release, as in AskFlush: the drain that sees the moment sees what was done before it was
    // asked for.
    if (at_ns == kNoCut &&
        cut.compare_exchange_strong(at_ns, steady_ns, std::memory_order_release)) {
      return wakeup_.Post();
    }
    if (at_ns != kNoCut && at_ns > latest_ns) {
      latest = &cut;
      latest_ns = at_ns;
    }
  }
  // If another thread was quicker the moment is lost, and asked for again.
  if (latest != nullptr) {
    latest->compare_exchange_strong(latest_ns, steady_ns, std::memory_order_release);
  }
  wakeup_.Post();
}

int64_t DrainLoop::NextCutNs() const {
  int64_t next_ns = kNoCut;
  for (const std::atomic<int64_t>& cut : cuts_) {
    next_ns = std::min(next_ns, cut.load(std::memory_order_acquire));
  }
  return next_ns;
}

void DrainLoop::ForgetCutsUntil(int64_t steady_ns) {
  for (std::atomic<int64_t>& cut : cuts_) {
    int64_t at_ns = cut.load(std::memory_order_relaxed);
    // Only the drain frees a place, and nobody changes a moment to a later one.
    if (at_ns <= steady_ns) cut.compare_exchange_strong(at_ns, kNoCut, std::memory_order_relaxed);
  }
}

void DrainLoop::Stop() {
  stop_.store(true, std::memory_order_release);
  wakeup_.Post();
}

void DrainLoop::GiveUp() {
  gave_up_.store(true, std::memory_order_release);
  wakeup_.Post();
}

void DrainLoop::Run() {
  for (;;) {
    if (gave_up_.load(std::memory_order_acquire)) return clock_->Disarm();
    const bool stopping = stop_.load(std::memory_order_acquire);
    const uint64_t asked = flush_asked_.load(std::memory_order_acquire);
    const bool cut = base::SteadyClockNs() >= NextCutNs();
    DrainOnce();
    clock_->Follow([this](uint32_t tid) { return threads_->Owns(tid); });
    if (host_took_over_.load(std::memory_order_relaxed)) LogTakeover();
    if (base::SteadyClockNs() >= next_housekeeping_ns_) Housekeep();
    guard_.Look();
    const bool over = base::SteadyClockNs() - window_begin_ns_ >= settings_.window_ns;
    const bool whole = over || stopping || asked > flushed_;
    box_->flush_id = asked;
    const Close what = stopping ? Close::kLast : whole ? Close::kWindow : Close::kPiece;
    if ((whole || cut) && CloseWindow(what)) {
      flushed_ = asked;
      if (stopping) return clock_->Disarm();  // again: a timer may have been added meanwhile
      ForgetCutsUntil(begin_.steady_ns);
    }
    epoch_.fetch_add(1, std::memory_order_seq_cst);
    AdaptInterval();
    const int64_t next_ns = std::min(window_begin_ns_ + settings_.window_ns, NextCutNs());
    const int64_t left = next_ns - base::SteadyClockNs();
    const bool waits_for_next = stopping || flush_asked_.load(std::memory_order_relaxed) > flushed_;
    wakeup_.WaitFor(waits_for_next ? kMs : std::clamp(left, kMs, interval_ns_));
  }
}

void DrainLoop::DrainOnce() {
  pool_.Mark();
  ++round_;
  // After the mark, before the samples are used: every sample drained now was taken while these
  // modules were mapped, or its frames are known to be doubtful.
  const capture::ModuleCheck check = modules_->CheckMapped(capture::ModuleWatch::Caller::kDrain);
  pool_.Drain([&](const model::RawSample& sample) {
    model::RawSample kept = sample;
    modules_->CutReplaced(check, &kept);
    if (kept.header.label_set != 0) context::NoteSample(kept.header.label_set);
    if (settings_.names_threads) {
      kept.thread = box_->threads.IndexOf(kept.tid, round_, aggregate::ReadThreadName);
    }
    box_->stacks.Add(kept);
    if ((kept.header.flags & model::kRawMaybeAsleep) != 0) ++box_->maybe_asleep;
  });
  if (check.changed) modules_changed_.store(true, std::memory_order_relaxed);
  if (box_->maybe_asleep != 0) saw_asleep_.store(true, std::memory_order_relaxed);
  const bool unknown_code = state_->unknown_pc.load(std::memory_order_relaxed) != 0;
  const bool residue = state_->residue_ready.load(std::memory_order_relaxed) != 0;
  if (check.changed || unknown_code || residue || box_->maybe_asleep != 0) next_->Post();
}

void DrainLoop::Housekeep() {
  next_housekeeping_ns_ = base::SteadyClockNs() + kHousekeepingNs;
  ReclaimRings();
  pool_.KeepSpares(kSpareRings);
  rings_in_use_.store(pool_.in_use(), std::memory_order_relaxed);
  CheckSignals();
  clock_->Sweep();
  if (MainThreadIsZombie() && LastOnesAlive()) {
    left_alone_.store(true, std::memory_order_relaxed);  // published by stop_
    stop_.store(true, std::memory_order_release);
    StopWaitingForSigterm();
  }
}

void DrainLoop::CheckSignals() {
  if (forked_.load(std::memory_order_relaxed)) LogFork();
  if (exec_pending.load() != 0 || state_->armed.load(std::memory_order_relaxed) == 0) return;
  if (clock_->StillOurs()) return;
  if (exec_pending.load() != 0 || TakeBack()) return;  // an exec began in between
  state_->armed.store(0, std::memory_order_seq_cst);
  clock_->Disarm();
  host_took_over_.store(true, std::memory_order_relaxed);
}

// A host that takes it again and again means it.
bool DrainLoop::TakeBack() {
  if (!settings_.retakes || retakes_ == kMaxRetakes || !clock_->TakeHandlerBack()) return false;
  ++retakes_;
  base::Log(base::LogLevel::kWarning, absl::StrCat(capture::SignalName(capture::TickSignal()),
                                                   " was taken by the program; podo took it back (",
                                                   retakes_, " of ", kMaxRetakes, " times)"));
  return true;
}

void DrainLoop::LogTakeover() {
  if (takeover_logged_) return;
  takeover_logged_ = true;
  base::Log(base::LogLevel::kWarning,
            absl::StrCat(capture::TickMeans(), " was taken by the program; profiling is off"));
}

void DrainLoop::LogFork() {
  if (fork_logged_) return;
  fork_logged_ = true;
  // In a process tree under the preload library a child that execs is profiled under its own name,
  // and shells fork all the time: not worth a warning there.
  base::Log(settings_.in_process_tree ? base::LogLevel::kInfo : base::LogLevel::kWarning,
            "the process forked; its children are not profiled");
}

bool DrainLoop::LastOnesAlive() const {
  // The zombie main thread is still listed.
  return CountTasks() == OwnThreads::RunningInProcess() + 1;
}

void DrainLoop::ReclaimRings() {
  pool_.Reclaim(IsAlive);
  rings_kept_ = pool_.in_use();
}

// Share of the free rings that were claimed since the last reclaim: short-lived threads may take
// all of them long before the next housekeeping. Threads that live are asked for only once.
double DrainLoop::ClaimedShare() const {
  const uint32_t free_then = state_->ring_count - rings_kept_;
  const uint32_t claimed = pool_.in_use() - std::min(pool_.in_use(), rings_kept_);
  return free_then != 0 ? static_cast<double>(claimed) / free_then : 0;
}

void DrainLoop::AdaptInterval() {
  const double claimed = ClaimedShare();
  if (claimed > 0.2) ReclaimRings();
  const double fill = std::max(pool_.fill(), claimed);
  if (fill > 0.5) {
    interval_ns_ = std::max(kMinIntervalNs, interval_ns_ / 2);
  } else if (fill < 0.2) {
    interval_ns_ = std::min(kMaxIntervalNs, interval_ns_ * 3 / 2);
  }
  interval_ns_ = std::min(interval_ns_, std::max(guard_.step_ns(), kMinIntervalNs));
  if (clock_->FollowNs() != 0) interval_ns_ = std::min(interval_ns_, clock_->FollowNs());
}

WindowBox* DrainLoop::NextBox() {
  for (WindowBox& box : boxes_) {
    if (&box == box_ || !box.free.load(std::memory_order_acquire)) continue;
    box.free.store(false, std::memory_order_relaxed);
    return &box;
  }
  return nullptr;
}

bool DrainLoop::CloseWindow(Close what) {
  const bool last = what == Close::kLast;
  // Not possible now: the window goes on, nothing is lost.
  if (closed_.load(std::memory_order_relaxed) != nullptr) return false;
  WindowBox* next = last ? nullptr : NextBox();
  if (next == nullptr && !last) return false;
  const Reading end = Read();
  model::WindowTotals& t = box_->totals;
  t = {};  // the box was another window's, and not every field is set for each
  t.sequence = sequence_.load(std::memory_order_relaxed);
  t.begin_wall_ns = begin_.wall_ns;
  t.duration_ns = end.steady_ns - begin_.steady_ns;
  t.process_cpu_ns = end.process_cpu_ns - begin_.process_cpu_ns;
  t.own_cpu_ns = end.own_cpu_ns - begin_.own_cpu_ns;
  t.foreign_ticks = end.foreign - begin_.foreign;
  t.ring_full = end.ring_full - begin_.ring_full;
  t.no_ring = end.no_ring - begin_.no_ring;
  t.nested = end.nested - begin_.nested;
  t.small_stack = end.small_stack - begin_.small_stack;
  t.paused = end.paused - begin_.paused;
  t.nominal_hz = settings_.hz;
  t.over_budget = end.over_budget - begin_.over_budget;
  const OverheadGuard::Least least = guard_.TakeLeast();
  t.rate_divisor = least.divisor;
  t.frames_left = least.max_frames;
  box_->last = last;
  box_->is_piece = what == Close::kPiece;
  box_->begin_steady_ns = begin_.steady_ns;
  box_->end_steady_ns = end.steady_ns;
  // Before the hand-over: whoever hears of the window by it finds it counted.
  if (what != Close::kPiece) sequence_.fetch_add(1, std::memory_order_relaxed);
  // Release: the next thread that takes the pointer owns the box.
  closed_.store(box_, std::memory_order_release);
  next_->Post();
  begin_ = end;
  box_ = next;
  if (what != Close::kPiece) window_begin_ns_ = end.steady_ns;
  return true;
}

}  // namespace podo
