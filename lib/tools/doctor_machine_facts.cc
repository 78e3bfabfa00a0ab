// SPDX-License-Identifier: Apache-2.0
// Asks the kernel.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/parse_value.h"
#include "capture/profiling_timer.h"
#include "tools/doctor_file.h"
#include "tools/doctor_machine.h"

namespace podo::doctor {
namespace {

uint64_t Limit(decltype(RLIMIT_NOFILE) which) {
  rlimit limit = {};
  if (getrlimit(which, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kUnlimited;
  return limit.rlim_cur;
}

bool ListsDirectory(const char* path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path), closedir);
  return directory != nullptr && readdir(directory.get()) != nullptr;
}

// The links can be listed by everybody and followed with a capability only.
bool FollowsMapFiles() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/map_files"), closedir);
  if (directory == nullptr) return false;
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    const std::string path = absl::StrCat("/proc/self/map_files/", entry->d_name);
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) close(fd);
    return fd >= 0;
  }
  return false;
}

bool ReadsMemoryByCall() {
  char from = 1, to = 0;
  iovec remote = {&from, 1}, local = {&to, 1};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1 && to == 1;
}

bool ReadsMemoryByFile() {
  char from = 1, to = 0;
  const int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t size = pread(fd, &to, 1, static_cast<off_t>(reinterpret_cast<uintptr_t>(&from)));
  close(fd);
  return size == 1 && to == 1;
}

void ReadSignal(MachineFacts* facts) {
  struct sigaction action = {};
  sigaction(facts->signal, nullptr, &action);
  if ((action.sa_flags & SA_SIGINFO) != 0 ||
      (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)) {
    facts->sigprof = SignalState::kHandled;
  } else if (action.sa_handler == SIG_IGN) {
    facts->sigprof = SignalState::kIgnored;
  }
  sigset_t mask;
  sigemptyset(&mask);
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  facts->sigprof_blocked = sigismember(&mask, facts->signal) == 1;
  itimerval timer = {};
  getitimer(ITIMER_PROF, &timer);
  facts->profiling_timer_armed = timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0 ||
                                 timer.it_interval.tv_sec != 0 || timer.it_interval.tv_usec != 0;
}

// The smallest limit on the way from the cgroup up to the root: a parent's holds for its children.
template <typename T>
std::optional<T> SmallestUp(const std::string& root, std::string path, const char* file,
                            std::optional<T> (*parse)(std::string_view)) {
  std::optional<T> smallest;
  for (;;) {
    const std::optional<T> limit =
        parse(ReadSmallFile(absl::StrCat(root, path == "/" ? "" : path, "/", file)));
    if (limit && (!smallest || *limit < *smallest)) smallest = limit;
    if (path.empty() || path == "/") return smallest;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

std::optional<double> CpuLimitV1(const std::string& path) {
  for (const std::string& at : {path, std::string()}) {
    const std::string root = absl::StrCat("/sys/fs/cgroup/cpu", at == "/" ? "" : at);
    const std::string quota = ReadSmallFile(root + "/cpu.cfs_quota_us");
    const std::string period = ReadSmallFile(root + "/cpu.cfs_period_us");
    if (const auto limit =
            ParseCpuMax(absl::StrCat(std::string(base::TrimBlanks(quota)), " ", period))) {
      return limit;
    }
  }
  return std::nullopt;
}

void ReadCgroup(MachineFacts* facts) {
  const std::string cgroup = ReadSmallFile("/proc/self/cgroup");
  if (const auto path = CgroupPath(cgroup, "")) {
    facts->cpu_limit = SmallestUp("/sys/fs/cgroup", *path, "cpu.max", ParseCpuMax);
    facts->memory_limit = SmallestUp("/sys/fs/cgroup", *path, "memory.max", ParseMemoryMax);
  }
  if (const auto path = CgroupPath(cgroup, "cpu"); path && !facts->cpu_limit) {
    facts->cpu_limit = CpuLimitV1(*path);
  }
  if (const auto path = CgroupPath(cgroup, "memory"); path && !facts->memory_limit) {
    facts->memory_limit =
        SmallestUp("/sys/fs/cgroup/memory", *path, "memory.limit_in_bytes", ParseMemoryMax);
  }
}

}  // namespace

std::optional<double> ParseCpuMax(std::string_view text) {
  const std::vector<std::string> words =
      absl::StrSplit(std::string(text), absl::ByAnyChar(" \n"), absl::SkipEmpty());
  double quota = 0, period = 0;
  if (words.size() != 2 || !absl::SimpleAtod(words[0], &quota) ||
      !absl::SimpleAtod(words[1], &period) || !(quota > 0) || !(period > 0)) {
    return std::nullopt;
  }
  return quota / period;
}

std::optional<uint64_t> ParseMemoryMax(std::string_view text) {
  constexpr uint64_t kNoLimit = uint64_t{1} << 60;  // version 1 says "none" by a number near 2^63
  uint64_t bytes = 0;
  if (!absl::SimpleAtoi(std::string(base::TrimBlanks(text)), &bytes) || bytes >= kNoLimit) {
    return std::nullopt;
  }
  return bytes;
}

std::optional<uint64_t> ParseSigQ(std::string_view status) {
  constexpr std::string_view kName = "SigQ:";
  const size_t at = status.find(kName);
  if (at == status.npos) return std::nullopt;
  std::string_view text = status.substr(at + kName.size());
  text = base::TrimBlanks(text.substr(0, text.find('/')));
  uint64_t used = 0;
  if (!absl::SimpleAtoi(std::string(text), &used)) return std::nullopt;
  return used;
}

std::optional<std::string> CgroupPath(std::string_view cgroup, std::string_view controller) {
  const std::vector<std::string> lines = absl::StrSplit(std::string(cgroup), '\n');
  for (const std::string& line : lines) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    if (std::find(controllers.begin(), controllers.end(), controller) != controllers.end()) {
      return parts[2];
    }
  }
  return std::nullopt;
}

MachineFacts ReadMachineFacts(const std::string& preload, int signal) {
  MachineFacts facts;
  facts.tick_hz = capture::KernelTickHz();
  facts.signal = signal;
  ReadSignal(&facts);
  facts.open_files = Limit(RLIMIT_NOFILE);
  facts.address_space = Limit(RLIMIT_AS);
  facts.file_bytes = Limit(RLIMIT_FSIZE);
  facts.pending_signals = Limit(RLIMIT_SIGPENDING);
  facts.pending_signals_used = ParseSigQ(ReadSmallFile("/proc/self/status")).value_or(0);
  facts.reads_maps = !ReadSmallFile("/proc/self/maps").empty();
  facts.reads_tasks = ListsDirectory("/proc/self/task");
  facts.reads_map_files = FollowsMapFiles();
  facts.reads_memory_by_call = ReadsMemoryByCall();
  facts.reads_memory_by_file = ReadsMemoryByFile();
  int paranoid = 0;
  const std::string perf = ReadSmallFile("/proc/sys/kernel/perf_event_paranoid");
  if (absl::SimpleAtoi(std::string(base::TrimBlanks(perf)), &paranoid)) {
    facts.perf_event_paranoid = paranoid;
  }
  facts.is_secure = getauxval(AT_SECURE) != 0;
  ReadCgroup(&facts);
  facts.preload = preload;
  return facts;
}

}  // namespace podo::doctor
