// SPDX-License-Identifier: Apache-2.0
// T7: what the handler calls. Every suspect of libc is interposed here and asks whether the calling
// thread is inside the handler; the kernel is asked to trap any system call made there.
//
// The trampoline that knows "inside" is put in by the calls podo itself uses for sigaction, so
// that podo still sees its own handler.
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "capture/handler.h"
#include "capture/profiling_timer.h"
#include "stage.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH  // Linux 5.11
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#endif

extern "C" {
int __sigaction(int signal, const struct sigaction* action, struct sigaction* old);
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* pointer, size_t bytes);
void __libc_free(void* pointer);
void* __libc_memalign(size_t alignment, size_t bytes);
}

namespace {

// Initial-exec, so that the trampoline itself is as pure as what it watches.
#define PODO_TEST_TLS __thread __attribute__((tls_model("initial-exec")))
PODO_TEST_TLS bool t_inside = false;
// The kernel reads it at every system call of the thread: 0 allow, 1 trap (SIGSYS).
PODO_TEST_TLS char t_selector = 0;
PODO_TEST_TLS bool t_trapping = false;

std::atomic<uint64_t> g_handled{0}, g_calls{0}, g_traps{0};
std::atomic<const char*> g_call{nullptr};
std::atomic<long> g_trapped{0};
std::atomic<bool> g_self_test{false};

inline void Suspect(const char* name) {
  if (!t_inside) return;
  g_calls.fetch_add(1);
  g_call.store(name);
}

void Trampoline(int signal, siginfo_t* cause, void* context) {
  t_inside = true;
  if (t_trapping) t_selector = 1;
  if (g_self_test) {  // the traps themselves are tested: one of each
    std::free(std::malloc(10));
    syscall(SYS_getppid);
  }
  podo::capture::podo_sigprof_entry(signal, cause, context);
  t_selector = 0;
  t_inside = false;
  g_handled.fetch_add(1);
}

void OnTrap(int, siginfo_t* cause, void*) {
  t_selector = 0;  // before any other system call, sigreturn included
  g_traps.fetch_add(1);
  g_trapped.store(cause->si_syscall);
}

int Sigaction(int signal, const struct sigaction* action, struct sigaction* old) {
  struct sigaction changed = {};
  if (action != nullptr) {
    changed = *action;
    if (changed.sa_sigaction == podo::capture::podo_sigprof_entry) {
      changed.sa_sigaction = Trampoline;
      sigdelset(&changed.sa_mask, SIGSYS);
    }
  }
  const int result = __sigaction(signal, action != nullptr ? &changed : nullptr, old);
  if (old != nullptr && old->sa_sigaction == Trampoline) {
    old->sa_sigaction = podo::capture::podo_sigprof_entry;
  }
  return result;
}
int Setitimer(int which, const itimerval* timer, itimerval* old) {
  return static_cast<int>(syscall(SYS_setitimer, which, timer, old));
}
int Getitimer(int which, itimerval* timer) {
  return static_cast<int>(syscall(SYS_getitimer, which, timer));
}

// Per thread; false where the kernel has no such thing.
bool TrapSystemCalls() {
  t_trapping = prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &t_selector) == 0;
  return t_trapping;
}

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// Interposed for the whole process: the executable comes first in the search order.
#define SUSPECT(type, name, parameters, arguments)          \
  extern "C" type name parameters {                         \
    Suspect(#name);                                         \
    static auto* const next = Next<type parameters>(#name); \
    return next arguments;                                  \
  }

extern "C" {
void* malloc(size_t bytes) {
  Suspect("malloc");
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  Suspect("calloc");
  return __libc_calloc(count, bytes);
}
void* realloc(void* pointer, size_t bytes) {
  Suspect("realloc");
  return __libc_realloc(pointer, bytes);
}
void free(void* pointer) {
  Suspect("free");
  __libc_free(pointer);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  Suspect("aligned_alloc");
  return __libc_memalign(alignment, bytes);
}
}
SUSPECT(int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
SUSPECT(int, pthread_mutex_trylock, (pthread_mutex_t * mutex), (mutex))
SUSPECT(int, pthread_mutex_unlock, (pthread_mutex_t * mutex), (mutex))
SUSPECT(int, pthread_once, (pthread_once_t * once, void (*routine)()), (once, routine))
SUSPECT(int, pthread_key_create, (pthread_key_t * key, void (*end)(void*)), (key, end))
SUSPECT(int, pthread_setspecific, (pthread_key_t key, const void* value), (key, value))
SUSPECT(void*, pthread_getspecific, (pthread_key_t key), (key))
SUSPECT(int, pthread_sigmask, (int how, const sigset_t* set, sigset_t* old), (how, set, old))
SUSPECT(int, sigprocmask, (int how, const sigset_t* set, sigset_t* old), (how, set, old))
SUSPECT(int, dl_iterate_phdr, (int (*call)(dl_phdr_info*, size_t, void*), void* of), (call, of))
SUSPECT(int, dladdr, (const void* address, Dl_info* found), (address, found))
SUSPECT(void*, dlopen, (const char* file, int mode), (file, mode))
SUSPECT(void*, mmap, (void* at, size_t bytes, int allow, int flags, int fd, off_t from),
        (at, bytes, allow, flags, fd, from))
SUSPECT(int, munmap, (void* at, size_t bytes), (at, bytes))
SUSPECT(int, mincore, (void* at, size_t bytes, unsigned char* pages), (at, bytes, pages))

namespace {

using stage::Fact;

void Report() {
  Fact("handled", g_handled);
  Fact("taken", stage::Taken());
  Fact("residue", stage::State().counters.residue);
  Fact("calls", g_calls);
  Fact("traps", g_traps);
  if (g_call != nullptr) stage::Say("called %s", g_call.load());
  if (g_trapped != 0) stage::Say("trapped %ld", g_trapped.load());
}

// podo runs, the tables are there, and no tick has come yet.
bool Prepare() {
  struct sigaction action = {};
  action.sa_sigaction = OnTrap;
  action.sa_flags = SA_SIGINFO;
  __sigaction(SIGSYS, &action, nullptr);
  podo::capture::UseSignalCalls({Sigaction, Setitimer, Getitimer});
  if (!TrapSystemCalls()) {
    stage::Say("no_dispatch=1");
    return false;
  }
  stage::Start();
  return true;
}

// The first sample of the process, and the first of each of many threads.
void First(uint64_t threads) {
  if (!Prepare() || !stage::AwaitTables()) return;
  Fact("handled_before", g_handled);
  stage::Tick(stage::ThreadId());
  Fact("taken_first", stage::Taken());
  for (uint64_t i = 0; i < threads; ++i) {
    std::thread([] {
      TrapSystemCalls();
      stage::Tick(stage::ThreadId());
      stage::Tick(stage::ThreadId());
    }).join();
  }
  Report();
}

[[gnu::noinline]] uint64_t Recurse(uint64_t depth) {
  if (depth == 0) {
    stage::Tick(stage::ThreadId());
    return 1;
  }
  return Recurse(depth - 1) + 1;
}

// Before the tables: every stack is left for libunwind, from a copy the handler makes by itself.
void BeforeTables(uint64_t count) {
  if (!Prepare() || !stage::AwaitTables()) return;
  static const podo::capture::Snapshot kNone = {};
  const podo::capture::Snapshot* tables = stage::State().snapshot.exchange(&kNone);
  for (uint64_t i = 0; i < count; ++i) Recurse(i % 50);
  stage::State().snapshot = tables;
  Report();
}

void Mixed() {
  std::map<int, std::string> map;
  for (int i = 0; i < 50; ++i) map[i * 7919 % 101] = std::string(static_cast<size_t>(i), 'x');
  std::vector<std::string> words;
  for (const auto& [key, value] : map) words.push_back(value);
  std::sort(words.begin(), words.end());

  try {
    std::stoi("none");
  } catch (const std::invalid_argument&) {
  }
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);  // the vDSO
}

// Three threads with all kinds of work, hit at any instruction.
void Busy(uint64_t ticks) {
  if (!Prepare() || !stage::AwaitTables()) return;
  {
    std::vector<std::unique_ptr<stage::Worker>> workers;
    std::vector<pid_t> tids;
    for (int i = 0; i < 3; ++i) {
      workers.push_back(std::make_unique<stage::Worker>([] {
        if (!t_trapping) TrapSystemCalls();
        Mixed();
      }));
      while (workers.back()->rounds() == 0) stage::SleepMs(1);
      tids.push_back(workers.back()->tid());
    }
    const stage::Storm storm(tids);
    stage::Await([&] { return stage::Taken() >= ticks; }, 60'000);
  }
  Report();
}

// The watch itself: a call and a system call inside are seen.
void SelfTest(uint64_t) {
  if (!Prepare() || !stage::AwaitTables()) return;
  g_self_test = true;
  stage::Tick(stage::ThreadId());
  g_self_test = false;
  Report();
}

constexpr stage::Scenario kScenarios[] = {
    {"first", First}, {"before-tables", BeforeTables}, {"busy", Busy}, {"self-test", SelfTest}};

}  // namespace

int main(int argc, char** argv) { return stage::Main(kScenarios, argc, argv); }
