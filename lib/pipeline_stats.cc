// SPDX-License-Identifier: Apache-2.0
// What a run says of itself: counters, metrics, the lines of the end.
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "context/label_sets.h"
#include "context/scope.h"
#include "pipeline.h"
#include "serve/metrics.h"
#include "sinks.h"

namespace podo {

void Pipeline::FillStats(podo_stats* stats) const {
  const capture::Counters& c = state_->counters;
  const auto get = [](const std::atomic<uint64_t>& v) { return v.load(std::memory_order_relaxed); };
  stats->ticks = get(c.ticks);
  stats->samples_taken = get(c.taken);
  stats->dropped_ring_full = get(c.ring_full);
  stats->dropped_no_ring = get(c.no_ring);
  stats->dropped_nested = get(c.nested);
  stats->dropped_small_stack = get(c.small_stack);
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
  const OverheadGuard::Stats& o = drain_->overhead();
  const auto now = [](const auto& v) { return v.load(std::memory_order_relaxed); };
  stats->handler_cpu_ns = now(o.handler_ns);
  stats->overhead = now(o.overhead);
  stats->rate_divisor = now(o.divisor);
  stats->frames_in_force = now(o.max_frames);
  stats->budget_lowered = now(o.lowered);
  stats->budget_pauses = now(o.pauses);
  stats->sample_hz =
      stats->rate_divisor == 0 ? 0 : rate_.hz / static_cast<double>(stats->rate_divisor);
  const context::LabelCounts labels = context::CountLabels();
  stats->label_sets = labels.sets;
  stats->label_overflow = labels.overflow;
  stats->misplaced_scopes = context::MisplacedScopes();
  stats->overruns = get(c.overruns);
  stats->thread_timers = clock_.thread_timers();
  stats->refused_timers = clock_.refused_timers();
}

std::string Pipeline::Metrics(bool openmetrics) {
  kept_.WantTotals();
  serve::MetricsInput input;
  input.version = PODO_VERSION;
  FillStats(&input.stats);
  input.is_on = state_->armed.load(std::memory_order_relaxed) != 0;
  input.cpu = kept_.totals().Read();
  input.has_history = kept_.history() != nullptr;
  if (input.has_history) input.history = kept_.history()->Stats();
  input.has_http = http_ != nullptr;
  if (input.has_http) input.http = http_->counts();
  return serve::MetricsText(input, openmetrics);
}

void Pipeline::LogTotals() const {
  if (base::GetLogLevel() < base::LogLevel::kInfo) return;  // an exit allocates no memory for it
  podo_stats s = {};
  FillStats(&s);
  try {
    LogLines(s);
  } catch (...) {  // memory that ran out for a line of the log is no reason not to end
  }
}

void Pipeline::LogLines(const podo_stats& s) const {
  base::Log(base::LogLevel::kInfo,
            absl::StrCat("ticks=", s.ticks, " taken=", s.samples_taken,
                         " ring_full=", s.dropped_ring_full, " no_ring=", s.dropped_no_ring,
                         " nested=", s.dropped_nested, " small_stack=", s.dropped_small_stack,
                         " paused=", s.paused_ticks, " foreign=", s.foreign_ticks,
                         " | incomplete=", s.incomplete, " truncated=", s.truncated,
                         " residue=", s.residue_taken, " residue_limited=", s.residue_limited,
                         " frame_pointer=", s.frame_pointer_steps, " misdelivered=", s.misdelivered,
                         " own_ticks=", s.own_ticks, " overruns=", s.overruns));
  base::Log(
      base::LogLevel::kInfo,
      absl::StrCat("cpu_ms=", s.process_cpu_ns / 1'000'000, " own_cpu_us=", s.own_cpu_ns / 1000,
                   " handler_us=", s.handler_cpu_ns / 1000, " budget_lowered=", s.budget_lowered,
                   " budget_pauses=", s.budget_pauses, " hz=", rate_.hz, " windows=", s.windows,
                   " written=", s.profiles_written, " lost=", s.profiles_lost,
                   " errors=", s.export_errors, " bytes=", s.bytes_written));
}

}  // namespace podo
