// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_machine.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "capture/profiling_timer.h"
#include "config_serve.h"

namespace podo::doctor {
namespace {

std::string LimitText(uint64_t limit) {
  return limit == kUnlimited ? "unlimited" : absl::StrCat(limit);
}
std::string LimitBytes(uint64_t limit) {
  return limit == kUnlimited ? "unlimited" : BytesText(limit);
}

Finding JudgeTick(const MachineFacts& facts, const Config& config) {
  const double hz = config.sample_hz.value;
  const std::string tick = NumberText(facts.tick_hz);
  if (hz <= facts.tick_hz) {
    return {Mark::kOk,
            absl::StrCat("kernel tick: ", tick, " Hz, enough for PODO_SAMPLE_HZ=", NumberText(hz)),
            ""};
  }
  return {Mark::kNote,
          absl::StrCat("kernel tick: ", tick, " Hz, so of PODO_SAMPLE_HZ=", NumberText(hz),
                       " at most ", tick, " samples per CPU-second come"),
          absl::StrCat("Set PODO_SAMPLE_HZ to ", tick,
                       " or less. Finer samples need a kernel built with a higher CONFIG_HZ; a "
                       "longer recording gives as many.")};
}

void JudgeSignal(const MachineFacts& facts, Findings* findings) {
  const std::string signal = capture::SignalName(facts.signal);
  const bool minds_timer = facts.signal == SIGPROF;
  if (facts.sigprof_blocked) {
    findings->push_back(
        {Mark::kProblem,
         absl::StrCat(signal, " is blocked here, and programs inherit that: no tick reaches them"),
         absl::StrCat("Whoever starts the program blocks it (a supervisor, a shell's parent). Let "
                      "it unblock ",
                      signal,
                      " before exec, or call pthread_sigmask(SIG_UNBLOCK) first thing in main.")});
  }
  if (minds_timer && facts.profiling_timer_armed) {
    findings->push_back(
        {Mark::kProblem, "ITIMER_PROF is armed on entry: podo refuses to start beside another user",
         "Another profiler (gprof, gperftools, a second podo) armed it before exec. Use one at a "
         "time, or let podo tick by a real-time signal (PODO_SIGNAL=RTMIN+3)."});
  }
  if (facts.sigprof == SignalState::kHandled) {
    findings->push_back(
        {Mark::kNote,
         absl::StrCat(signal, " has a handler in this very process: a preloaded library took it"),
         "A service with that library in LD_PRELOAD is not profiled by podo. Let podo tick by "
         "another signal: PODO_SIGNAL=RTMIN+3."});
  } else if (facts.sigprof == SignalState::kIgnored) {
    findings->push_back(
        {Mark::kOk, absl::StrCat(signal, " is ignored on entry; podo takes it all the same"), ""});
  }
  if (!facts.sigprof_blocked && !(minds_timer && facts.profiling_timer_armed) &&
      facts.sigprof == SignalState::kDefault) {
    findings->push_back(
        {Mark::kOk,
         minds_timer ? "SIGPROF and ITIMER_PROF are free" : absl::StrCat(signal, " is free"), ""});
  }
}

// ITIMER_PROF needs no slot of RLIMIT_SIGPENDING; what timer_create makes does.
Finding JudgeTimers(const MachineFacts& facts, const Config& config) {
  const uint64_t used = std::min(facts.pending_signals_used, facts.pending_signals);
  const uint64_t left = facts.pending_signals - used;
  const uint32_t threads = config.max_threads.value;
  const std::string text = absl::StrCat(
      "timer headroom: ",
      facts.wants_thread_timers ? "a timer for each thread; " : "one timer for all threads; ",
      facts.pending_signals == kUnlimited
          ? "RLIMIT_SIGPENDING is unlimited"
          : absl::StrCat("RLIMIT_SIGPENDING leaves ", left, " of ", facts.pending_signals));
  if (left >= threads) return {Mark::kOk, text, ""};
  const std::string few = absl::StrCat(text, ", less than PODO_MAX_THREADS=", threads);
  if (!facts.wants_thread_timers) {
    return {Mark::kNote, few,
            "podo is fine. Profilers with a timer for each thread would miss threads here."};
  }
  return {Mark::kNote, few,
          "Threads beyond that are sampled by a timer of the process, less exactly. Raise it "
          "(ulimit -i, LimitSIGPENDING= in the unit); it counts for all processes of the user."};
}

Finding JudgeOpenFiles(const MachineFacts& facts, const Config& config) {
  const uint64_t wanted = 8 + 2 * config.sinks.value.size();
  const std::string text = absl::StrCat("RLIMIT_NOFILE: ", LimitText(facts.open_files));
  if (facts.open_files >= 4 * wanted) return {Mark::kOk, text, ""};
  const Mark mark = facts.open_files < wanted ? Mark::kProblem : Mark::kNote;
  return {mark, absl::StrCat(text, ", podo and its sinks want up to ", wanted),
          "Raise it (ulimit -n, LimitNOFILE=): without free numbers windows are lost."};
}

Finding JudgeAddressSpace(const MachineFacts& facts) {
  constexpr uint64_t kNeeded = uint64_t{96} << 20;  // preload/engine.c
  const std::string text = absl::StrCat("RLIMIT_AS: ", LimitBytes(facts.address_space));
  if (facts.address_space >= 8 * kNeeded) return {Mark::kOk, text, ""};
  if (facts.address_space >= kNeeded) {
    return {Mark::kNote, absl::StrCat(text, ", of which podo wants 96MiB free when it starts"),
            "If the program itself takes most of it, podo does not start: raise ulimit -v."};
  }
  return {Mark::kProblem, absl::StrCat(text, ": podo does not start with less than 96MiB free"),
          "Raise it: ulimit -v, LimitAS= in the unit."};
}

void JudgeFileBytes(const MachineFacts& facts, const Config& config, Findings* findings) {
  constexpr uint64_t kLargeFile = uint64_t{8} << 20;
  const bool has_files =
      !config.spool_dir.value.empty() || !config.history_dir.value.empty() ||
      std::any_of(config.sinks.value.begin(), config.sinks.value.end(),
                  [](const exporting::SinkSpec& sink) { return !sink.IsHttp(); });
  if (!has_files || facts.file_bytes >= kLargeFile) return;
  findings->push_back({Mark::kNote,
                       absl::StrCat("RLIMIT_FSIZE: ", BytesText(facts.file_bytes),
                                    "; a profile that is larger is not written"),
                       "Raise it: ulimit -f, LimitFSIZE= in the unit."});
}

void JudgeProc(const MachineFacts& facts, Findings* findings) {
  if (facts.reads_maps && facts.reads_tasks) {
    findings->push_back(
        {Mark::kOk,
         absl::StrCat("/proc/self can be read",
                      facts.reads_map_files ? ", map_files too"
                                            : "; map_files not, which matters only for binaries "
                                              "replaced while they run"),
         ""});
    return;
  }
  findings->push_back(
      {Mark::kNote,
       absl::StrCat(facts.reads_maps ? "/proc/self/task" : "/proc/self/maps", " cannot be read"),
       "Mount /proc in the container or chroot: without it binaries without a build id have no "
       "names, and threads that block SIGPROF cannot be named."});
}

Finding JudgeMemoryReads(const MachineFacts& facts) {
  if (facts.reads_memory_by_call) return {Mark::kOk, "process_vm_readv is allowed", ""};
  if (facts.reads_memory_by_file) {
    return {Mark::kNote, "process_vm_readv is refused; podo reads by /proc/self/mem instead",
            "Stacks in coroutines and on alternate signal stacks end early: allow process_vm_readv "
            "in the seccomp profile (a process may always read itself)."};
  }
  return {Mark::kProblem,
          "neither process_vm_readv nor /proc/self/mem works: no module can be read",
          "Allow process_vm_readv in the seccomp profile, or mount /proc: without unwind tables "
          "nearly every stack ends at its first frame."};
}

void JudgeCgroup(const MachineFacts& facts, const Config& config, Findings* findings) {
  constexpr double kLittleCpu = 0.25;
  const uint64_t caps = config.symbol_bytes.value + HistoryBytes(config);
  if (facts.cpu_limit) {
    const bool little = *facts.cpu_limit < kLittleCpu;
    findings->push_back(
        {little ? Mark::kNote : Mark::kOk,
         absl::StrCat("cgroup: ", NumberText(*facts.cpu_limit), " CPUs"),
         little ? "podo looks symbols up once, at the start: the quota may be spent on that for "
                  "seconds. PODO_SYMBOLIZE=functions or none makes it cheap."
                : ""});
  }
  if (!facts.memory_limit) {
    if (!facts.cpu_limit) findings->push_back({Mark::kOk, "cgroup: no limit of CPU or memory", ""});
    return;
  }
  const std::string text = absl::StrCat("cgroup: ", BytesText(*facts.memory_limit), " of memory");
  if (caps <= *facts.memory_limit / 4) {
    findings->push_back({Mark::kOk, text, ""});
    return;
  }
  findings->push_back({Mark::kNote,
                       absl::StrCat(text, ", of which podo's caps allow it ", BytesText(caps),
                                    " for symbols and history"),
                       "Lower PODO_SYMBOL_BYTES and PODO_HISTORY_BYTES, or PODO_SYMBOLIZE=none and "
                       "symbols later."});
}

}  // namespace

Findings JudgeMachine(const MachineFacts& facts, const Config& config) {
  Findings findings;
  if (facts.is_secure) {
    findings.push_back(
        {Mark::kProblem, "secure execution: PODO_ and OTEL_ variables and LD_PRELOAD are ignored",
         "Set podo::Options in code, or start the program without set-user-id or capabilities."});
  }
  findings.push_back(JudgeTick(facts, config));
  JudgeSignal(facts, &findings);
  findings.push_back(JudgeTimers(facts, config));
  findings.push_back(JudgeOpenFiles(facts, config));
  findings.push_back(JudgeAddressSpace(facts));
  JudgeFileBytes(facts, config, &findings);
  JudgeProc(facts, &findings);
  findings.push_back(JudgeMemoryReads(facts));
  if (facts.perf_event_paranoid) {
    findings.push_back({Mark::kOk,
                        absl::StrCat("perf_event_paranoid is ", *facts.perf_event_paranoid,
                                     "; podo opens no perf event"),
                        ""});
  }
  JudgeCgroup(facts, config, &findings);
  if (facts.preload.empty()) {
    findings.push_back({Mark::kNote, "libpodo_preload.so is not beside this program's libraries",
                        "Programs that link podo do not need it. Otherwise install libpodo.so, "
                        "libpodo_preload.so and libpodo_net.so from one build."});
  } else {
    findings.push_back({Mark::kOk,
                        absl::StrCat("programs that do not link podo: LD_PRELOAD=", facts.preload),
                        ""});
  }
  return findings;
}

}  // namespace podo::doctor
