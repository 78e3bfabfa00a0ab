// SPDX-License-Identifier: Apache-2.0
#include "capture/profiling_timer.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "capture/chained_handler.h"
#include "capture/handler.h"

// glibc's own name of sigaction (GLIBC_2.2.5): not among the names a preloaded library wraps.
extern "C" int __sigaction(int signal, const struct sigaction* action, struct sigaction* old);

namespace podo::capture {
namespace {

using Action = struct sigaction;

int RawSetitimer(int which, const itimerval* timer, itimerval* old) {
  return static_cast<int>(syscall(SYS_setitimer, which, timer, old));
}
int RawGetitimer(int which, itimerval* timer) {
  return static_cast<int>(syscall(SYS_getitimer, which, timer));
}

// Set once, before threads of podo exist.
constinit SignalCalls g_calls = {__sigaction, RawSetitimer, RawGetitimer};
// Relaxed: set by Start() before it arms anything, read by whoever disarms.
constinit std::atomic<int> g_signal{SIGPROF};
constinit std::atomic<bool> g_may_chain{false};
// The signal whose handler of the program's is behind podo's; 0: none. Then for good.
constinit std::atomic<int> g_chained{0};
constinit bool g_chained_on_stack = false;  // SA_ONSTACK of that handler's disposition
// podo's handler was the program's to see. Written and read by Start() only.
constinit bool g_was_shown = false;
constinit bool g_shown_before = false;  // of the InstallHandler() before

bool IsOurs(const Action& action) {
  return (action.sa_flags & SA_SIGINFO) != 0 &&
         (action.sa_sigaction == podo_sigprof_entry || action.sa_sigaction == podo_chain_entry);
}

bool IsFree(const Action& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 &&
         (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN);
}

Action CurrentOf(int signal) {
  Action action = {};
  g_calls.sigaction(signal, nullptr, &action);
  return action;
}
Action Current() { return CurrentOf(TickSignal()); }

const void* EntryOf(const Action& action) {
  return reinterpret_cast<const void*>(action.sa_sigaction);
}

// Reads the bytes before a foreign handler's entry with the kernel checking them.
bool HasMagic(const void* entry) {
  char bytes[sizeof kHandlerMagic - 1];
  iovec into = {bytes, sizeof bytes};
  iovec from = {const_cast<char*>(static_cast<const char*>(entry)) - sizeof bytes, sizeof bytes};
  return process_vm_readv(gettid(), &into, 1, &from, 1, 0) == ssize_t{sizeof bytes} &&
         std::memcmp(bytes, kHandlerMagic, sizeof bytes) == 0;
}

bool IsOtherPodos(const Action& action) {
  return !IsFree(action) && !IsOurs(action) && HasMagic(EntryOf(action));
}

// A handler of another copy of podo, running or stopped; SIG_DFL's entry if there is none.
const void* FindOtherPodo() {
  if (const Action action = CurrentOf(SIGPROF); IsOtherPodos(action)) return EntryOf(action);
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) {
    if (const Action action = CurrentOf(signal); IsOtherPodos(action)) return EntryOf(action);
  }
  return nullptr;
}

void NameFile(const void* entry, std::string* where) {
  Dl_info info = {};
  if (where != nullptr && dladdr(entry, &info) != 0 && info.dli_fname != nullptr) {
    *where = info.dli_fname;
  }
}

// Why a handler of the program's must not be called by podo's; empty: it may. `pin`: its library
// stays for good, for podo does not hear when that is unloaded.
std::string WhyNotChain(const Action& action, bool pin) {
  if (g_calls.sigaction != __sigaction) return "not under the preload library";
  // Else the program may call podo's handler from its own, which podo's would call, and so on.
  if (g_was_shown) return "podo's handler was there before it";
  if ((action.sa_flags & static_cast<int>(SA_RESETHAND)) != 0) return "it wants one signal only";
  Dl_info info = {};
  link_map* map = nullptr;
  if (dladdr1(EntryOf(action), &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0 ||
      map == nullptr) {
    return "it is in no library that podo could keep loaded";
  }
  const char* name = map->l_name;
  if (!pin || name == nullptr || *name == '\0') return "";  // the program itself
  const bool pinned = dlopen(name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE) != nullptr;
  return pinned ? "" : absl::StrCat(name, " could not be kept loaded");
}

// podo's disposition of the signal.
Action OwnAction() {
  Action action = {};
  action.sa_sigaction = podo_sigprof_entry;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  if (g_chained.load(std::memory_order_relaxed) == TickSignal()) {
    action.sa_sigaction = podo_chain_entry;
    // The program's handler must find the stack it expects.
    if (!g_chained_on_stack) action.sa_flags &= ~SA_ONSTACK;
  }
  sigfillset(&action.sa_mask);
  return action;
}

uint64_t PeriodNs(const itimerval& timer) {
  return static_cast<uint64_t>(timer.it_interval.tv_sec) * 1'000'000'000 +
         static_cast<uint64_t>(timer.it_interval.tv_usec) * 1000;
}

itimerval CurrentTimer() {
  itimerval timer = {};
  g_calls.getitimer(ITIMER_PROF, &timer);
  return timer;
}

bool IsArmed(const itimerval& timer) {
  return PeriodNs(timer) != 0 || timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0;
}

timeval Microseconds(uint64_t ns) {
  return {static_cast<time_t>(ns / 1'000'000'000),
          static_cast<suseconds_t>(ns % 1'000'000'000 / 1000)};
}

// What InstallHandler() found. Written and read by Start() only.
constinit Action g_before = {};

int SetTimer(uint64_t period_ns, uint64_t first_ns) {
  const itimerval timer = {Microseconds(period_ns), Microseconds(first_ns)};
  return g_calls.setitimer(ITIMER_PROF, &timer, nullptr);
}

}  // namespace

void UseSignalCalls(const SignalCalls& calls) { g_calls = calls; }

void UseSignal(int signal, bool may_chain) {
  g_signal.store(signal, std::memory_order_relaxed);
  g_may_chain.store(may_chain, std::memory_order_relaxed);
}

int TickSignal() { return g_signal.load(std::memory_order_relaxed); }

bool OwnsItimer() {
  return TickSignal() == SIGPROF && !g_may_chain.load(std::memory_order_relaxed) &&
         g_chained.load(std::memory_order_relaxed) != SIGPROF;
}

std::string SignalName(int signal) {
  if (signal == SIGPROF) return "SIGPROF";
  return absl::StrCat("SIGRTMIN+", signal - SIGRTMIN);
}

std::string TickMeans() {
  return OwnsItimer() ? "SIGPROF or ITIMER_PROF" : SignalName(TickSignal());
}

SignalOwner FindSignalOwner(std::string* where, std::string* why_unchained) {
  if (const void* other = FindOtherPodo(); other != nullptr) {
    NameFile(other, where);
    return SignalOwner::kOtherPodo;
  }
  const Action action = Current();
  const bool is_armed = TickSignal() == SIGPROF && IsArmed(CurrentTimer());
  if (IsOurs(action)) {
    return is_armed && OwnsItimer() ? SignalOwner::kThisPodo : SignalOwner::kNobody;
  }
  if (IsFree(action)) return is_armed ? SignalOwner::kHost : SignalOwner::kNobody;
  NameFile(EntryOf(action), where);
  if (!g_may_chain.load(std::memory_order_relaxed)) return SignalOwner::kHost;
  *why_unchained = WhyNotChain(action, false);
  return why_unchained->empty() ? SignalOwner::kNobody : SignalOwner::kHost;
}

double KernelTickHz() {
  timespec tick = {};
  if (clock_getres(CLOCK_REALTIME_COARSE, &tick) != 0 || tick.tv_nsec <= 0) return 100;
  return 1e9 / static_cast<double>(tick.tv_nsec);
}

base::Status InstallHandler() {
  const int signal = TickSignal();
  const Action found = Current();
  const bool chains = g_may_chain.load(std::memory_order_relaxed) && !IsFree(found) &&
                      !IsOurs(found) && WhyNotChain(found, true).empty();
  if (chains) {
    uint64_t mask = 0;
    std::memcpy(&mask, &found.sa_mask, sizeof mask);
    if ((found.sa_flags & SA_NODEFER) == 0) mask |= uint64_t{1} << (signal - 1);
    g_host_mask.store(mask, std::memory_order_relaxed);
    g_host_handler.store(found.sa_sigaction, std::memory_order_release);
    g_chained_on_stack = (found.sa_flags & SA_ONSTACK) != 0;
    g_chained.store(signal, std::memory_order_relaxed);
  }
  const Action action = OwnAction();
  g_before = action;
  if (g_calls.sigaction(signal, &action, &g_before) != 0) {
    const int error = errno;
    if (error == EBUSY) {
      return base::AlreadyExistsError(
          absl::StrCat("the program uses ", SignalName(signal), " itself"));
    }
    return base::InternalError(
        absl::StrCat("sigaction(", SignalName(signal), "): ", std::strerror(error)));
  }
  const bool is_fine = IsFree(g_before) || IsOurs(g_before);
  if (!is_fine && !(chains && g_before.sa_sigaction == found.sa_sigaction)) {
    g_calls.sigaction(signal, &g_before, nullptr);  // it came between the look and the call
    g_chained.store(0, std::memory_order_relaxed);
    return base::AlreadyExistsError(
        absl::StrCat("the program uses ", SignalName(signal), " itself"));
  }
  g_shown_before = std::exchange(g_was_shown, true);
  return base::OkStatus();
}

bool TakeHandlerBack(uint64_t period_ns) {
  if (OwnsItimer() && PeriodNs(CurrentTimer()) != period_ns) return false;
  const Action action = OwnAction();
  return g_calls.sigaction(TickSignal(), &action, nullptr) == 0;
}

void RemoveHandler() {
  g_was_shown = g_shown_before;
  if (!IsOurs(g_before)) g_chained.store(0, std::memory_order_relaxed);
  if (!IsOurs(g_before) && IsOurs(Current())) g_calls.sigaction(TickSignal(), &g_before, nullptr);
}

base::Status ArmTimer(uint64_t period_ns, uint64_t first_ns) {
  if (SetTimer(period_ns, first_ns) != 0) {
    if (errno == EBUSY) return base::AlreadyExistsError("the program uses ITIMER_PROF itself");
    return base::InternalError(absl::StrCat("setitimer(ITIMER_PROF): ", std::strerror(errno)));
  }
  return base::OkStatus();
}

void DisarmTimer(uint64_t period_ns) {
  if (period_ns != 0 && PeriodNs(CurrentTimer()) == period_ns) SetTimer(0, 0);
}

bool StillOurs(uint64_t period_ns) {
  Action action = {};
  if (g_calls.sigaction(TickSignal(), nullptr, &action) != 0) return true;  // nobody knows better
  return IsOurs(action) && (!OwnsItimer() || PeriodNs(CurrentTimer()) == period_ns);
}

void ReleaseForExec(uint64_t period_ns) {
  DisarmTimer(period_ns);
  // The host's disposition is the host's. One behind podo's has signals to come until the exec, and
  // the POSIX timers of podo go with it, what is pending of them, too.
  if (!IsOurs(Current()) || g_chained.load(std::memory_order_relaxed) == TickSignal()) return;
  Action action = {};
  action.sa_handler = SIG_IGN;
  g_calls.sigaction(TickSignal(), &action, nullptr);
  action.sa_handler = SIG_DFL;
  g_calls.sigaction(TickSignal(), &action, nullptr);
}

void RetakeAfterExec(uint64_t period_ns) {
  if (!IsFree(Current())) return;
  const Action action = OwnAction();
  g_calls.sigaction(TickSignal(), &action, nullptr);
  if (period_ns != 0) SetTimer(period_ns, period_ns);
}

}  // namespace podo::capture
