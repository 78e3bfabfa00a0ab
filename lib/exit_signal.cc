// SPDX-License-Identifier: Apache-2.0
#include "exit_signal.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "base/log.h"
#include "base/wakeup.h"
#include "own_threads.h"

namespace podo {
namespace {

constexpr int64_t kLongNs = 3'600'000'000'000;

// Leaked: the thread lives as long as the process.
struct Watch {
  std::function<void()> flush;
  base::Wakeup wakeup;
  std::atomic<bool> asked{false};
  std::atomic<bool> leave{false};
  pid_t pid = getpid();
  OwnThreads thread;
};
std::atomic<Watch*> g_watch{nullptr};  // set before the handler is installed

void OnSigterm(int) {
  // A fork child has inherited the handler but not the thread; a vfork child must not ask the
  // parent's thread. Both die of the signal, as they would without podo.
  if (getpid() != g_watch.load()->pid) {
    signal(SIGTERM, SIG_DFL);
    kill(getpid(), SIGTERM);
    return;
  }
  // Relaxed: the semaphore orders the flush after the signal.
  if (!g_watch.load()->asked.exchange(true, std::memory_order_relaxed)) {
    g_watch.load()->wakeup.Post();
    return;
  }
  signal(SIGTERM, SIG_DFL);
  kill(getpid(), SIGTERM);  // delivered when this handler returns
}

bool StillOurs() {
  struct sigaction action = {};
  return sigaction(SIGTERM, nullptr, &action) == 0 && action.sa_handler == OnSigterm;
}

void Run(bool may_throw) {
  while (!g_watch.load()->asked.load(std::memory_order_relaxed)) {
    if (g_watch.load()->leave.load(std::memory_order_relaxed)) return;
    g_watch.load()->wakeup.WaitFor(kLongNs);
  }
  try {
    if (may_throw) g_watch.load()->flush();
  } catch (...) {  // out of memory: the window is lost, the signal is not
  }
  if (!StillOurs()) return;  // the host took it meanwhile: its handler decides
  signal(SIGTERM, SIG_DFL);
  // This thread blocks all signals; the others may too.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  kill(getpid(), SIGTERM);
}

}  // namespace

void FlushOnSigterm(std::function<void()> flush) {
  struct sigaction action = {};
  if (g_watch != nullptr || sigaction(SIGTERM, nullptr, &action) != 0) return;
  if (getpid() == 1 || action.sa_handler != SIG_DFL) {
    base::Log(base::LogLevel::kWarning,
              getpid() == 1 ? "PODO_FLUSH_ON_SIGTERM is ignored for PID 1"
                            : "PODO_FLUSH_ON_SIGTERM is ignored: the program handles SIGTERM");
    return;
  }
  auto* watch = new Watch;
  watch->flush = std::move(flush);
  g_watch = watch;
  constexpr size_t kStackBytes = 256 << 10;
  if (!watch->thread.Start("podo-sigterm", nullptr, kStackBytes, Run).ok()) {
    base::Log(base::LogLevel::kWarning, "PODO_FLUSH_ON_SIGTERM: no thread could be started");
    return;
  }
  action = {};
  action.sa_handler = OnSigterm;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigaction(SIGTERM, &action, nullptr);
}

void ForgetSigtermInForkChild() {
  if (g_watch.exchange(nullptr) != nullptr && StillOurs()) signal(SIGTERM, SIG_DFL);
}

void StopWaitingForSigterm() {
  if (g_watch == nullptr) return;
  g_watch.load()->leave.store(true, std::memory_order_relaxed);
  g_watch.load()->wakeup.Post();
}

}  // namespace podo
