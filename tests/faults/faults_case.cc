// SPDX-License-Identifier: Apache-2.0
// A host of podo in which one call of libc fails, again and again: for each n a fork child of a
// process that has no podo yet. Its output and exit status never change; what podo did goes to
// another descriptor, one line for each n.
//
//   faults_case KIND ERRNO MORE FOLDER N...     N = 0 counts the calls of every kind
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>

#include "inject.h"
#include "podo/podo.h"

namespace {

using namespace std::chrono_literals;

double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

[[gnu::noinline]] void* Burn(void* seconds) {
  const double end = CpuSeconds() + *static_cast<const double*>(seconds);
  while (CpuSeconds() < end) {
    for (int i = 0; i < 20000; ++i) __asm__ volatile("");
  }
  return nullptr;
}

[[gnu::noinline]] int Throws(int n) {
  if (n == 0) throw std::runtime_error("thrown");
  return Throws(n - 1) + 1;
}

int Work(double seconds) {
  pthread_t second;
  const bool two = pthread_create(&second, nullptr, Burn, &seconds) == 0;
  Burn(&seconds);
  if (two) pthread_join(second, nullptr);
  try {
    return Throws(20);
  } catch (const std::runtime_error& error) {
    return std::string(error.what()) == "thrown" ? 7 : 0;
  }
}

int Entries(const char* path, const char* prefix) {
  DIR* folder = opendir(path);
  if (folder == nullptr) return -1;
  int count = 0;
  while (const dirent* entry = readdir(folder)) {
    count += entry->d_name[0] != '.' || *prefix != '\0'
                 ? std::strncmp(entry->d_name, prefix, std::strlen(prefix)) == 0
                 : 0;
  }
  closedir(folder);
  return count;
}

int Threads() { return Entries("/proc/self/task", ""); }
int Descriptors() { return Entries("/proc/self/fd", ""); }

// For people, on stderr.
void NameDescriptors() {
  for (int fd = 3; fd < 256; ++fd) {
    char target[256];
    const ssize_t size =
        readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target, sizeof target - 1);
    if (size > 0) dprintf(STDERR_FILENO, "open: %d %.*s\n", fd, static_cast<int>(size), target);
  }
}

// The name resolver's thread and the one that looks for tracers are waited for by nobody.
int ThreadsLeft() {
  for (int i = 0; i < 500 && Threads() > 1; ++i) usleep(10'000);
  return Threads();
}

bool SignalFree() {
  struct sigaction action = {};
  sigaction(SIGPROF, nullptr, &action);
  return action.sa_handler == SIG_DFL;
}

bool TimerFree() {
  itimerval timer = {};
  getitimer(ITIMER_PROF, &timer);
  return timer.it_interval.tv_sec == 0 && timer.it_interval.tv_usec == 0;
}

bool AddsUp(const podo::Stats& s) {
  return s.ticks == s.samples_taken + s.dropped_ring_full + s.dropped_no_ring + s.dropped_nested +
                        s.dropped_small_stack + s.paused_ticks + s.foreign_ticks;
}

template <typename Call>
auto InPodo(Call call) {
  faults_enter();
  auto result = call();
  faults_leave();
  return result;
}

struct Plan {
  faults_kind kind = FAULTS_KINDS;
  int how = 0;
  int64_t more = 0;
  const char* folder = "";
};

// Leaves the process so much address space; -1: as much as there is.
void LeaveSpace(int64_t mib) {
  rlimit limit = {};
  getrlimit(RLIMIT_AS, &limit);
  long pages = 0;
  FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr || std::fscanf(file, "%ld", &pages) != 1) std::abort();
  std::fclose(file);
  limit.rlim_cur = mib < 0 ? limit.rlim_max
                           : static_cast<rlim_t>(pages) * 4096 + (static_cast<rlim_t>(mib) << 20);
  if (setrlimit(RLIMIT_AS, &limit) != 0) std::abort();
}

