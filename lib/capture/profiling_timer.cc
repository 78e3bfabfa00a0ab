// SPDX-License-Identifier: Apache-2.0
#include "capture/profiling_timer.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
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

bool IsOurs(const Action& action) {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == podo_sigprof_entry;
}

bool IsFree(const Action& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 &&
         (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN);
}

Action Current() {
  Action action = {};
  g_calls.sigaction(SIGPROF, nullptr, &action);
  return action;
}

// Reads the bytes before a foreign handler's entry with the kernel checking them.
bool HasMagic(const void* entry) {
  char bytes[sizeof kHandlerMagic - 1];
  iovec into = {bytes, sizeof bytes};
  iovec from = {const_cast<char*>(static_cast<const char*>(entry)) - sizeof bytes, sizeof bytes};
  return process_vm_readv(gettid(), &into, 1, &from, 1, 0) == ssize_t{sizeof bytes} &&
         std::memcmp(bytes, kHandlerMagic, sizeof bytes) == 0;
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

int SetTimer(uint64_t period_ns, uint64_t first_ns) {
  const itimerval timer = {Microseconds(period_ns), Microseconds(first_ns)};
  return g_calls.setitimer(ITIMER_PROF, &timer, nullptr);
}

}  // namespace

void UseSignalCalls(const SignalCalls& calls) { g_calls = calls; }

SignalOwner FindSignalOwner(std::string* where) {
  const Action action = Current();
  if (IsOurs(action))
    return IsArmed(CurrentTimer()) ? SignalOwner::kThisPodo : SignalOwner::kNobody;
  if (IsFree(action)) return IsArmed(CurrentTimer()) ? SignalOwner::kHost : SignalOwner::kNobody;
  const void* entry = reinterpret_cast<const void*>(action.sa_sigaction);
  Dl_info info = {};
  if (where != nullptr && dladdr(entry, &info) != 0 && info.dli_fname != nullptr) {
    *where = info.dli_fname;
  }
  return HasMagic(entry) ? SignalOwner::kOtherPodo : SignalOwner::kHost;
}

double KernelTickHz() {
  timespec tick = {};
  if (clock_getres(CLOCK_REALTIME_COARSE, &tick) != 0 || tick.tv_nsec <= 0) return 100;
  return 1e9 / static_cast<double>(tick.tv_nsec);
}

absl::Status InstallHandler() {
  Action action = {};
  action.sa_sigaction = podo_sigprof_entry;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  if (g_calls.sigaction(SIGPROF, &action, nullptr) != 0) {
    if (errno == EBUSY) return absl::AlreadyExistsError("the program uses SIGPROF itself");
    return absl::InternalError(absl::StrCat("sigaction(SIGPROF): ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

absl::Status ArmTimer(uint64_t period_ns, uint64_t first_ns) {
  if (SetTimer(period_ns, first_ns) != 0) {
    if (errno == EBUSY) return absl::AlreadyExistsError("the program uses ITIMER_PROF itself");
    return absl::InternalError(absl::StrCat("setitimer(ITIMER_PROF): ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

void DisarmTimer(uint64_t period_ns) {
  if (PeriodNs(CurrentTimer()) == period_ns) SetTimer(0, 0);
}

bool StillOurs(uint64_t period_ns) {
  return IsOurs(Current()) && PeriodNs(CurrentTimer()) == period_ns;
}

void ReleaseForExec(uint64_t period_ns) {
  DisarmTimer(period_ns);
  if (!IsOurs(Current())) return;  // the host's disposition is the host's
  Action action = {};
  action.sa_handler = SIG_IGN;
  g_calls.sigaction(SIGPROF, &action, nullptr);
  action.sa_handler = SIG_DFL;
  g_calls.sigaction(SIGPROF, &action, nullptr);
}

void RetakeAfterExec(uint64_t period_ns) {
  if (!IsFree(Current())) return;
  Action action = {};
  action.sa_sigaction = podo_sigprof_entry;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  g_calls.sigaction(SIGPROF, &action, nullptr);
  if (period_ns != 0) SetTimer(period_ns, period_ns);
}

}  // namespace podo::capture
