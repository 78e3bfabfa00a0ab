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

ExportLoop::Settings ExportSettings(const Config& config) {
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
  return settings;
}

// The mapping of an earlier run in this process, if it is large enough: it is never unmapped.
absl::StatusOr<capture::State*> GetState(const Config& config) {
  capture::State* state = capture::g_state.load(std::memory_order_relaxed);
  if (state == nullptr || state->ring_count < config.max_threads.value) {
    absl::StatusOr<capture::State*> mapped =
        capture::MapState(config.max_threads.value, config.max_frames.value);
    if (!mapped.ok()) return mapped.status();
    if ((*mapped)->ring_count < config.max_threads.value) {
      base::Log(base::LogLevel::kWarning,
                absl::StrCat("address space for ", (*mapped)->ring_count, " threads only, not ",
                             config.max_threads.value, " (PODO_MAX_THREADS)"));
    }
    state = *mapped;
  }
  state->max_frames = config.max_frames.value;
  state->counters.Reset();
  return state;
}

}  // namespace

Pipeline::Rate Pipeline::ChooseRate(const Config& config) {
  const double tick_hz = capture::KernelTickHz();
  double hz = config.sample_hz.value;
  if (hz > tick_hz) {
    base::Log(base::LogLevel::kWarning,
              absl::StrCat("PODO_SAMPLE_HZ=", hz, " is above the kernel's tick; delivering ",
                           tick_hz, " samples per CPU-second"));
    hz = tick_hz;
  }
  // In whole microseconds, as setitimer keeps it, and an odd number of them: by its period podo's
  // timer is told from one that the host set, and round periods are what others use.
  const uint64_t period_us = static_cast<uint64_t>(1e6 / hz);
  return {hz, (period_us - (period_us % 2 == 0 ? 1 : 0)) * 1000};
}

Pipeline::Pipeline(const Config& config, Rate rate, capture::State* state, bool shares_names)
    : rate_(rate),
      exit_timeout_ns_(config.exit_timeout_ns.value),
      begin_cpu_ns_(base::ProcessCpuNs()),
      state_(state),
      modules_(state),
      symbolizer_(SymbolOptions(config)),
      symbols_(&symbolizer_),
      exports_(std::make_unique<ExportLoop>(ExportSettings(config), &modules_, &symbolizer_,
                                            &symbols_,
                                            MakeExporters(config, shares_names, rate.hz))),
      published_(state, ResourceOf(config)),
      module_loop_(std::make_unique<ModuleLoop>(state, &modules_, &threads_, &module_wakeup_,
                                                [this](WindowBox* box) { exports_->Put(box); })),
      drain_(std::make_unique<DrainLoop>(
          state, &modules_, &threads_,
          DrainLoop::Settings{config.interval_ns.value, rate.period_ns, rate.hz,
                              config.thread_labels.value != ThreadLabels::kNone, shares_names},
          &module_wakeup_)) {
  module_loop_->SetDrain(drain_.get());
  module_loop_->SetPublished(&published_);
  module_loop_->NameThreads(config.thread_labels.value != ThreadLabels::kNone);
}

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Start(const Config& config, bool shares_names) {
  absl::StatusOr<capture::State*> state = GetState(config);
  if (!state.ok()) return state.status();
  const Rate rate = ChooseRate(config);
  context::SetLimit(config.label_sets.value);
  context::NoteGlobalScope();
  std::unique_ptr<Pipeline> pipeline(new Pipeline(config, rate, *state, shares_names));
  // Threads that did not end in time still use the object: it is leaked then.
  const auto give_up = [&pipeline](absl::Status why) {
    if (!pipeline->Stop(kJoinNs)) static_cast<void>(pipeline.release());
    return why;
  };
  capture::g_state.store(*state, std::memory_order_release);  // disarmed: nothing happens yet
  try {
    if (absl::Status started = pipeline->StartThreads(); !started.ok()) return give_up(started);
  } catch (const std::bad_alloc&) {  // some of them may be running
    return give_up(absl::ResourceExhaustedError("out of memory"));
  }
  if (absl::Status installed = capture::InstallHandler(); !installed.ok()) {
    return give_up(installed);
  }
  (*state)->armed.store(1, std::memory_order_seq_cst);
  // Any point within the first period: a fleet must not tick in step.
  const uint64_t first_ns =
      1000 + static_cast<uint64_t>(base::SteadyClockNs()) * 0x9E3779B97F4A7C15 % rate.period_ns;
  if (absl::Status armed = capture::ArmTimer(rate.period_ns, first_ns); !armed.ok()) {
    return give_up(armed);
  }
  return pipeline;
}

