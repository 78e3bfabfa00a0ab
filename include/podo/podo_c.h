/* SPDX-License-Identifier: Apache-2.0 */
/* podo's binary boundary: everything the C++ header does goes through these functions.
 *
 * Structs begin with their size, so that a program built against an older header keeps working with
 * a newer library. No function throws, aborts or prints (the log apart, see PODO_LOG). */
#ifndef PODO_PODO_C_H_
#define PODO_PODO_C_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define PODO_API __attribute__((visibility("default")))
#else
#define PODO_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What a call came to. Values are stable. */
enum podo_code {
  PODO_OK = 0,
  PODO_ALREADY_STARTED = 1, /* this copy of podo runs already: nothing changed */
  PODO_DISABLED = 2,        /* PODO_ENABLED=false, OTEL_SDK_DISABLED=true, or a fork child */
  PODO_SIGNAL_TAKEN = 3, /* podo's signal has a handler, or ITIMER_PROF is armed: the host's wins */
  PODO_SECOND_COPY = 4,  /* another copy of podo profiles this process */
  PODO_UNSUPPORTED = 5,  /* kernel or libc lacks what podo needs; the message says what */
  PODO_RESOURCE = 6,     /* memory, threads or descriptors ran out; nothing is left behind */
  PODO_TIMEOUT = 7,      /* the deadline passed; work goes on in the background */
  PODO_NOT_STARTED = 8,
  PODO_INVALID_ARGUMENT = 9
};

/* Result of a call; `message` is a NUL-terminated line for people, empty on success. */
typedef struct podo_status {
  int32_t code; /* enum podo_code */
  char message[252];
} podo_status;

/* What to set in code. A zero field means: take it from the environment, else the default.
 * A field that is set beats the environment, except that PODO_ENABLED=false always wins. */
typedef struct podo_options {
  size_t size;              /* sizeof(podo_options) */
  const char* service_name; /* PODO_SERVICE_NAME */
  const char* labels;       /* PODO_LABELS, "k=v,k=v" */
  const char* export_to;    /* PODO_EXPORT, comma-separated sink URLs */
  double sample_hz;         /* PODO_SAMPLE_HZ, samples per CPU-second */
  uint64_t interval_ns;     /* PODO_INTERVAL */
  uint32_t max_frames;      /* PODO_MAX_FRAMES */
  uint32_t max_threads;     /* PODO_MAX_THREADS */
  const char* symbolize;    /* PODO_SYMBOLIZE: "full", "functions", "none" */
  uint64_t symbol_bytes;    /* PODO_SYMBOL_BYTES */
  uint64_t exit_timeout_ns; /* PODO_EXIT_TIMEOUT */
  const char* log;          /* PODO_LOG */
  /* Of sinks that speak HTTP. */
  const char* headers;            /* PODO_HEADERS, "name=value,name=value" */
  const char* tenant;             /* PODO_TENANT */
  const char* certificate;        /* PODO_CERTIFICATE, path of a PEM file, as the next two */
  const char* client_certificate; /* PODO_CLIENT_CERTIFICATE */
  const char* client_key;         /* PODO_CLIENT_KEY */
  const char* compression;        /* PODO_COMPRESSION: "gzip", "zstd", "none" */
  const char* spool_dir;          /* PODO_SPOOL_DIR */
  uint64_t spool_bytes;           /* PODO_SPOOL_BYTES */
  const char* listen;             /* PODO_LISTEN, "127.0.0.1:6060", "unix:/path", "unix:@name" */
  const char* listen_token_file;  /* PODO_LISTEN_TOKEN_FILE */
  uint64_t history_bytes;         /* PODO_HISTORY_BYTES; to switch it off, use the variable */
  const char* history_dir;        /* PODO_HISTORY_DIR */
  const char* clock;              /* PODO_CLOCK: "auto", "thread", "perf", "process", "itimer" */
  const char* fork;               /* PODO_FORK: "off", "child" */
  const char* signal;             /* PODO_SIGNAL: "PROF", "RTMIN+3" */
  const char* signal_conflict;    /* PODO_SIGNAL_CONFLICT: "yield", "retake", "chain" */
} podo_options;

/* Counters since Start. Monotonic unless said otherwise. Ticks are periods of the clock, one or
 * (PODO_CLOCK other than itimer) several to a delivery of the signal:
 * ticks == samples_taken + dropped_ring_full + dropped_no_ring + dropped_nested +
 *          dropped_small_stack + paused_ticks + foreign_ticks. */
