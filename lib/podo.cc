// SPDX-License-Identifier: Apache-2.0
// The C ABI: one run of profiling a process, its beginning and its end.
#include <sched.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread_memory.h"
#include "base/timed_lock.h"
#include "capture/profiling_timer.h"
#include "capture/sampling_clock.h"
#include "capture/state.h"
#include "config.h"
#include "exit_signal.h"
#include "export/custom_sink.h"
#include "fork_children.h"
#include "pipeline.h"
#include "podo/podo_c.h"
#include "podo/sink_c.h"
#include "preload/hooks.h"
#include "process.h"
#include "serve/metrics.h"

namespace podo {

constinit Process g_process;

namespace {

constexpr int64_t kForkNs = 500'000'000;  // of a process of many gigabytes
constexpr char kCalledBySink[] = "called on a thread of podo: by a sink";

podo_status MakeStatus(podo_code code, const std::string& message) {
  podo_status status = {code, {0}};
  std::snprintf(status.message, sizeof status.message, "%s", message.c_str());
  return status;
}

// In a process tree under the preload library a program that uses the signal itself (sort does) is
// no news; a service that asked to be profiled must hear of it.
podo_status Refuse(podo_code code, const std::string& message) {
  const bool expected =
      code == PODO_SIGNAL_TAKEN && g_process.preload.load(std::memory_order_relaxed) != nullptr;
  base::Log(expected ? base::LogLevel::kInfo : base::LogLevel::kWarning, message);
  return MakeStatus(code, message);
}

void FlushAtExit() {
  if (IsForkChild()) return;
  if (g_process.exiting.exchange(true, std::memory_order_relaxed)) return;
  // A podo_stop() on another thread is flushing already, and joins the same threads. But a fork, or
  // a run that begins in a fork child, is over in a moment.
  const bool may_fork = g_process.child_config.load(std::memory_order_relaxed) != nullptr;
  const base::TimedLock lock(&g_process.mutex, may_fork ? kForkNs : 0);
  if (!lock.owns_lock()) return;
  const CurrentRun run;
  if (!run) return;
  try {
    run->Stop(g_process.exit_timeout_ns.load(std::memory_order_relaxed));
  } catch (...) {  // memory ran out: the exit goes on without the last window
  }
}

void RegisterHooks() {
  if (g_process.hooks_registered.exchange(true, std::memory_order_relaxed)) return;
  RegisterForkHandlers();
  at_quick_exit(FlushAtExit);
}

// A host that initialised OpenSSL before podo has an exit handler that tears it down, and no upload
// over TLS may be under way then. Handlers run in reverse: this one, being later, runs before it.
// (If podo is first, it initialises OpenSSL without such a handler.) The CPU time of other exit
// handlers is not in the profile then.
void FlushBeforeOpenssl(const Config& config) {
  const bool uses_tls = std::any_of(config.sinks.value.begin(), config.sinks.value.end(),
                                    [](const auto& sink) { return sink.target.tls; });
  if (uses_tls && !g_process.flushes_early.exchange(true, std::memory_order_relaxed)) {
    std::atexit(FlushAtExit);
  }
}

// The mutex is held.
void RememberForChildren(const Config& config) {
  const Config* copy = config.fork.value == ForkMode::kChild ? new Config(config) : nullptr;
  delete g_process.child_config.exchange(copy, std::memory_order_relaxed);
}

podo_status CheckSignalFree() {
  std::string where, why_unchained;
  switch (capture::FindSignalOwner(&where, &why_unchained)) {
    case capture::SignalOwner::kNobody:
      return MakeStatus(PODO_OK, "");
    case capture::SignalOwner::kOtherPodo:
      return Refuse(PODO_SECOND_COPY,
                    absl::StrCat("another copy of podo profiles this process: ", where));
    default:
      return Refuse(PODO_SIGNAL_TAKEN,
                    absl::StrCat("the program uses ", capture::TickMeans(), " itself",
                                 where.empty() ? "" : absl::StrCat(" (handler in ", where, ")"),
                                 why_unchained.empty() ? "" : ", and cannot be chained: ",
                                 why_unchained, "; not profiling"));
  }
}

podo_status StartLocked(const podo_options* options) {
  g_process.begins_soon = false;
  if (g_process.pipeline.load(std::memory_order_relaxed) != nullptr) {
    return MakeStatus(PODO_ALREADY_STARTED, "podo is running already");
  }
  if (g_process.exiting.load(std::memory_order_relaxed)) {
    return MakeStatus(PODO_DISABLED, "the process is exiting");
  }
  if (g_process.lingering != nullptr && g_process.lingering->Lingers()) {
    return MakeStatus(PODO_RESOURCE, "the threads of the last run have not ended yet");
  }
  g_process.lingering = nullptr;
  std::vector<std::string> messages;
  const podo_preload_calls* preload = g_process.preload.load(std::memory_order_acquire);
  if (preload != nullptr && preload->size >= sizeof *preload) {
    base::SetFirstStderr(preload->stderr_open != 0, preload->stderr_device, preload->stderr_inode);
  }
  Config config = ReadProcessConfig(preload != nullptr ? preload->environment : nullptr, &messages);
  if (options != nullptr) {
    const base::Status applied = ApplyOptions(*options, &config, &messages);
    if (!applied.ok()) {
      return Refuse(PODO_INVALID_ARGUMENT, std::string(applied.message()));
    }
  }
  base::SetLogLevel(config.log.value);
  for (const std::string& message : messages) base::Log(base::LogLevel::kWarning, message);
  if (!config.enabled.value) {
    return MakeStatus(PODO_DISABLED, absl::StrCat("disabled by ", config.enabled.source));
  }
  return BeginRun(config);
}

// Waits until no call holds the run any more; those are short, but for podo_flush.
bool WaitForUsers(int64_t limit_ns) {
  const int64_t deadline_ns = base::SteadyClockNs() + limit_ns;
  while (g_process.users.load(std::memory_order_seq_cst) != 0) {
    if (base::SteadyClockNs() > deadline_ns) return false;
    sched_yield();
  }
  return true;
}

// `spent` gets the run, to be deleted without the lock: the service's own sinks are released then.
podo_status StopLocked(int64_t limit_ns, std::unique_ptr<Pipeline>* spent) {
  g_process.begins_soon = false;
  Pipeline* run = g_process.pipeline.load(std::memory_order_relaxed);
  if (run == nullptr) return MakeStatus(PODO_NOT_STARTED, "podo is not running");
  const bool ended = run->Stop(limit_ns);
  const int next = (g_process.last_index.load(std::memory_order_relaxed) + 1) % 2;
  run->FillStats(&g_process.last[next]);
  g_process.last_index.store(next, std::memory_order_release);
  g_process.pipeline.store(nullptr, std::memory_order_seq_cst);
  if (!ended) {
    g_process.lingering = run;  // leaked
    return MakeStatus(PODO_TIMEOUT, "podo's threads did not end in time");
  }
  constexpr int64_t kMomentNs = 100'000'000;
  if (run->GiveBackMemory() && WaitForUsers(kMomentNs)) spent->reset(run);
  return MakeStatus(PODO_OK, "");
}

// For the C ABI, which no exception may cross: what throws in podo is memory that ran out.
template <typename Call>
podo_status Guarded(Call&& call) {
  try {
    if (base::PrepareThread()) return call();
  } catch (...) {
  }
  base::Log(base::LogLevel::kWarning, "out of memory");
  return {PODO_RESOURCE, "out of memory"};
}

// A sink that stops or flushes podo would wait for itself, and Stop() would free what it runs on.
bool IsOwnThread() {
  const CurrentRun run;
  return run && run->OwnsThisThread();
}

int64_t Limit(uint64_t timeout_ns) {
  constexpr uint64_t kDay = 86'400'000'000'000;
  return static_cast<int64_t>(timeout_ns < kDay ? timeout_ns : kDay);
}

}  // namespace

podo_status BeginRun(const Config& config) {
  capture::UseSignal(config.signal.value, config.signal_conflict.value == SignalConflict::kChain);
  const podo_status free = CheckSignalFree();
  if (free.code != PODO_OK) return free;
  RememberForChildren(config);
  RegisterHooks();
  // Processes with the same settings must not write the same files.
  const bool shares_names = g_process.preload.load(std::memory_order_acquire) != nullptr ||
                            config.fork.value == ForkMode::kChild;
  base::StatusOr<std::unique_ptr<Pipeline>> pipeline = Pipeline::Start(config, shares_names);
  if (!pipeline.ok()) {
    const podo_code code = base::IsUnimplemented(pipeline.status())   ? PODO_UNSUPPORTED
                           : base::IsAlreadyExists(pipeline.status()) ? PODO_SIGNAL_TAKEN
                                                                      : PODO_RESOURCE;
    return Refuse(code, absl::StrCat("not profiling: ", std::string(pipeline.status().message())));
  }
  g_process.exit_timeout_ns.store(config.exit_timeout_ns.value, std::memory_order_relaxed);
  // Release: whoever sees the pointer sees the object. It is leaked at exit on purpose.
  g_process.pipeline.store(pipeline->release(), std::memory_order_release);
  g_process.pid.store(getpid(), std::memory_order_relaxed);
  try {  // the run has begun: what is left is no reason to say that it has not
    if (config.flush_on_sigterm.value) FlushOnSigterm(FlushAtExit);
    FlushBeforeOpenssl(config);
    base::Log(base::LogLevel::kInfo, absl::StrCat("profiling ", config.service_name.value));
  } catch (...) {
    base::Log(base::LogLevel::kWarning, "out of memory while starting; profiling goes on");
  }
  return MakeStatus(PODO_OK, "");
}

}  // namespace podo

