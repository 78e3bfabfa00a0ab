// SPDX-License-Identifier: Apache-2.0
// Services that link podo and have a use of their own for signals.
//
//   coexist_linked SCENARIO
// Facts are lines "name=value"; what was to happen is for the script to say.
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "podo/podo.h"

namespace {

int64_t ClockMs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// Uses `ms` of this thread's CPU time. Not inlined: stacks name it.
[[gnu::noinline]] void BurnMs(int64_t ms) {
  const int64_t end = ClockMs(CLOCK_THREAD_CPUTIME_ID) + ms;
  while (ClockMs(CLOCK_THREAD_CPUTIME_ID) < end) {
    for (int i = 0; i < 20000; ++i) __asm__ volatile("");
  }
}

void Fact(const char* name, uint64_t value) {
  std::printf("%s=%llu\n", name, static_cast<unsigned long long>(value));
  std::fflush(stdout);
}

const int kSignal = SIGRTMIN + 5;  // PODO_SIGNAL of the script

std::atomic<uint64_t> g_host_ticks{0};
void HostHandler(int) { ++g_host_ticks; }

using Action = struct sigaction;

void Install(int signal) {
  Action action = {};
  action.sa_handler = HostHandler;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

// The kernel's word, past any wrapper: 0 default, 1 ignored, else a handler.
uintptr_t Disposition(int signal) {
  uintptr_t action[4] = {0};
  syscall(SYS_rt_sigaction, signal, nullptr, action, 8);
  return action[0];
}

uint64_t ItimerUs() {
  itimerval now = {};
  syscall(SYS_getitimer, ITIMER_PROF, &now);
  return static_cast<uint64_t>(now.it_interval.tv_usec);
}

void SetItimer(suseconds_t us) {
  const itimerval timer = {{0, us}, {0, us}};
  setitimer(ITIMER_PROF, &timer, nullptr);
}

bool Begin(const podo::Options& options = {}) {
  const podo::Status status = podo::Start(options);
  Fact("start", static_cast<uint64_t>(status.code()));
  std::printf("message %s\n", status.message());
  return status.ok();
}

void Stop() {
  podo::Stop(std::chrono::seconds(20));
  const podo::Stats s = podo::GetStats();
  Fact("ticks", s.ticks);
  Fact("adds_up", s.ticks == s.samples_taken + s.dropped_ring_full + s.dropped_no_ring +
                                 s.dropped_nested + s.dropped_small_stack + s.paused_ticks +
                                 s.foreign_ticks);
}

// It has handler and timer before podo, keeps both, and loses nothing by podo's coming and going.
void OwnProfiler() {
  Install(SIGPROF);
  SetItimer(20'000);
  if (!Begin()) return;
  std::thread second([] { BurnMs(500); });
  BurnMs(500);
  second.join();
  Fact("host_ticks", g_host_ticks);
  Stop();
  const uint64_t before = g_host_ticks;
  BurnMs(200);
  Fact("host_ticks_after", g_host_ticks - before);
  Fact("itimer_us", ItimerUs());
  Fact("kept", Disposition(SIGPROF) == reinterpret_cast<uintptr_t>(HostHandler));
}

// A timer that expires once has no interval to be told by.
void OneShot() {
  Install(SIGPROF);
  const itimerval once = {{0, 0}, {0, 300'000}};
  setitimer(ITIMER_PROF, &once, nullptr);
  if (!Begin()) return;
  BurnMs(100);
  podo::PrepareExec();
  podo::ExecFailed();
  Stop();
  BurnMs(400);
  Fact("host_ticks", g_host_ticks);
}

void TakenFirst() {
  Install(kSignal);
  Begin();
  Fact("kept", Disposition(kSignal) == reinterpret_cast<uintptr_t>(HostHandler));
}

// Busy until no tick of podo comes to the host's handler any more; false if that never happens.
bool AwaitQuiet() {
  uint64_t before = 0;
  int rounds = 0;
  do {
    before = g_host_ticks;
    BurnMs(100);
  } while (g_host_ticks != before && ++rounds < 60);
  return rounds < 60;
}

// Until a tenth of a second of work brings the host no signal.
void TakenLater() {
  if (!Begin()) return;
  BurnMs(100);
  Install(kSignal);
  Fact("quiet", AwaitQuiet());
  Stop();
  Fact("kept", Disposition(kSignal) == reinterpret_cast<uintptr_t>(HostHandler));
}

// What is sent, or was pending, after Stop() would kill without a handler.
void AfterStop() {
  if (!Begin()) return;
  BurnMs(100);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, kSignal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  for (int i = 0; i < 20; ++i) sigqueue(getpid(), kSignal, {});
  Stop();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  raise(kSignal);
  Fact("handler", Disposition(kSignal) > 1);
}

// Another run by another signal.
void Restart() {
  for (const char* signal : {"", "PROF", "RTMIN+6", "rtmax-1"}) {
    podo::Options options;
    options.signal = signal;
    if (!Begin(options)) return;
    BurnMs(200);
    Stop();
  }
}

// Queued signals are pending in a thread that blocks them; the next program lets them in.
void ExecPending() {
  if (!Begin()) return;
  BurnMs(50);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, kSignal);
  sigaddset(&set, SIGPROF);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  for (int i = 0; i < 20; ++i) sigqueue(getpid(), kSignal, {});
  for (int i = 0; i < 20; ++i) {
    pthread_sigqueue(pthread_self(), kSignal, {});
  }
  BurnMs(50);
  podo::PrepareExec();
  execl("/proc/self/exe", "coexist", "unblock", nullptr);
}

void Unblock() {
  sigset_t set;
  sigfillset(&set);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  BurnMs(20);
  Fact("survived", 1);
}

// The preload library's podo ticks by one signal; a copy of its own is asked for another.
void SecondCopy() {
  for (int i = 0; i < 2000 && Disposition(kSignal) <= 1; ++i) usleep(5000);
  Fact("first", Disposition(kSignal) > 1);
  podo::Options options;
  options.signal = "PROF";
  Begin(options);
}

// The host installs its handler time and again; waits each time until podo's is back.
void Retaken() {
  if (!Begin()) return;
  const uintptr_t podos = Disposition(SIGPROF);
  uint64_t back = 0;
  for (int i = 0; i < 3; ++i) {
    Install(SIGPROF);
    for (int rounds = 0; Disposition(SIGPROF) != podos && rounds < 1000; ++rounds) usleep(10'000);
    back += Disposition(SIGPROF) == podos;
  }
  Fact("back", back);
  const uint64_t ticks = podo::GetStats().ticks;
  BurnMs(100);
  Fact("ticks_between", podo::GetStats().ticks - ticks);
  Install(SIGPROF);
  Fact("quiet", AwaitQuiet());
  Fact("kept", Disposition(SIGPROF) == reinterpret_cast<uintptr_t>(HostHandler));
  Stop();
}

std::atomic<uint64_t> g_by_itimer{0}, g_by_timer{0}, g_queued{0}, g_strange{0};
void FullHandler(int signal, siginfo_t* cause, void* context) {
  ++g_host_ticks;
  if (cause->si_code == SI_KERNEL) {
    ++g_by_itimer;
  } else if (cause->si_code == SI_TIMER && cause->si_value.sival_int == 77) {
    ++g_by_timer;
  } else if (cause->si_code == SI_QUEUE && cause->si_value.sival_int == 7) {
    ++g_queued;
  } else {
    ++g_strange;
  }
  if (signal != SIGPROF || context == nullptr) ++g_strange;
  // Blocked is what it asked for, and its own signal; a fault in here would be caught.
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  if (sigismember(&blocked, SIGPROF) != 1 || sigismember(&blocked, SIGUSR2) != 1 ||
      sigismember(&blocked, SIGSEGV) != 0 || sigismember(&blocked, SIGUSR1) != 0) {
    ++g_strange;
  }
}

void InstallFull(int flags) {
  Action action = {};
  action.sa_sigaction = FullHandler;
  action.sa_flags = SA_SIGINFO | SA_RESTART | flags;
  sigaddset(&action.sa_mask, SIGUSR2);
  sigaction(SIGPROF, &action, nullptr);
}

// The host's handler stands behind podo's, and gets what is not podo's: of ITIMER_PROF, of a POSIX
// timer, and what is sent. So in a child, after Stop(), and around an exec that fails.
void Chained() {
  InstallFull(0);
  SetItimer(20'000);
  if (!Begin()) return;
  std::thread second([] { BurnMs(500); });
  BurnMs(500);
  second.join();
  Fact("by_itimer", g_by_itimer);
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGPROF;
  event.sigev_value.sival_int = 77;
  timer_t timer = nullptr;
  timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer);
  const itimerspec period = {{0, 20'000'000}, {0, 20'000'000}};
  timer_settime(timer, 0, &period, nullptr);
  BurnMs(200);
  timer_delete(timer);
  Fact("by_timer", g_by_timer);
  sigval value = {};
  value.sival_int = 7;
  const uint64_t queued = g_queued;
  for (uint64_t i = 0; i < 10; ++i) {
    sigqueue(getpid(), SIGPROF, value);
    while (g_queued == queued + i) BurnMs(1);  // one can be pending, and podo's may be it
    if (i == 9) Fact("queued", g_queued);
  }
  for (int i = 0; i < 3000; ++i) {
    podo::PrepareExec();
    BurnMs(i % 100 == 0 ? 10 : 0);
    podo::ExecFailed();
  }
  const pid_t child = fork();
  if (child == 0) {
    const uint64_t before = g_by_itimer;
    SetItimer(20'000);
    BurnMs(200);
    _exit(g_by_itimer - before >= 4 && g_strange == 0 ? 0 : 1);
  }
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  Fact("child", static_cast<uint64_t>(status));
  Stop();
  const uint64_t before = g_by_itimer;
  BurnMs(200);
  Fact("after_stop", g_by_itimer - before);
  Fact("itimer_us", ItimerUs());
  if (!Begin()) return;  // once more, with the host's handler behind it still
  BurnMs(100);
  Stop();
  Fact("strange", g_strange);
}

// A handler of one argument, without a timer; what is sent reaches it.
void ChainedPlain() {
  Install(SIGPROF);
  if (!Begin()) return;
  BurnMs(200);
  for (int i = 0; i < 10; ++i) raise(SIGPROF);
  Fact("host_ticks", g_host_ticks);
  Stop();
}

void ChainedOnce() {
  InstallFull(static_cast<int>(SA_RESETHAND));
  Begin();
  Fact("kept", Disposition(SIGPROF) == reinterpret_cast<uintptr_t>(FullHandler));
}

void ChainedNowhere() {
  void* code =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *static_cast<unsigned char*>(code) = 0xc3;  // ret
  Action action = {};
  action.sa_handler = reinterpret_cast<void (*)(int)>(code);
  sigaction(SIGPROF, &action, nullptr);
  Begin();
  Fact("kept", Disposition(SIGPROF) == reinterpret_cast<uintptr_t>(code));
}

// It may call podo's handler from its own, as it was what it replaced.
void ChainedLate() {
  if (!Begin()) return;
  Stop();
  InstallFull(0);
  Begin();
  Fact("kept", Disposition(SIGPROF) == reinterpret_cast<uintptr_t>(FullHandler));
}

// The handler of a plugin that goes without taking it back.
void ChainedPlugin() {
  void* plugin = dlopen(std::getenv("TEST_PLUGIN"), RTLD_NOW);
  if (plugin == nullptr) return Fact("plugin", 0);
  reinterpret_cast<void (*)()>(dlsym(plugin, "InstallHandler"))();
  if (!Begin()) return;
  dlclose(plugin);
  raise(SIGPROF);
  BurnMs(100);
  Stop();
}

void Burn() {
  if (!Begin()) return;
  std::atomic<bool> may_end{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&may_end] {
      BurnMs(200);
      while (!may_end) usleep(1000);
    });
  }
  BurnMs(200);
  // The drain makes timers for them, when it comes to that.
  for (int i = 0; i < 1000 && podo::GetStats().thread_timers < 4; ++i) usleep(10'000);
  Fact("thread_timers", podo::GetStats().thread_timers);
  may_end = true;
  for (std::thread& thread : threads) thread.join();
  Fact("itimer_us", ItimerUs());
  Stop();
}

constexpr struct {
  const char* name;
  void (*run)();
} kScenarios[] = {
    {"own-profiler", OwnProfiler},
    {"one-shot", OneShot},
    {"taken-first", TakenFirst},
    {"taken-later", TakenLater},
    {"after-stop", AfterStop},
    {"restart", Restart},
    {"exec-pending", ExecPending},
    {"unblock", Unblock},
    {"second-copy", SecondCopy},
    {"burn", Burn},
    {"retaken", Retaken},
    {"chained", Chained},
    {"chained-plain", ChainedPlain},
    {"chained-once", ChainedOnce},
    {"chained-nowhere", ChainedNowhere},
    {"chained-late", ChainedLate},
    {"chained-plugin", ChainedPlugin},
};

}  // namespace

int main(int argc, char** argv) {
  for (const auto& scenario : kScenarios) {
    if (argc != 2 || std::string_view(argv[1]) != scenario.name) continue;
    scenario.run();
    Fact("done", 1);
    return 0;
  }
  return 2;
}
