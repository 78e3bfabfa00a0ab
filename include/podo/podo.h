// SPDX-License-Identifier: Apache-2.0
// podo: an embeddable continuous CPU profiler. Call podo::Start() once and leave it on.
//
// C++17, standard headers only; thin wrappers over the C ABI of podo_c.h, so that the library may
// be built by another compiler or standard library than the program.
#ifndef PODO_PODO_H_
#define PODO_PODO_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "podo/context.h"
#include "podo/podo_c.h"

namespace podo {

// What a call came to. Ignoring it is fine: podo never makes the service depend on it.
class Status {
 public:
  Status() noexcept : status_{PODO_OK, {0}} {}
  explicit Status(const podo_status& status) noexcept : status_(status) {}

  // True if profiling is on or the call did what was asked.
  bool ok() const noexcept {
    return status_.code == PODO_OK || status_.code == PODO_ALREADY_STARTED;
  }
  podo_code code() const noexcept { return static_cast<podo_code>(status_.code); }
  // One line for people, valid as long as this object; empty on success.
  const char* message() const noexcept { return status_.message; }

 private:
  podo_status status_;
};

// What to set in code. An empty or zero field is taken from the environment, else the default
// holds; a field that is set beats the environment, except that PODO_ENABLED=false always wins.
struct Options {
  std::string service_name;              // PODO_SERVICE_NAME
  std::string labels;                    // PODO_LABELS, "k=v,k=v"
  std::string export_to;                 // PODO_EXPORT, comma-separated sink URLs
  double sample_hz = 0;                  // PODO_SAMPLE_HZ, samples per CPU-second; default 100
  std::chrono::nanoseconds interval{0};  // PODO_INTERVAL, length of a window; default 10 s
  std::uint32_t max_frames = 0;          // PODO_MAX_FRAMES, default 256
  std::uint32_t max_threads = 0;         // PODO_MAX_THREADS, default 1024
  std::string clock;               // PODO_CLOCK: auto (default), thread, perf, process, itimer
  std::string symbolize;           // PODO_SYMBOLIZE: full (default), functions, none
  std::uint64_t symbol_bytes = 0;  // PODO_SYMBOL_BYTES, default 64 MiB
  std::chrono::nanoseconds exit_timeout{0};  // PODO_EXIT_TIMEOUT, default 2 s
  std::string log;                           // PODO_LOG: off, error, warning (default), info
  // Of sinks that speak HTTP. Paths are absolute.
  std::string headers;             // PODO_HEADERS, "name=value,name=value", on every request
  std::string tenant;              // PODO_TENANT, the header X-Scope-OrgID
  std::string certificate;         // PODO_CERTIFICATE, PEM file trusted instead of the system's
  std::string client_certificate;  // PODO_CLIENT_CERTIFICATE, PEM file
  std::string client_key;          // PODO_CLIENT_KEY, PEM file
  std::string compression;         // PODO_COMPRESSION: gzip (default), zstd, none
  std::string spool_dir;           // PODO_SPOOL_DIR, where undelivered profiles wait
  std::uint64_t spool_bytes = 0;   // PODO_SPOOL_BYTES, default 64 MiB
  // Of the process' own past, and where it shows it.
  std::string listen;             // PODO_LISTEN: "127.0.0.1:6060", "unix:/path", "unix:@name"
  std::string listen_token_file;  // PODO_LISTEN_TOKEN_FILE
  std::uint64_t history_bytes =
      0;                    // PODO_HISTORY_BYTES, default 16 MiB if `listen` or a directory is set
  std::string history_dir;  // PODO_HISTORY_DIR
  std::string fork;         // PODO_FORK: off (default), child: fork children are profiled, too
  std::string signal;       // PODO_SIGNAL: PROF (default), or a real-time signal, RTMIN+3
  std::string signal_conflict;  // PODO_SIGNAL_CONFLICT: yield (default), retake, chain
};

using Stats = podo_stats;

// Starts profiling, configured by the environment. Idempotent. Refuses, and changes nothing, if the
// process uses that signal, SIGPROF unless set otherwise, or ITIMER_PROF itself. Thread-safe; not
// async-signal-safe. Cost: <= 3 ms; it never waits for unwind tables, symbols, disk or network.
inline Status Start() noexcept { return Status(podo_start(nullptr)); }

// As Start(), with settings in code.
inline Status Start(const Options& options) noexcept {
  podo_options c = {};
  const auto text = [](const std::string& s) { return s.empty() ? nullptr : s.c_str(); };
  c.size = sizeof c;
  c.service_name = text(options.service_name);
  c.labels = text(options.labels);
  c.export_to = text(options.export_to);
  c.sample_hz = options.sample_hz;
  c.interval_ns = static_cast<std::uint64_t>(options.interval.count());
  c.max_frames = options.max_frames;
  c.max_threads = options.max_threads;
  c.clock = text(options.clock);
  c.symbolize = text(options.symbolize);
  c.symbol_bytes = options.symbol_bytes;
  c.exit_timeout_ns = static_cast<std::uint64_t>(options.exit_timeout.count());
  c.log = text(options.log);
  c.headers = text(options.headers);
  c.tenant = text(options.tenant);
  c.certificate = text(options.certificate);
  c.client_certificate = text(options.client_certificate);
  c.client_key = text(options.client_key);
  c.compression = text(options.compression);
  c.spool_dir = text(options.spool_dir);
  c.spool_bytes = options.spool_bytes;
  c.listen = text(options.listen);
  c.listen_token_file = text(options.listen_token_file);
  c.history_bytes = options.history_bytes;
  c.history_dir = text(options.history_dir);
  c.fork = text(options.fork);
  c.signal = text(options.signal);
  c.signal_conflict = text(options.signal_conflict);
  return Status(podo_start(&c));
}

// Sends all that was sampled so far to every sink; waits at most `timeout`. Thread-safe.
inline Status Flush(std::chrono::nanoseconds timeout) noexcept {
  return Status(podo_flush(static_cast<std::uint64_t>(timeout.count())));
}

// Stops profiling: disarms, flushes within `timeout`, ends podo's threads. Start() may follow.
inline Status Stop(std::chrono::nanoseconds timeout) noexcept {
  return Status(podo_stop(static_cast<std::uint64_t>(timeout.count())));
}

// Counters since Start(). Thread-safe, wait-free.
inline Stats GetStats() noexcept {
  Stats stats = {};
  stats.size = sizeof stats;
  podo_get_stats(&stats);
  return stats;
}

enum class MetricsFormat {
  kPrometheus = PODO_METRICS_PROMETHEUS,    // text/plain; version=0.0.4
  kOpenMetrics = PODO_METRICS_OPENMETRICS,  // application/openmetrics-text; version=1.0.0
};

// What podo's own /metrics shows, for a service that has one already: append it to yours. Names
// begin with podo_. CPU time by function and label value is counted from the first call on, or from
// the start where PODO_LISTEN or a history is set. Empty if podo was never started. Thread-safe.
// Throws std::bad_alloc only. Cost: some 100 us.
inline std::string RenderMetrics(MetricsFormat format = MetricsFormat::kPrometheus) {
  std::string text;
  for (std::size_t size = 1;;) {
    text.resize(size);
    const std::size_t needed =
        podo_render_metrics(static_cast<std::int32_t>(format), &text[0], size);
    if (needed < size) {
      text.resize(needed);
      return text;
    }
    size = needed + 1024;  // it may grow in between
  }
}

// Call right before exec* in a process that links podo (the preload library does it by itself): an
// armed ITIMER_PROF (PODO_CLOCK=itimer; other clocks before Linux 6.4) survives exec and kills the
// new program. Async-signal-safe, also in a vfork child.
inline void PrepareExec() noexcept { podo_prepare_exec(); }

// Undoes PrepareExec() after a failed exec. Async-signal-safe.
inline void ExecFailed() noexcept { podo_exec_failed(); }

}  // namespace podo

#endif  // PODO_PODO_H_
