// SPDX-License-Identifier: Apache-2.0
#include "serve/metrics.h"

#include "serve/metrics_writer.h"

namespace podo::serve {
namespace {

using Kind = MetricsWriter::Kind;

double Seconds(int64_t ns) { return static_cast<double>(ns) / 1e9; }
double Seconds(uint64_t ns) { return static_cast<double>(ns) / 1e9; }
double Number(uint64_t count) { return static_cast<double>(count); }

void WriteSampling(const podo_stats& s, bool is_on, MetricsWriter* out) {
  out->Gauge("podo_profiling", "1 while podo samples this process, 0 after it was stopped.",
             is_on ? 1 : 0);
  out->Gauge("podo_sample_rate_hertz", "Samples per CPU second: the rate in force.", s.sample_hz);
  out->Gauge("podo_sampling_ratio",
             "CPU time accounted for by ticks over CPU time used, in the last window.",
             s.sampling_ratio);
  out->Counter("podo_process_cpu_seconds_total",
               "CPU time of the process since podo started, podo's own threads included.",
               Seconds(s.process_cpu_ns));
  out->Counter("podo_own_cpu_seconds_total", "CPU time of podo's own threads.",
               Seconds(s.own_cpu_ns));
  out->Counter("podo_windows_total", "Windows closed.", Number(s.windows));
  out->Counter("podo_ticks_total", "Ticks of the profiling timer that were handled.",
               Number(s.ticks));
  out->Counter("podo_samples_taken_total", "Ticks recorded with a stack.", Number(s.samples_taken));
  out->Family("podo_ticks_dropped_total", Kind::kCounter, "Ticks without a stack, by cause.");
  out->Series(Number(s.dropped_nested), {{"cause", "nested"}});
  out->Series(Number(s.dropped_no_ring), {{"cause", "no_ring"}});
  out->Series(Number(s.paused_ticks), {{"cause", "paused"}});
  out->Series(Number(s.dropped_ring_full), {{"cause", "ring_full"}});
  out->Series(Number(s.dropped_small_stack), {{"cause", "small_stack"}});
  out->Counter("podo_ticks_misdelivered_total",
               "Ticks of threads that block the signal, delivered to a sleeping one.",
               Number(s.misdelivered));
  out->Counter("podo_ticks_foreign_total", "Signals of that number sent by somebody else.",
               Number(s.foreign_ticks));
  out->Counter("podo_ticks_overrun_total",
               "Of the ticks: periods that had passed before one was delivered.",
               Number(s.overruns));
  out->Gauge("podo_thread_timers", "Threads with a CPU timer of their own (PODO_CLOCK).",
             Number(s.thread_timers));
  out->Counter("podo_thread_timers_refused_total",
               "Attempts to make such a timer that the kernel refused.", Number(s.refused_timers));
  out->Counter("podo_handler_cpu_seconds_total",
               "CPU time of the signal handler, the signals' delivery included.",
               Seconds(s.handler_cpu_ns));
  out->Gauge("podo_overhead_ratio",
             "podo's share of CPU time over ten minutes: what PODO_MAX_OVERHEAD limits.",
             s.overhead);
  out->Gauge("podo_frames_limit", "Frames of a stack that are kept: PODO_MAX_FRAMES or less.",
             Number(s.frames_in_force));
  out->Counter("podo_budget_lowered_total",
               "Times that rate or depth was lowered, or sampling paused, for PODO_MAX_OVERHEAD.",
               Number(s.budget_lowered));
  out->Counter("podo_budget_pauses_total", "Times that sampling was paused for PODO_MAX_OVERHEAD.",
               Number(s.budget_pauses));
}

void WriteStacks(const podo_stats& s, MetricsWriter* out) {
  out->Counter("podo_stacks_truncated_total", "Stacks cut at PODO_MAX_FRAMES.",
               Number(s.truncated));
  out->Counter("podo_stacks_incomplete_total", "Stacks that did not reach their root.",
               Number(s.incomplete));
  out->Counter("podo_stacks_residue_total", "Stacks that were left for libunwind.",
               Number(s.residue_taken));
  out->Gauge("podo_modules", "Modules with unwind rows.", Number(s.modules));
  out->Gauge("podo_unwind_row_bytes", "Memory of the unwind rows.", Number(s.unwind_row_bytes));
  out->Gauge("podo_rings_in_use", "Threads that have a ring.", Number(s.rings_in_use));
  out->Gauge("podo_label_sets", "Distinct label sets.", Number(s.label_sets));
  out->Counter("podo_label_overflow_total",
               "Label sets that became __overflow__ (PODO_LABEL_SETS).", Number(s.label_overflow));
}

void WriteExports(const podo_stats& s, MetricsWriter* out) {
  out->Counter("podo_profiles_exported_total", "Payloads that a sink accepted.",
               Number(s.profiles_written));
  out->Counter("podo_exported_bytes_total", "Bytes of payloads that a sink accepted.",
               Number(s.bytes_written));
  out->Counter("podo_export_errors_total", "Attempts to export that failed.",
               Number(s.export_errors));
  out->Counter("podo_profiles_retried_total",
               "Attempts with payloads that had failed or waited before.",
               Number(s.profiles_retried));
  out->Counter("podo_profiles_spooled_total", "Payloads put into PODO_SPOOL_DIR.",
               Number(s.profiles_spooled));
  out->Family("podo_profiles_lost_total", Kind::kCounter,
              "Payloads that reach no sink any more, by cause.");
  out->Series(Number(s.lost_at_exit), {{"cause", "at_exit"}});
  out->Series(Number(s.lost_queue_full), {{"cause", "queue_full"}});
  out->Series(Number(s.lost_refused), {{"cause", "refused"}});
  out->Series(Number(s.lost_spool_full), {{"cause", "spool_full"}});
  out->Series(Number(s.lost_too_old), {{"cause", "too_old"}});
}

void WriteHistory(const history::HistoryStats& h, MetricsWriter* out) {
  out->Gauge("podo_history_bytes", "Memory of the windows that are kept.", Number(h.bytes));
  out->Gauge("podo_history_disk_bytes", "The same on disk (PODO_HISTORY_DIR).",
             Number(h.disk_bytes));
  out->Gauge("podo_history_windows", "Windows kept, merged ones counted once.", Number(h.windows));
  out->Counter("podo_history_windows_merged_total", "Windows merged into coarser ones.",
               Number(h.windows_merged));
  out->Counter("podo_history_windows_dropped_total", "Windows dropped because there was no room.",
               Number(h.windows_dropped));
  out->Gauge("podo_history_begin_timestamp_seconds",
             "When the oldest window began, Unix time; 0 if there is none.", Seconds(h.begin_ns));
}

void WriteFunctions(const char* name, const char* help,
                    const std::vector<CpuTotals::Function>& functions, MetricsWriter* out) {
  out->Family(name, Kind::kCounter, help);
  for (const CpuTotals::Function& f : functions) {
    out->Series(Seconds(f.cpu_ns), {{"function", f.name}});
  }
}

void WriteCpu(const CpuTotals::Snapshot& cpu, MetricsWriter* out) {
  WriteFunctions("podo_function_cpu_seconds_total",
                 "CPU time of the function's own instructions, for the functions with most of it.",
                 cpu.self, out);
  WriteFunctions("podo_function_inclusive_cpu_seconds_total",
                 "CPU time of the function and all it calls, for the functions with most of it.",
                 cpu.total, out);
  out->Family("podo_label_cpu_seconds_total", Kind::kCounter,
              "CPU time of the samples with this label value, for the values with most of it.");
  for (const CpuTotals::LabelValue& l : cpu.labels) {
    out->Series(Seconds(l.cpu_ns), {{"label", l.key}, {"value", l.value}});
  }
}

void WriteHttp(const HttpCounts& http, MetricsWriter* out) {
  out->Counter("podo_http_requests_total", "Requests that reached a handler.",
               Number(http.requests));
  out->Counter("podo_http_refused_total", "Connections and requests that were refused.",
               Number(http.refused));
  out->Gauge("podo_http_connections", "Connections that are open.", Number(http.connections));
}

}  // namespace

std::string MetricsText(const MetricsInput& input, bool openmetrics) {
  MetricsWriter out(openmetrics);
  out.Family("podo_build_info", Kind::kGauge, "Always 1; the version is a label.");
  out.Series(1, {{"version", input.version}});
  WriteSampling(input.stats, input.is_on, &out);
  WriteStacks(input.stats, &out);
  WriteExports(input.stats, &out);
  if (input.has_history) WriteHistory(input.history, &out);
  if (input.has_http) WriteHttp(input.http, &out);
  WriteCpu(input.cpu, &out);
  return out.Finish();
}

std::string MetricsContentType(bool openmetrics) {
  return openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                     : "text/plain; version=0.0.4; charset=utf-8";
}

bool WantsOpenMetrics(std::string_view accept) {
  return accept.find("application/openmetrics-text") != std::string_view::npos;
}

}  // namespace podo::serve