void OneRun(const Plan& plan, int64_t n, int report) {
  const int descriptors = Descriptors();
  if (plan.kind == FAULTS_SPACE) LeaveSpace(n);
  faults_arm(plan.kind, n, plan.more, plan.how);
  const podo::Status start = InPodo([] { return podo::Start(); });
  int signal_free = 1, timer_free = 1, threads = 1, files = 0;
  if (!start.ok()) {
    faults_disarm();
    signal_free = SignalFree();
    timer_free = TimerFree();
    threads = ThreadsLeft();
  }
  const int leaked = start.ok() ? 0 : Descriptors() - descriptors;
  const int caught = Work(0.012);
  const podo::Status flush = InPodo([] { return podo::Flush(10s); });
  const podo::Status stop = InPodo([] { return podo::Stop(10s); });
  if (plan.kind == FAULTS_SPACE) LeaveSpace(-1);
  const podo::Stats s = podo::GetStats();
  const int64_t failed = plan.kind == FAULTS_SPACE ? !start.ok() : faults_failed();
  std::string calls;
  for (int i = 0; i < FAULTS_KINDS; ++i) {
    calls += " " + std::to_string(faults_calls(static_cast<faults_kind>(i)));
  }
  faults_disarm();
  const int threads_after = ThreadsLeft(), leaked_after = Descriptors() - descriptors;
  const int timer_after = TimerFree();
  if (leaked_after != 0) NameDescriptors();
  files = Entries(plan.folder, ".podo-");
  const podo::Status again = InPodo([] { return podo::Start(); });
  Work(0.012);
  const podo::Status flush2 = InPodo([] { return podo::Flush(10s); });
  const podo::Status stop2 = InPodo([] { return podo::Stop(10s); });
  const podo::Stats s2 = podo::GetStats();
  dprintf(report,
          "n=%lld failed=%lld start=%d signal_free=%d timer_free=%d threads=%d leaked=%d flush=%d "
          "stop=%d adds_up=%d ticks=%llu windows=%llu written=%llu lost=%llu errors=%llu "
          "threads_after=%d leaked_after=%d timer_after=%d files=%d again=%d flush2=%d stop2=%d "
          "adds_up2=%d written2=%llu caught=%d calls=%s message=%s\n",
          static_cast<long long>(n), static_cast<long long>(failed), start.code(), signal_free,
          timer_free, threads, leaked, flush.code(), stop.code(), AddsUp(s),
          static_cast<unsigned long long>(s.ticks), static_cast<unsigned long long>(s.windows),
          static_cast<unsigned long long>(s.profiles_written),
          static_cast<unsigned long long>(s.profiles_lost),
          static_cast<unsigned long long>(s.export_errors), threads_after, leaked_after,
          timer_after, files, again.code(), flush2.code(), stop2.code(), AddsUp(s2),
          static_cast<unsigned long long>(s2.profiles_written), caught, calls.c_str() + 1,
          start.message());
}

// The report of a child, its log, and how it ended. The log goes to the stderr of this process, a
// file: podo writes to no other.
void Fork(const Plan& plan, int64_t n) {
  const int report = memfd_create("report", 0), output = memfd_create("output", 0);
  const off_t log_begin = lseek(STDERR_FILENO, 0, SEEK_END);
  const pid_t child = fork();
  if (child == 0) {
    dup2(output, STDOUT_FILENO);
    OneRun(plan, n, report);
    std::printf("the host's own output\n");
    std::exit(42);
  }
  const auto until = std::chrono::steady_clock::now() + 60s;
  int status = 0;
  bool hung = false;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until && !hung) {
      hung = true;
      if (getenv("FAULTS_KEEP") != nullptr) {
        std::printf("hung pid=%d n=%lld\n", child, static_cast<long long>(n));
        std::fflush(stdout);
        pause();
      }
      kill(child, SIGKILL);
    }
    usleep(2000);
  }
  const auto text = [](int fd, off_t begin) {
    std::string all(static_cast<size_t>(lseek(fd, 0, SEEK_END) - begin), '\0');
    if (pread(fd, all.data(), all.size(), begin) < 0) all.clear();
    if (fd != STDERR_FILENO) close(fd);
    return all;
  };
  std::printf("run %lld hung=%d exit=%d signal=%d\n", static_cast<long long>(n), hung,
              WIFEXITED(status) ? WEXITSTATUS(status) : -1,
              WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  for (const auto& [name, fd] :
       {std::pair{"report", report}, {"log", STDERR_FILENO}, {"output", output}}) {
    const std::string all = text(fd, fd == STDERR_FILENO ? log_begin : 0);
    for (size_t at = 0, end; at < all.size(); at = end + 1) {
      end = std::min(all.find('\n', at), all.size());
      std::printf("%s %s\n", name, all.substr(at, end - at).c_str());
    }
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  const Plan plan = {static_cast<faults_kind>(atoi(argv[1])), atoi(argv[2]), atoll(argv[3]),
                     argv[4]};
  for (int i = 5; i < argc; ++i) Fork(plan, atoll(argv[i]));
  return 0;
}
