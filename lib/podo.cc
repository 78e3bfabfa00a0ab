// SPDX-License-Identifier: Apache-2.0
// The C ABI: one run of profiling a process, its beginning and its end.
#include <pthread.h>
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
#include "base/owned_fd.h"
#include "capture/profiling_timer.h"
#include "capture/state.h"
#include "config.h"
#include "context/foreign_context.h"
#include "exit_signal.h"
#include "export/custom_sink.h"
#include "pipeline.h"
#include "podo/podo_c.h"
#include "podo/sink_c.h"
#include "preload/hooks.h"

namespace podo {
namespace {

// Constant-initialised and trivially destroyed: a host may call in before this library's dynamic
// initialisation and after its exit handlers.
struct Process {
  std::mutex mutex;                          // of Start and Stop
  std::atomic<Pipeline*> pipeline{nullptr};  // the run, if any
  Pipeline* lingering = nullptr;             // a run whose threads did not end in time (mutex)
  std::atomic<int> users{0};                 // calls that may hold the pointer
  podo_stats last[2] = {};                   // of finished runs, used in turn
  std::atomic<int> last_index{-1};
  std::atomic<int64_t> exit_timeout_ns{0};
  std::atomic<bool> exiting{false};
  std::atomic<bool> fork_child{false};
  std::atomic<pid_t> pid{0};  // of the process that started podo
  std::atomic<bool> hooks_registered{false};
  std::atomic<bool> flushes_early{false};
  std::atomic<const podo_preload_calls*> preload{nullptr};
};
constinit Process g_process;

// Keeps the run alive during a call. seq_cst on both sides: either Stop() sees the user, or the
// user sees that the run is over. Wait-free, async-signal-safe.
class CurrentRun {
 public:
  CurrentRun() {
    g_process.users.fetch_add(1, std::memory_order_seq_cst);
    run_ = g_process.pipeline.load(std::memory_order_seq_cst);
  }
  ~CurrentRun() { g_process.users.fetch_sub(1, std::memory_order_release); }
  CurrentRun(const CurrentRun&) = delete;
  CurrentRun& operator=(const CurrentRun&) = delete;
  explicit operator bool() const { return run_ != nullptr; }
  Pipeline* operator->() const { return run_; }