typedef struct podo_stats {
  size_t size;                /* in: sizeof(podo_stats); out: bytes filled in */
  uint64_t ticks;             /* ticks handled */
  uint64_t samples_taken;     /* raw samples recorded, residue included */
  uint64_t dropped_ring_full; /* the thread's ring had no room */
  uint64_t dropped_no_ring;   /* no ring free: more threads than PODO_MAX_THREADS, or a burst */
  uint64_t dropped_nested;    /* the tick hit a thread already inside the handler */
  uint64_t paused_ticks;      /* ticks inside a paused scope */
  uint64_t own_ticks;     /* of samples_taken: ticks of podo's own CPU time; not in the profile */
  uint64_t foreign_ticks; /* the signal sent by somebody else (kill, sigqueue): not a CPU tick */
  uint64_t truncated;     /* of samples_taken: stack cut at PODO_MAX_FRAMES */
  uint64_t incomplete;    /* of samples_taken: stack did not reach its root */
  uint64_t residue_taken; /* of samples_taken: left for libunwind */
  uint64_t
      residue_limited; /* of samples_taken: wanted libunwind, but the pool or the rate was spent */
  uint64_t
      frame_pointer_steps; /* of samples_taken: at least one frame found by frame pointer only */
  uint64_t misdelivered;   /* ticks of threads that block the signal, delivered to a sleeping one */
  uint64_t process_cpu_ns; /* CPU time of the process since Start, podo's own threads included */
  uint64_t own_cpu_ns;     /* CPU time of podo's threads */
  uint64_t windows;        /* windows closed */
  uint64_t profiles_written; /* payloads a sink accepted */
  uint64_t profiles_lost;    /* payloads that reach no sink any more: the lost_* below together */
  uint64_t export_errors;    /* failed attempts */
  uint64_t bytes_written;    /* of profiles_written, compressed */
  uint64_t modules;          /* gauge: modules with unwind rows */
  uint64_t unwind_row_bytes; /* gauge: memory of the unwind rows */
  uint64_t rings_in_use;     /* gauge */
  double sampling_ratio;   /* gauge: ticks * nominal period / host CPU; 0 before the first window */
  double sample_hz;        /* gauge: the rate in force */
  uint64_t label_sets;     /* gauge: distinct label sets */
  uint64_t label_overflow; /* scopes and prepared labels that became __overflow__ */
  uint64_t misplaced_scopes; /* scopes left on another thread, or out of turn */
  uint64_t profiles_retried; /* attempts with payloads that had failed or waited before */
  uint64_t profiles_spooled; /* payloads put into PODO_SPOOL_DIR */
  uint64_t lost_refused;     /* the receiver said no, in whole or in part */
  uint64_t lost_queue_full;  /* memory for payloads that wait was spent */
  uint64_t lost_spool_full;  /* dropped from PODO_SPOOL_DIR to make room, or found damaged there */
  uint64_t lost_too_old;     /* the receiver takes no profiles that old */
  uint64_t lost_at_exit;     /* PODO_EXIT_TIMEOUT was over, and there is no PODO_SPOOL_DIR */
  /* The newest failure of any sink: its name, what happened, the collector's own words (cut,
   * printable). Empty if there was none. */
  char last_export_error[256];
  uint64_t overruns;       /* of ticks: periods that had passed before a tick was delivered */
  uint64_t thread_timers;  /* gauge: threads with a CPU timer of their own (PODO_CLOCK) */
  uint64_t refused_timers; /* attempts to make such a timer that the kernel refused */
  /* PODO_MAX_OVERHEAD (docs/budget.md) */
  uint64_t handler_cpu_ns;  /* CPU time of the signal handler, the signals' delivery included */
  double overhead;          /* gauge: what the budget limits, as a share; 0 without a limit */
  uint64_t rate_divisor;    /* gauge: 1: sampled as asked for; n: at 1/n of the rate; 0: paused */
  uint64_t frames_in_force; /* gauge: PODO_MAX_FRAMES, or what is left of it */
  uint64_t budget_lowered;  /* times that rate or depth was lowered, or sampling paused */
  uint64_t budget_pauses;   /* times that sampling was paused */
  uint64_t dropped_small_stack; /* on an alternate signal stack without room for the handler */
} podo_stats;

/* Starts profiling this process. Returns at once; unwind tables are built in the background.
 * options may be NULL. Thread-safe; not async-signal-safe. Cost: <= 3 ms. */
PODO_API podo_status podo_start(const podo_options* options);

/* Sends all that was sampled so far to every sink; waits at most timeout_ns. Thread-safe. */
PODO_API podo_status podo_flush(uint64_t timeout_ns);

/* Disarms the timer, flushes within timeout_ns and ends podo's threads. An inert handler
 * stays, because a pending signal would kill the process otherwise. Start may follow. */
PODO_API podo_status podo_stop(uint64_t timeout_ns);

/* Fills in `stats` up to stats->size. Thread-safe, wait-free, never blocks. */
PODO_API void podo_get_stats(podo_stats* stats);

/* The forms of podo_render_metrics: Prometheus' text format 0.0.4, and OpenMetrics 1.0.0. */
enum podo_metrics_format { PODO_METRICS_PROMETHEUS = 0, PODO_METRICS_OPENMETRICS = 1 };

/* What podo's own /metrics shows, for a service that has one already: its state, and CPU time by
 * function and label value (docs/metrics.md). Writes at most `size` bytes to `text`, the last of
 * them NUL, and returns the length of the whole text without NUL; call again with more room if that
 * is not less than `size`. 0 if memory ran out or podo was never started. CPU time by function is
 * counted from the first call on, or from the start where PODO_LISTEN or a history is set; until a
 * window has closed there is none. Thread-safe; not async-signal-safe. Cost: some 100 us and 50
 * KiB. */
PODO_API size_t podo_render_metrics(int32_t format, char* text, size_t size);

/* Call right before a raw exec* in a process that links podo: an armed ITIMER_PROF and a pending
 * SIGPROF survive exec and would kill the new program. Disarms the timer and drops what is pending.
 * Async-signal-safe, allowed in a vfork child. If exec fails, call podo_exec_failed. */
PODO_API void podo_prepare_exec(void);

/* Undoes podo_prepare_exec after a failed exec. Async-signal-safe. */
PODO_API void podo_exec_failed(void);

/* Version as "major.minor.patch". */
PODO_API const char* podo_version(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* PODO_PODO_C_H_ */