using podo::g_process;

// After the host's own exit handlers and static destructors.
__attribute__((destructor)) static void podo_at_exit() { podo::FlushAtExit(); }

extern "C" {

podo_status podo_start(const podo_options* options) {
  if (podo::IsForkChild()) {
    return podo::MakeStatus(PODO_DISABLED, "this is a fork child; its parent is profiled");
  }
  return podo::Guarded([options] {
    const std::lock_guard lock(g_process.mutex);
    return podo::StartLocked(options);
  });
}

podo_status podo_add_sink(const podo_sink* sink) {
  if (podo::IsForkChild()) return podo::MakeStatus(PODO_DISABLED, "this is a fork child");
  if (sink == nullptr) return podo::MakeStatus(PODO_INVALID_ARGUMENT, "no sink");
  return podo::Guarded([sink] {
    const podo::base::Status added = podo::exporting::AddCustomSink(*sink);
    return podo::MakeStatus(added.ok() ? PODO_OK : PODO_INVALID_ARGUMENT, added.message());
  });
}

podo_status podo_flush(uint64_t timeout_ns) {
  if (podo::IsForkChild()) return podo::MakeStatus(PODO_NOT_STARTED, "this is a fork child");
  if (podo::IsOwnThread()) return podo::MakeStatus(PODO_INVALID_ARGUMENT, podo::kCalledBySink);
  const podo::CurrentRun run;
  if (!run) return podo::MakeStatus(PODO_NOT_STARTED, "podo is not running");
  return podo::Guarded([&] {
    const bool flushed = run->Flush(podo::Limit(timeout_ns));
    if (run->broken()) {
      return podo::MakeStatus(PODO_RESOURCE, "out of memory in a thread of podo; profiling is off");
    }
    if (!flushed) {
      return podo::MakeStatus(PODO_TIMEOUT, "the flush goes on in the background");
    }
    return podo::MakeStatus(PODO_OK, "");
  });
}

podo_status podo_stop(uint64_t timeout_ns) {
  if (podo::IsForkChild()) return podo::MakeStatus(PODO_NOT_STARTED, "this is a fork child");
  if (podo::IsOwnThread()) return podo::MakeStatus(PODO_INVALID_ARGUMENT, podo::kCalledBySink);
  std::unique_ptr<podo::Pipeline> spent;
  return podo::Guarded([timeout_ns, &spent] {
    const std::lock_guard lock(g_process.mutex);
    return podo::StopLocked(podo::Limit(timeout_ns), &spent);
  });
}

void podo_get_stats(podo_stats* stats) {
  if (stats == nullptr || stats->size < sizeof(size_t)) return;
  podo_stats all = {};
  if (const podo::CurrentRun run; run) {
    run->FillStats(&all);
  } else if (const int last = g_process.last_index.load(std::memory_order_acquire); last >= 0) {
    all = g_process.last[last];
  }
  all.size = stats->size < sizeof all ? stats->size : sizeof all;
  std::memcpy(stats, &all, all.size);
}

size_t podo_render_metrics(int32_t format, char* text, size_t size) {
  if (text != nullptr && size > 0) text[0] = '\0';
  const bool openmetrics = format == PODO_METRICS_OPENMETRICS;
  try {
    std::string all;
    if (const podo::CurrentRun run; run) {
      all = run->Metrics(openmetrics);
    } else if (const int last = g_process.last_index.load(std::memory_order_acquire); last >= 0) {
      all = podo::serve::MetricsText(
          {.version = PODO_VERSION, .stats = g_process.last[last], .is_on = false}, openmetrics);
    }
    if (text != nullptr && size > 0) {
      const size_t kept = std::min(size - 1, all.size());
      std::memcpy(text, all.data(), kept);
      text[kept] = '\0';
    }
    return all.size();
  } catch (...) {  // memory ran out
    return 0;
  }
}

void podo_prepare_exec(void) {
  if (const podo::CurrentRun run; run) run->PrepareExec();
}

void podo_exec_failed(void) {
  if (const podo::CurrentRun run; run) run->ExecFailed();
}

const char* podo_version(void) { return PODO_VERSION; }

PODO_API void podo_internal_attach(const podo_preload_calls* calls) {
  g_process.preload.store(calls, std::memory_order_release);
  podo::capture::UseSignalCalls({calls->sigaction, calls->setitimer, calls->getitimer});
}

PODO_API void podo_internal_host_takes_signal(void) {
  podo::capture::SamplingClock::HostTakesSignal();  // of a run that is just starting, too
  if (const podo::CurrentRun run; run) run->HostTakesSignal();
}

PODO_API void podo_internal_host_execs(int begins) {
  podo::capture::SamplingClock::HostExecs(begins != 0);
}

PODO_API int podo_internal_is_tick(const siginfo_t* info) {
  const podo::capture::State* state = podo::capture::g_state.load(std::memory_order_acquire);
  return state != nullptr && podo::capture::IsTimerTick(*state, *info) ? 1 : 0;
}

}  // extern "C"