absl::Status Pipeline::StartThreads() {
  // The drain runs on a stack podo mapped, by which it finds glibc's thread layout; the lowest page
  // is its guard.
  drain_stack_ = mmap(nullptr, kDrainStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (drain_stack_ == MAP_FAILED) {
    drain_stack_ = nullptr;
  } else {
    mprotect(drain_stack_, 4096, PROT_NONE);
  }
  struct Body {
    std::string name;
    void* stack;
    std::function<void()> body;
  };
  std::vector<Body> bodies = {
      {"podo-drain", drain_stack_, [this] { DrainThread(); }},
      {"podo-modules", nullptr, [this] { module_loop_->Run(); }},
      {"podo-symbols", nullptr, [this] { symbols_.Run(); }},
      {"podo-export", nullptr,
       [this] {
         exports_->Run();
         symbols_.Stop();
         if (drain_->left_alone()) EndProcess();
       }},
  };
  for (const auto& exporter : exports_->exporters()) {
    bodies.push_back({absl::StrCat("podo-sink-", bodies.size() - kStages), nullptr,
                      [e = exporter.get()] { e->Run(); }});
  }
  for (const Body& b : bodies) {
    const size_t bytes = b.stack != nullptr ? kDrainStackBytes : kStackBytes;
    absl::Status started = threads_.Start(b.name.c_str(), b.stack, bytes, [this, body = b.body] {
      // Memory that runs out in podo must not end the host: profiling ends instead.
      try {
        body();
      } catch (...) {
        Disarm();
        broken_.store(true, std::memory_order_relaxed);
        base::Log(base::LogLevel::kError, "out of memory in a thread of podo; profiling is off");
      }
    });
    if (!started.ok()) return started;
  }
  export_started_ = true;
  return absl::OkStatus();
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
  const auto* block = static_cast<const unsigned char*>(__builtin_thread_pointer());
  const auto* top = static_cast<const unsigned char*>(drain_stack_) + kDrainStackBytes;
  if (block <= drain_stack_ || block >= top) return;
  const capture::LayoutCandidates candidates = capture::FindLayoutCandidates(
      block, static_cast<size_t>(top - block), static_cast<uint32_t>(gettid()),
      reinterpret_cast<uint64_t>(drain_stack_), kDrainStackBytes);
  std::optional<capture::ThreadLayout> layout;
  OwnThreads second;
  if (second
          .Start("podo-layout", nullptr, kDrainStackBytes,
                 [&] { layout = capture::NarrowLayoutHere(candidates); })
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
  if (drain_stack_ != nullptr) munmap(drain_stack_, kDrainStackBytes);
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
  if (!drain_->host_took_over()) capture::DisarmTimer(rate_.period_ns);
}

bool Pipeline::Stop(int64_t limit_ns) {
  // With a thread gone the last window gets nowhere: no exit waits for it.
  if (broken_.load(std::memory_order_relaxed)) limit_ns = 0;
  const int64_t deadline_ns = base::SteadyClockNs() + limit_ns;
  Disarm();
  exports_->SetStopDeadline(deadline_ns);
  drain_->Stop();
  const bool broken = broken_.load(std::memory_order_relaxed);
  if (!export_started_ || broken) symbols_.Stop();  // else the export thread does it when it ends
  if (broken) exports_->GiveUp();
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

void Pipeline::LogTotals() const {
  if (base::GetLogLevel() < base::LogLevel::kInfo) return;  // an exit allocates no memory for it
  podo_stats s = {};
  FillStats(&s);
  base::Log(
      base::LogLevel::kInfo,
      absl::StrCat("ticks=", s.ticks, " taken=", s.samples_taken,
                   " ring_full=", s.dropped_ring_full, " no_ring=", s.dropped_no_ring,
                   " nested=", s.dropped_nested, " paused=", s.paused_ticks,
                   " foreign=", s.foreign_ticks, " | incomplete=", s.incomplete,
                   " truncated=", s.truncated, " residue=", s.residue_taken,
                   " residue_limited=", s.residue_limited, " frame_pointer=", s.frame_pointer_steps,
                   " misdelivered=", s.misdelivered, " own_ticks=", s.own_ticks));
  base::Log(base::LogLevel::kInfo,
            absl::StrCat("cpu_ms=", s.process_cpu_ns / 1'000'000, " own_cpu_us=",
                         s.own_cpu_ns / 1000, " hz=", s.sample_hz, " windows=", s.windows,
                         " written=", s.profiles_written, " lost=", s.profiles_lost,
                         " errors=", s.export_errors, " bytes=", s.bytes_written));
}

// In a vfork child the parent's memory is shared: nothing may be written then, and the child's
// timer is its own (0).
bool Pipeline::InThisProcess() const { return static_cast<uint32_t>(getpid()) == state_->pid; }

void Pipeline::PrepareExec() {
  if (InThisProcess()) drain_->exec_pending.fetch_add(1);
  capture::ReleaseForExec(rate_.period_ns);
}

void Pipeline::ExecFailed() {
  const bool rearm = InThisProcess() && state_->armed.load(std::memory_order_relaxed) != 0;
  capture::RetakeAfterExec(rearm ? rate_.period_ns : 0);
  if (InThisProcess()) drain_->exec_pending.fetch_sub(1);
}

void Pipeline::HostTakesSignal() {
  state_->armed.store(0, std::memory_order_seq_cst);
  drain_->NoteHostTakeover();
}

void Pipeline::FillStats(podo_stats* stats) const {
  const capture::Counters& c = state_->counters;
  const auto get = [](const std::atomic<uint64_t>& v) { return v.load(std::memory_order_relaxed); };
  stats->ticks = get(c.ticks);
  stats->samples_taken = get(c.taken);
  stats->dropped_ring_full = get(c.ring_full);
  stats->dropped_no_ring = get(c.no_ring);
  stats->dropped_nested = get(c.nested);
  stats->paused_ticks = get(c.paused);
  stats->own_ticks = exports_->own_ticks();
  stats->foreign_ticks = get(c.foreign);
  stats->truncated = get(c.truncated);
  stats->incomplete = get(c.incomplete);
  stats->residue_taken = get(c.residue);
  stats->residue_limited = get(c.residue_limited);
  stats->frame_pointer_steps = get(c.frame_pointer);
  stats->misdelivered = exports_->misdelivered();
  stats->process_cpu_ns = static_cast<uint64_t>(base::ProcessCpuNs() - begin_cpu_ns_);
  stats->own_cpu_ns = static_cast<uint64_t>(threads_.CpuNs());
  stats->windows = drain_->windows();
  FillExportStats(exports_->exporters(), stats);
  stats->modules = modules_.module_count();
  stats->unwind_row_bytes = modules_.row_bytes();
  stats->rings_in_use = drain_->rings_in_use();
  stats->sampling_ratio = exports_->sampling_ratio();
  stats->sample_hz = rate_.hz;
  const context::LabelCounts labels = context::CountLabels();
  stats->label_sets = labels.sets;
  stats->label_overflow = labels.overflow;
  stats->misplaced_scopes = context::MisplacedScopes();
}

}  // namespace podo
