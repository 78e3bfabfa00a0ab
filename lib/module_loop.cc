// SPDX-License-Identifier: Apache-2.0
#include "module_loop.h"

#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "capture/profiling_timer.h"
#include "context/label_sets.h"

namespace podo {
namespace {

constexpr int64_t kIdleNs = 1'000'000'000;
constexpr size_t kMaxNamed = 8;  // threads named in the log

int64_t NominalPeriodNs(const model::WindowTotals& t) {
  return t.nominal_hz > 0 ? static_cast<int64_t>(1e9 / t.nominal_hz) : 0;
}

// With the signal blocked in all busy threads its ticks reach nobody.
bool MissesTicks(const model::WindowTotals& t) {
  constexpr int64_t kWorthNamingNs = 100'000'000;
  const int64_t host_cpu_ns = t.process_cpu_ns - t.own_cpu_ns;
  const int64_t ticked_ns = static_cast<int64_t>(t.ticks) * NominalPeriodNs(t);
  const int64_t worth_ns = std::max(kWorthNamingNs, 5 * NominalPeriodNs(t) * (t.rate_divisor - 1));
  return host_cpu_ns >= worth_ns && ticked_ns < host_cpu_ns / 2;
}

// CPU time of the host that a clock which measures threads has no ticks for, in periods; what a
// window's edges and the kernel's rounding explain is not among it.
uint64_t UnsampledPeriods(const model::WindowTotals& t) {
  const int64_t period_ns = NominalPeriodNs(t);
  const int64_t host_cpu_ns = t.process_cpu_ns - t.own_cpu_ns;
  const int64_t missing_ns = host_cpu_ns - static_cast<int64_t>(t.HostTicks()) * period_ns;
  const int64_t tick_ns = period_ns * t.rate_divisor;
  if (period_ns <= 0 || missing_ns < std::max(5 * tick_ns, host_cpu_ns / 20)) return 0;
  return static_cast<uint64_t>(missing_ns / period_ns);
}

}  // namespace

ModuleLoop::ModuleLoop(capture::State* state, capture::ModuleWatch* modules, OwnThreads* threads,
                       base::Wakeup* wakeup, std::function<void(WindowBox*)> hand_on)
    : state_(state),
      modules_(modules),
      threads_(threads),
      wakeup_(wakeup),
      hand_on_(std::move(hand_on)),
      pool_(state),
      unwinder_(aggregate::ProcessSources()),
      residue_(std::make_unique<aggregate::StackTable>(kWindowCapBytes / 4)),
      sampled_(state) {}

void ModuleLoop::Run() {
  modules_->Refresh([this] { TakeResidue(); });
  published_->LookForTracers();
  published_->Update();
  for (bool last = false; !last && !gave_up_.load(std::memory_order_acquire);) {
    wakeup_->WaitFor(kIdleNs);
    FollowModules();
    TakeResidue();
    if (drain_->saw_asleep() && !baseline_taken_) {
      blocked_.Scan([this](uint32_t tid) { return threads_->Owns(tid) || sampled_.Has(tid); });
      baseline_taken_ = true;
    }
    if (WindowBox* box = drain_->TakeClosed()) {
      last = box->last;
      TakeResidue();  // what came in while this window was being closed
      Finish(box);
      modules_->NoteReplaced();
      published_->Update();
      hand_on_(box);
    }
  }
}

void ModuleLoop::GiveUp() {
  gave_up_.store(true, std::memory_order_release);
  wakeup_->Post();
}

void ModuleLoop::FollowModules() {
  const uint64_t unknown = state_->unknown_pc.exchange(0, std::memory_order_relaxed);
  if ((unknown != 0 && modules_->Knows(unknown)) || drain_->modules_changed()) {
    modules_->Refresh([this] { TakeResidue(); });
    published_->LookForTracers();
  }
  modules_->FreeRetired(drain_->epoch());
}

void ModuleLoop::TakeResidue() {
  if (state_->residue_ready.load(std::memory_order_relaxed) == 0) return;
  unwinder_.BeginBatch();
  std::optional<capture::ModuleCheck> check;
  pool_.Take([&](const model::Residue& residue) {
    // After the stacks were taken out, before their addresses are used.
    if (!check) check = modules_->CheckMapped(capture::ModuleWatch::Caller::kModuleLoop);
    const uint32_t max_frames = state_->max_frames.load(std::memory_order_relaxed);
    uint16_t flags = unwinder_.Unwind(residue, max_frames, &frames_);
    model::RawSample sample = {};
    sample.header.frames = static_cast<uint16_t>(frames_.size());
    flags = static_cast<uint16_t>(flags & ~model::kRawSpan) | (residue.flags & model::kRawSpan);
    sample.header.flags = flags;
    const uint32_t span_words = model::SpanWordsOf(flags);
    frames_.insert(frames_.begin(), residue.span, residue.span + span_words);
    sample.header.generation = residue.generation;
    sample.header.overruns = residue.overruns;
    sample.header.label_set = residue.label_set;
    sample.frames = frames_.data() + span_words;
    sample.tid = residue.tid;
    context::NoteSample(residue.label_set);
    if (names_threads_) sample.thread = aggregate::ThreadTable::kByTid | residue.tid;
    modules_->CutReplaced(*check, &sample);
    residue_->Add(sample);
    if ((flags & model::kRawMaybeAsleep) != 0)
      residue_maybe_asleep_ += uint64_t{residue.overruns} + 1;
  });
}

void ModuleLoop::Finish(WindowBox* box) {
  if (box->residue == nullptr) {
    box->residue = std::make_unique<aggregate::StackTable>(kWindowCapBytes / 4);
  }
  std::swap(box->residue, residue_);
  box->maybe_asleep += std::exchange(residue_maybe_asleep_, 0);
  model::WindowTotals& t = box->totals;
  t.ticks = box->stacks.total() + box->residue->total() + t.foreign_ticks + t.ring_full +
            t.no_ring + t.nested + t.small_stack + t.paused + t.over_budget;
  t.unsampled = measures_threads_ ? UnsampledPeriods(t) : 0;
  box->newest_generation = modules_->generation();
  NameBlockedThreads(box);
}

void ModuleLoop::NameBlockedThreads(WindowBox* box) {
  const bool was_blocking = std::exchange(was_blocking_, false);
  sampled_.Update();
  const bool unseen = box->maybe_asleep == 0;
  if (unseen && box->totals.unsampled == 0 && !MissesTicks(box->totals)) return;
  baseline_taken_ = true;
  int64_t cpu_ns = 0;
  const std::string signal = capture::SignalName(capture::TickSignal());
  for (const capture::BlockedThread& thread :
       blocked_.Scan([this](uint32_t tid) { return threads_->Owns(tid) || sampled_.Has(tid); })) {
    cpu_ns += thread.cpu_ns;
    if (named_.size() >= kMaxNamed || !named_.insert(thread.tid).second) continue;
    base::Log(base::LogLevel::kWarning,
              absl::StrCat("thread ", thread.tid, " (", thread.name, ") blocks ", signal,
                           "; its CPU time is ",
                           measures_threads_ ? "shown as [not sampled]"
                           : unseen          ? "not sampled, for no thread lets the signal in"
                                    : absl::StrCat("shown as [threads blocking ", signal, "]")));
  }
  // Interrupted system calls are only evidence together with CPU time that can explain them: at
  // least half of the doubtful ticks must be covered by it.
  model::WindowTotals& t = box->totals;
  const int64_t doubtful_ns = static_cast<int64_t>(box->maybe_asleep) * NominalPeriodNs(t);
  if (cpu_ns > 0 && (cpu_ns + t.own_cpu_ns) * 2 >= doubtful_ns) {
    t.doubtful = model::WindowTotals::Doubtful::kBlocking;
    was_blocking_ = true;
  } else if (was_blocking && !unseen && cpu_ns == 0) {
    // The thread of the window before has ended within this one, so its clock cannot be read.
    t.doubtful = model::WindowTotals::Doubtful::kBlocking;
  } else if (t.own_cpu_ns * 2 >= doubtful_ns) {
    t.doubtful = model::WindowTotals::Doubtful::kOwn;
    t.own_ticks = box->maybe_asleep;
  }
}

}  // namespace podo
