// SPDX-License-Identifier: Apache-2.0
// The host's own signals beside podo: sigwait, a thread that blocks everything, a host that takes
// SIGPROF later.
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/time.h>

#include "stage.h"

namespace {

using stage::Fact;

// After Start() the host blocks three signals and takes them by sigwait, one at a time. Threads of
// podo exist by then: any of them that let the signal through would be killed by it.
void Sigwait(uint64_t count) {
  stage::Start();
  stage::BurnMs(50);
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  constexpr int kSignals[] = {SIGTERM, SIGHUP, SIGCHLD};
  uint64_t received = 0;
  stage::Worker busy([] { stage::BurnMs(1); });
  for (uint64_t i = 0; i < count; ++i) {
    const int sent = kSignals[i % 3];
    kill(getpid(), sent);  // to the process: the kernel chooses among the threads that let it in
    int got = 0;
    received += sigwait(&set, &got) == 0 && got == sent;
  }
  Fact("received", received);
}

[[gnu::noinline]] void main_waits(int epoll, const std::atomic<bool>& over) {
  epoll_event event;
  while (!over) epoll_wait(epoll, &event, 1, 200);
}

// A busy thread with all signals blocked; main sleeps in epoll_wait.
void Blocking(uint64_t ms) {
  stage::Start();
  std::atomic<bool> over{false};
  std::thread blocker([&] {
    prctl(PR_SET_NAME, "blocks-all");
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    stage::BurnMs(static_cast<int64_t>(ms));
    over = true;
  });
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  main_waits(epoll, over);
  blocker.join();
  close(epoll);
}

std::atomic<uint64_t> g_host_ticks{0};
void HostHandler(int) { ++g_host_ticks; }

// The host takes SIGPROF and ITIMER_PROF a while after Start().
void TakesLater(uint64_t) {
  stage::Start();
  stage::BurnMs(100);
  struct sigaction action = {};
  action.sa_handler = HostHandler;
  sigaction(SIGPROF, &action, nullptr);
  const itimerval timer = {{0, 20'000}, {0, 20'000}};
  setitimer(ITIMER_PROF, &timer, nullptr);
  const int64_t begin = stage::ClockMs();
  stage::Await([] { return stage::State().armed == 0; }, 5000);
  Fact("off_after_ms", static_cast<uint64_t>(stage::ClockMs() - begin));
  const uint64_t before = g_host_ticks;
  stage::BurnMs(1000);
  Fact("host_ticks", g_host_ticks - before);
  itimerval now;
  getitimer(ITIMER_PROF, &now);
  sigaction(SIGPROF, nullptr, &action);
  Fact("kept", now.it_interval.tv_usec == 20'000 && action.sa_handler == HostHandler);
  stage::SleepMs(1200);  // the look once a second must not say it again
}

// It takes only the signal; podo's timer would go on ticking into the host's handler.
void TakesSignal(uint64_t) {
  stage::Start();
  signal(SIGPROF, HostHandler);
  stage::Await([] { return stage::State().armed == 0; }, 5000);
  itimerval now;
  getitimer(ITIMER_PROF, &now);
  Fact("timer_off", now.it_interval.tv_usec == 0);
  const uint64_t before = g_host_ticks;
  stage::BurnMs(200);
  Fact("host_ticks", g_host_ticks - before);
}

void Burn(uint64_t ms) {
  stage::Start();
  stage::BurnMs(static_cast<int64_t>(ms));
  Fact("hz", static_cast<uint64_t>(podo::GetStats().sample_hz));
}

constexpr stage::Scenario kScenarios[] = {{"sigwait", Sigwait},
                                          {"blocking", Blocking},
                                          {"takes-later", TakesLater},
                                          {"takes-signal", TakesSignal},
                                          {"burn", Burn}};

}  // namespace

int main(int argc, char** argv) { return stage::Main(kScenarios, argc, argv); }