 private:
  Pipeline* run_;
};

constexpr char kCalledBySink[] = "called on a thread of podo: by a sink";

podo_status MakeStatus(podo_code code, const std::string& message) {
  podo_status status = {code, {0}};
  std::snprintf(status.message, sizeof status.message, "%s", message.c_str());
  return status;
}

// In a process tree under the preload library a program that uses SIGPROF itself (sort does) is no
// news; a service that asked to be profiled must hear of it.
podo_status Refuse(podo_code code, const std::string& message) {
  const bool expected =
      code == PODO_SIGNAL_TAKEN && g_process.preload.load(std::memory_order_relaxed) != nullptr;
  base::Log(expected ? base::LogLevel::kInfo : base::LogLevel::kWarning, message);
  return MakeStatus(code, message);
}

// The child of a fork: unprofiled, silent, without podo's descriptors. Its state mapping reads as
// zeros already (MADV_WIPEONFORK). The parent's objects are left alone: other threads may have held
// their locks.
void AtForkInChild() {
  context::EndHoldInChild();
  g_process.fork_child.store(true, std::memory_order_relaxed);
  g_process.pipeline.store(nullptr, std::memory_order_relaxed);
  base::CloseOwnedFdsInForkChild();
}

void AtForkInParent() {
  context::EndHoldInParent();
  if (const CurrentRun run; run) run->NoteFork();
}

// Also after _Fork or a raw fork, which run no fork handlers. A vfork child shares this memory:
// there nothing may be changed, and the state mapping is not wiped.
bool IsForkChild() {
  if (g_process.fork_child.load(std::memory_order_relaxed)) return true;
  const pid_t started = g_process.pid.load(std::memory_order_relaxed);
  if (started == 0 || started == getpid()) return false;
  const capture::State* state = capture::g_state.load(std::memory_order_relaxed);
  if (state != nullptr && state->pid == 0) AtForkInChild();
  return true;
}

void FlushAtExit() {
  if (IsForkChild()) return;
  if (g_process.exiting.exchange(true, std::memory_order_relaxed)) return;
  // A podo_stop() on another thread is flushing already, and joins the same threads.
  const std::unique_lock lock(g_process.mutex, std::try_to_lock);
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
  pthread_atfork(context::HoldLookForFork, AtForkInParent, AtForkInChild);
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

podo_status CheckSignalFree() {
  std::string where;
  switch (capture::FindSignalOwner(&where)) {
    case capture::SignalOwner::kNobody:
      return MakeStatus(PODO_OK, "");
    case capture::SignalOwner::kOtherPodo:
      return Refuse(PODO_SECOND_COPY,
                    absl::StrCat("another copy of podo profiles this process: ", where));
    default:
      return Refuse(PODO_SIGNAL_TAKEN,
                    absl::StrCat("the program uses SIGPROF or ITIMER_PROF itself",
                                 where.empty() ? "" : absl::StrCat(" (handler in ", where, ")"),
                                 "; not profiling"));
  }
}

podo_status StartLocked(const podo_options* options) {
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
    const absl::Status applied = ApplyOptions(*options, &config, &messages);
    if (!applied.ok()) {
      return Refuse(PODO_INVALID_ARGUMENT, std::string(applied.message()));
    }
  }
  base::SetLogLevel(config.log.value);
  for (const std::string& message : messages) base::Log(base::LogLevel::kWarning, message);
  if (!config.enabled.value) {
    return MakeStatus(PODO_DISABLED, absl::StrCat("disabled by ", config.enabled.source));
  }
  const podo_status free = CheckSignalFree();
  if (free.code != PODO_OK) return free;
  RegisterHooks();
  absl::StatusOr<std::unique_ptr<Pipeline>> pipeline = Pipeline::Start(config, preload != nullptr);
  if (!pipeline.ok()) {
    const podo_code code = absl::IsUnimplemented(pipeline.status())   ? PODO_UNSUPPORTED
                           : absl::IsAlreadyExists(pipeline.status()) ? PODO_SIGNAL_TAKEN
                                                                      : PODO_RESOURCE;
    return Refuse(code, absl::StrCat("not profiling: ", std::string(pipeline.status().message())));
  }
  g_process.exit_timeout_ns.store(config.exit_timeout_ns.value, std::memory_order_relaxed);
  // Release: whoever sees the pointer sees the object. It is leaked at exit on purpose.
  g_process.pipeline.store(pipeline->release(), std::memory_order_release);
  g_process.pid.store(getpid(), std::memory_order_relaxed);
  if (config.flush_on_sigterm.value) FlushOnSigterm(FlushAtExit);
  FlushBeforeOpenssl(config);
  base::Log(base::LogLevel::kInfo, absl::StrCat("profiling ", config.service_name.value));
  return MakeStatus(PODO_OK, "");
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
    return call();
  } catch (...) {
    base::Log(base::LogLevel::kWarning, "out of memory");
    return {PODO_RESOURCE, "out of memory"};
  }
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
    const absl::Status added = podo::exporting::AddCustomSink(*sink);
    return podo::MakeStatus(added.ok() ? PODO_OK : PODO_INVALID_ARGUMENT,
                            std::string(added.message()));
  });
}

podo_status podo_flush(uint64_t timeout_ns) {
  if (podo::IsForkChild()) return podo::MakeStatus(PODO_NOT_STARTED, "this is a fork child");
  if (podo::IsOwnThread()) return podo::MakeStatus(PODO_INVALID_ARGUMENT, podo::kCalledBySink);
  const podo::CurrentRun run;
  if (!run) return podo::MakeStatus(PODO_NOT_STARTED, "podo is not running");
  return podo::Guarded([&] {
    if (!run->Flush(podo::Limit(timeout_ns))) {
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
  if (const podo::CurrentRun run; run) run->HostTakesSignal();
}

}  // extern "C"
