// SPDX-License-Identifier: Apache-2.0
// What the machine, the container and whoever starts programs here leave podo to work with.
#ifndef PODO_LIB_TOOLS_DOCTOR_MACHINE_H_
#define PODO_LIB_TOOLS_DOCTOR_MACHINE_H_

#include <signal.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "config.h"
#include "tools/doctor_report.h"

namespace podo::doctor {

inline constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

enum class SignalState { kDefault, kIgnored, kHandled };

struct MachineFacts {
  double tick_hz = 100;
  int signal = SIGPROF;  // of ticks; the next two are about it
  // As inherited: of this process, before it changed anything.
  SignalState sigprof = SignalState::kDefault;
  bool sigprof_blocked = false;
  bool profiling_timer_armed = false;  // ITIMER_PROF
  uint64_t open_files = kUnlimited;    // RLIMIT_NOFILE
  uint64_t address_space = kUnlimited;
  uint64_t file_bytes = kUnlimited;       // RLIMIT_FSIZE
  uint64_t pending_signals = kUnlimited;  // RLIMIT_SIGPENDING: of all processes of this user
  uint64_t pending_signals_used = 0;
  bool wants_thread_timers = false;  // podo makes a timer for each thread, not one for all
  bool reads_maps = true;            // /proc/self/maps
  bool reads_tasks = true;
  bool reads_map_files = false;
  bool reads_memory_by_call = true;  // process_vm_readv
  bool reads_memory_by_file = true;  // /proc/self/mem
  std::optional<int> perf_event_paranoid;
  bool is_secure = false;                // AT_SECURE
  std::optional<double> cpu_limit;       // of the cgroup, in CPUs
  std::optional<uint64_t> memory_limit;  // of the cgroup
  std::string preload;                   // libpodo_preload.so; empty if it was not found
};

// This process, for a podo that ticks by `signal`.
MachineFacts ReadMachineFacts(const std::string& preload, int signal);

// Pure.
Findings JudgeMachine(const MachineFacts& facts, const Config& config);

// Texts of the kernel's files -> the limit; none if there is none. Pure.
std::optional<double> ParseCpuMax(std::string_view text);       // "50000 100000", "max 100000"
std::optional<uint64_t> ParseMemoryMax(std::string_view text);  // "max", bytes
// "3/15000" of the SigQ line in /proc/self/status -> 3.
std::optional<uint64_t> ParseSigQ(std::string_view status);
// The path behind "0::" (version 2), or behind ":CONTROLLER:" or one of its list (version 1).
std::optional<std::string> CgroupPath(std::string_view cgroup, std::string_view controller);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_MACHINE_H_
