// SPDX-License-Identifier: Apache-2.0
#include "pipeline.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "capture/handler.h"
#include "capture/profiling_timer.h"
#include "capture/thread_layout.h"
#include "context/foreign_context.h"
#include "context/label_sets.h"
#include "context/scope.h"
#include "resource.h"
#include "sinks.h"

namespace podo {
namespace {

constexpr size_t kDrainStackBytes = 256 << 10;
constexpr size_t kStackBytes = 1 << 20;  // libdw and the demangler are the hungriest: 256 KiB
constexpr size_t kStages = 4;            // threads without those of the sinks
constexpr int64_t kJoinNs = 2'000'000'000;

symbolize::Symbolizer::Mode SymbolMode(Symbolize mode) {
  switch (mode) {
    case Symbolize::kFull:
      return symbolize::Symbolizer::Mode::kFull;
    case Symbolize::kFunctions:
      return symbolize::Symbolizer::Mode::kFunctions;
    case Symbolize::kNone:
      return symbolize::Symbolizer::Mode::kNone;
  }
  return symbolize::Symbolizer::Mode::kNone;
}

symbolize::Symbolizer::Options SymbolOptions(const Config& config) {
  symbolize::Symbolizer::Options options;
  options.mode = SymbolMode(config.symbolize.value);
  options.byte_cap = config.symbol_bytes.value;
  options.log = [](std::string_view line) { base::Log(base::LogLevel::kWarning, line); };
  return options;
}

std::vector<std::pair<std::string, std::string>> ResourceOf(const Config& config) {
  std::vector<std::pair<std::string, std::string>> resource;
  for (base::KeyValue& label : ResourceLabels(config)) {
    resource.emplace_back(std::move(label.key), std::move(label.value));
  }
  return resource;
}

ExportLoop::Settings ExportSettings(const Config& config, KeptWindows* kept,
                                    std::function<void(int64_t)> cut_at) {
  ExportLoop::Settings settings;
  settings.window_ns = config.interval_ns.value;
  settings.exit_timeout_ns = config.exit_timeout_ns.value;
  settings.thread_names = config.thread_labels.value == ThreadLabels::kName ||
                          config.thread_labels.value == ThreadLabels::kBoth;
  settings.thread_ids = config.thread_labels.value == ThreadLabels::kId ||
                        config.thread_labels.value == ThreadLabels::kBoth;
  settings.comments.push_back(absl::StrCat("service.name=", config.service_name.value));
  for (const base::KeyValue& label : AllLabels(config)) {
    settings.comments.push_back(absl::StrCat(label.key, "=", label.value));
  }
  settings.payloads.title = config.service_name.value;
  settings.payloads.attributes = ResourceAttributes(config);
  settings.payloads.labels = ResourceOf(config);
  settings.payloads.instance_id = InstanceId(config);
  settings.payloads.version = PODO_VERSION;
  settings.kept = kept;
  settings.signal = capture::SignalName(config.signal.value);
  settings.cut_at = std::move(cut_at);
  return settings;
}

// A run that did not end in time, or with a handler inside, left its rings as they were.
void LeaveBehind(capture::State* state, bool is_replaced) {
  capture::RingPool pool(state);
  if (pool.in_use() == 0) return;
  if (is_replaced) {
    // Else a thread would go on in its old ring, where the new run neither drains nor waits.
    pool.Disown();
  } else if (pool.Idle()) {
    pool.Reset();
  }
}

// The mapping of an earlier run in this process, if it is large enough: it is never unmapped.
base::StatusOr<capture::State*> GetState(const Config& config) {
  capture::State* state = capture::g_state.load(std::memory_order_relaxed);
  if (state != nullptr) LeaveBehind(state, state->ring_count < config.max_threads.value);
  if (state == nullptr || state->ring_count < config.max_threads.value) {
    base::StatusOr<capture::State*> mapped =
        capture::MapState(config.max_threads.value, config.max_frames.value);
    if (!mapped.ok()) return mapped.status();
    if ((*mapped)->ring_count < config.max_threads.value) {
      base::Log(base::LogLevel::kWarning,
                absl::StrCat("address space for ", (*mapped)->ring_count, " threads only, not ",
                             config.max_threads.value, " (PODO_MAX_THREADS)"));
    }
    state = *mapped;
  }
  state->max_frames.store(config.max_frames.value, std::memory_order_relaxed);
  state->counters.Reset();
  return state;
}

}  // namespace

Pipeline::Pipeline(const Config& config, ClockChoice rate, capture::State* state, bool shares_names)
    : rate_(rate),
      exit_timeout_ns_(config.exit_timeout_ns.value),
      begin_cpu_ns_(base::ProcessCpuNs()),
      state_(state),
      clock_(state, rate.kind, rate.period_ns, config.max_threads.value),
      modules_(state),
      symbolizer_(SymbolOptions(config)),
      symbols_(&symbolizer_),
      kept_(config),
      exports_(std::make_unique<ExportLoop>(
          ExportSettings(config, &kept_, [this](int64_t ns) { drain_->CutAt(ns); }), &modules_,
          &symbolizer_, &symbols_, MakeExporters(config, shares_names, rate.hz))),
      published_(state, ResourceOf(config)),
      module_loop_(std::make_unique<ModuleLoop>(state, &modules_, &threads_, &module_wakeup_,
                                                [this](WindowBox* box) { exports_->Put(box); })),
      drain_(std::make_unique<DrainLoop>(
          state, &clock_, &modules_, &threads_,
          DrainLoop::Settings{config.interval_ns.value, rate.hz, config.max_overhead.value,
                              config.thread_labels.value != ThreadLabels::kNone, shares_names,
                              config.signal_conflict.value == SignalConflict::kRetake},
          &module_wakeup_)) {
  module_loop_->SetDrain(drain_.get());
  module_loop_->SetPublished(&published_);
  module_loop_->MeasuresThreads(clock_.MeasuresThreads());
  module_loop_->NameThreads(config.thread_labels.value != ThreadLabels::kNone);
}

base::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Start(const Config& config, bool shares_names) {
  base::StatusOr<capture::State*> state = GetState(config);
  if (!state.ok()) return state.status();
  const ClockChoice rate = ChooseClock(config);
  context::SetLimit(config.label_sets.value);
  context::NoteGlobalScope();
  // Disarmed: nothing happens yet. Before all that may fail: the next Start() takes this mapping.
  capture::g_state.store(*state, std::memory_order_release);
  std::unique_ptr<Pipeline> pipeline(new Pipeline(config, rate, *state, shares_names));
  base::Status started;
  try {
    pipeline->OpenHttp(config, shares_names);
    started = pipeline->StartThreads();
    if (started.ok()) started = pipeline->StartSampling();
  } catch (...) {  // some of the threads may be running
    started = base::ResourceExhaustedError("out of memory");
  }
  if (started.ok()) return pipeline;
  // Threads that did not end in time still use the object: it is leaked then.
  if (!pipeline->Stop(kJoinNs)) static_cast<void>(pipeline.release());
  return started;
}

base::Status Pipeline::StartSampling() {
  if (broken()) return base::ResourceExhaustedError("out of memory in a thread of podo");
  if (base::Status installed = capture::InstallHandler(); !installed.ok()) return installed;
  state_->armed.store(1, std::memory_order_seq_cst);
  // Any point within the first period: a fleet must not tick in step.
  const uint64_t first_ns =
      1000 + static_cast<uint64_t>(base::SteadyClockNs()) * 0x9E3779B97F4A7C15 % rate_.period_ns;
  if (base::Status armed = clock_.Arm(first_ns); !armed.ok()) {
    state_->armed.store(0, std::memory_order_seq_cst);
    capture::RemoveHandler();  // no timer ran yet
    return armed;
  }
  // Taken while the preload library knew of no run yet, whose timers it could have had deleted.
  if (!clock_.StillOurs()) {
    Disarm();
    return base::AlreadyExistsError("the program took the signal meanwhile");
  }
  if (broken_.load(std::memory_order_seq_cst)) Disarm();  // it was too early in BreakOff()
  drain_->wakeup().Post();                                // it may have threads to find
  return base::OkStatus();
}

void Pipeline::MapDrainStack(size_t bytes) {
  if (drain_stack_ != nullptr) munmap(drain_stack_, drain_stack_bytes_);
  drain_stack_bytes_ = bytes;
  drain_stack_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (drain_stack_ == MAP_FAILED) {
    drain_stack_ = nullptr;
  } else {
    mprotect(drain_stack_, 4096, PROT_NONE);
  }
}

base::Status Pipeline::StartThreads() {
  // The drain runs on a stack podo mapped, by which it finds glibc's thread layout; the lowest page
  // is its guard.
  MapDrainStack(kDrainStackBytes);
  struct Body {
    std::string name;
    void* stack;
    std::function<void()> body;
    OwnThreads::Work work = OwnThreads::Work::kProfiling;
  };
  std::vector<Body> bodies = {
      {"podo-drain", drain_stack_, [this] { DrainThread(); }},
      {"podo-modules", nullptr, [this] { module_loop_->Run(); }},
      {"podo-symbols", nullptr, [this] { symbols_.Run(); }},
      {"podo-export", nullptr,
       [this] {
         exports_->Run();
         symbols_.Stop();
         if (http_ != nullptr) http_->Stop();
         if (drain_->left_alone()) EndProcess();
       }},
  };
  for (const auto& exporter : exports_->exporters()) {
    bodies.push_back({absl::StrCat("podo-sink-", bodies.size() - kStages), nullptr,
                      [e = exporter.get()] { e->Run(); }});
  }
  if (http_ != nullptr) {
    constexpr OwnThreads::Work kAnswers = OwnThreads::Work::kAnswers;
    bodies.push_back({"podo-listen", nullptr, [this] { http_->Listen(); }, kAnswers});
    bodies.push_back({"podo-answer", nullptr, [this] { http_->Answer(); }, kAnswers});
  }
  const auto start = [this](const Body& b) {
    const size_t bytes = b.stack != nullptr ? drain_stack_bytes_ : kStackBytes;
    const auto body = [this, run = b.body](bool may_throw) {
      try {
        if (may_throw) return run();
      } catch (...) {
      }
      BreakOff();
    };
    return threads_.Start(b.name.c_str(), b.stack, bytes, body, b.work);
  };
  for (Body& b : bodies) {
    base::Status started = start(b);
    if (base::IsInvalidArgument(started) && b.stack != nullptr) {
      MapDrainStack(kDrainStackBytes + OwnThreads::kRoomForTls);
      b.stack = drain_stack_;
      started = start(b);
    }
    if (!started.ok()) return started;
  }
  export_started_ = true;
  return base::OkStatus();
}

// On the thread that ran out of memory. That must not end the host: profiling ends instead. The
// threads need one another, so all of them end, and with them whoever waits for a flush.
void Pipeline::BreakOff() {
  if (!broken_.exchange(true, std::memory_order_seq_cst)) {
    base::Log(base::LogLevel::kError, "out of memory in a thread of podo; profiling is off");
  }
  Disarm();
  drain_->GiveUp();
  module_loop_->GiveUp();
  symbols_.Stop();
  exports_->GiveUp();  // what listens goes on to say what it knows, until Stop()
}

// After pthread_exit in main the process ends with its last thread. A sink of the service's own
// that hangs must not keep it: without podo it would have ended.
void Pipeline::EndProcess() {
  constexpr int64_t kSliceNs = 10'000'000;
  const int64_t until_ns = base::SteadyClockNs() + exit_timeout_ns_ + kJoinNs;
  base::Wakeup never;
  while (OwnThreads::RunningInProcess() > 1) {
    if (base::SteadyClockNs() > until_ns) std::exit(0);  // as libc would, on this thread, too
    never.WaitFor(kSliceNs);
  }
}

void Pipeline::DrainThread() {
  state_->reader_tid = static_cast<uint32_t>(gettid());  // lives as long as ticks are sampled
  MeasureLayout();
  drain_->Run();
}

// On the drain's own stack: what stands where is known here. A second thread, started and joined
// at once, has other values and leaves the true offsets.
void Pipeline::MeasureLayout() {
  if (drain_stack_ == nullptr || state_->layout.load(std::memory_order_relaxed) != 0) return;
  const capture::LayoutCandidates candidates =
      capture::FindLayoutCandidatesHere(drain_stack_, drain_stack_bytes_);
  if (candidates.stack_count == 0) return;
  std::optional<capture::ThreadLayout> layout;
  OwnThreads second;
  if (second
          .Start("podo-layout", nullptr, kDrainStackBytes,
                 [&](bool) { layout = capture::NarrowLayoutHere(candidates); })
          .ok()) {
    // The thread reads a dozen words; it must be over before `candidates` is.
    constexpr int64_t kHourNs = 3'600'000'000'000;
    second.Join(kHourNs);
  }
  // Release: a handler that sees the offsets may use them; nothing else hangs on them.
  if (layout) state_->layout.store(capture::Pack(*layout), std::memory_order_release);
}

bool Pipeline::OwnsThisThread() const { return threads_.Owns(static_cast<uint32_t>(gettid())); }

Pipeline::~Pipeline() {
  if (drain_stack_ != nullptr) munmap(drain_stack_, drain_stack_bytes_);
}

bool Pipeline::Flush(int64_t limit_ns) {
  const int64_t deadline_ns = base::SteadyClockNs() + limit_ns;
  exports_->SetFlushDeadline(deadline_ns);
  const uint64_t id = flush_id_.fetch_add(1, std::memory_order_relaxed) + 1;
  drain_->AskFlush(id);
  return exports_->WaitFlushed(id, deadline_ns);
}

void Pipeline::Disarm() {
  state_->armed.store(0, std::memory_order_seq_cst);
  if (!drain_->host_took_over()) clock_.Disarm();
}

bool Pipeline::Stop(int64_t limit_ns) {
  // With a thread gone the last window gets nowhere: no exit waits for it, only for the threads,
  // which are ending.
  if (broken()) limit_ns = std::min(limit_ns, kJoinNs);
  const int64_t deadline_ns = base::SteadyClockNs() + limit_ns;
  Disarm();
  if (http_ != nullptr) http_->Stop();
  exports_->SetStopDeadline(deadline_ns);
  drain_->Stop();
  if (!export_started_) symbols_.Stop();  // else the export thread does it when it ends
  // At least a moment, so that threads that only have to leave are not leaked.
  constexpr int64_t kLeastNs = 50'000'000;
  const bool ended = threads_.Join(std::max(kLeastNs, deadline_ns - base::SteadyClockNs()));
  LogTotals();
  return ended;
}

bool Pipeline::GiveBackMemory() {
  constexpr int64_t kMomentNs = 50'000'000;
  capture::RingPool pool(state_);
  if (!pool.WaitIdle(kMomentNs)) return false;
  pool.Reset();
  return true;
}

// In a vfork child the parent's memory is shared: nothing may be written then, and the child's
// timer is its own (0).
bool Pipeline::InThisProcess() const { return static_cast<uint32_t>(getpid()) == state_->pid; }

void Pipeline::PrepareExec() {
  const bool here = InThisProcess();
  if (here) drain_->exec_pending.fetch_add(1);
  clock_.ReleaseForExec(here);
}

void Pipeline::ExecFailed() {
  const bool here = InThisProcess();
  clock_.RetakeAfterExec(here, here && state_->armed.load(std::memory_order_relaxed) != 0);
  if (!here) return;
  drain_->exec_pending.fetch_sub(1);
  drain_->wakeup().Post();  // it makes timers anew
}

void Pipeline::HostTakesSignal() {
  state_->armed.store(0, std::memory_order_seq_cst);
  drain_->NoteHostTakeover();
}

}  // namespace podo
