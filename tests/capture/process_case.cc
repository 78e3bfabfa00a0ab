// SPDX-License-Identifier: Apache-2.0
// The life of a process around podo: fork, exit in every way, descriptors closed by force.
#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <string>

#include "stage.h"

namespace {

using stage::Fact;

// Descriptors above 2 that are open, the one of the listing apart.
uint64_t OpenDescriptors() {
  DIR* folder = opendir("/proc/self/fd");
  uint64_t open = 0;
  while (const dirent* entry = readdir(folder)) open += std::atoi(entry->d_name) > 2;
  closedir(folder);
  return open - 1;
}

bool TimerArmed() {
  itimerval timer;
  getitimer(ITIMER_PROF, &timer);
  return timer.it_interval.tv_usec != 0 || timer.it_interval.tv_sec != 0;
}

// In a child: exit status 0 if it is unprofiled, holds nothing of podo's, and may use the API.
[[noreturn]] void LiveAsChild(uint64_t descriptors) {
  int wrong = 0;
  wrong |= (OpenDescriptors() != descriptors) << 0;
  wrong |= TimerArmed() << 1;
  stage::BurnMs(60);
  wrong |= (podo::GetStats().ticks != 0) << 2;
  wrong |= (podo::Start().code() != PODO_DISABLED) << 3;
  wrong |= (podo::Flush(std::chrono::milliseconds(10)).code() != PODO_NOT_STARTED) << 4;
  wrong |= (podo::Stop(std::chrono::milliseconds(10)).code() != PODO_NOT_STARTED) << 5;
  stage::Tick(stage::ThreadId());  // the handler it inherited is inert
  const int64_t begin = stage::ClockMs();
  std::atexit([] {});
  if (stage::ClockMs() - begin > 500) wrong |= 64;
  std::exit(wrong);
}

// Ten children by fork, all through sampling; then two by _Fork, which runs no fork handlers.
void Fork(uint64_t) {
  const uint64_t descriptors = OpenDescriptors();
  stage::Start();
  stage::AwaitTables();
  uint64_t good = 0, slow = 0;
  for (int i = 0; i < 12; ++i) {
    stage::BurnMs(20);
    const pid_t child = i < 10 ? fork() : _Fork();
    if (child == 0) LiveAsChild(descriptors);
    const int64_t begin = stage::ClockMs();
    int status = -1;
    waitpid(child, &status, 0);
    good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    slow += stage::ClockMs() - begin > 1500;
    if (status != 0) stage::Say("child %d status %x", i, static_cast<unsigned>(status));
  }
  Fact("good", good);
  Fact("slow", slow);
  stage::SleepMs(1200);  // past the look once a second
}

// Every descriptor is closed, the standard ones too, and their numbers are used again by the host.
void ClosesAll(uint64_t) {
  const int report = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 500);
  stage::Start();
  stage::BurnMs(100);
  close_range(0, static_cast<unsigned>(report) - 1, 0);
  close_range(static_cast<unsigned>(report) + 1, ~0u, 0);
  int pairs[8][2];
  for (auto& pair : pairs) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) std::abort();
  }
  stage::BurnMs(700);  // windows are written meanwhile
  const bool flushed = podo::Flush(std::chrono::seconds(10)).ok();
  podo::Stop(std::chrono::seconds(10));  // logs its totals
  uint64_t touched = 0;
  for (const auto& pair : pairs) {
    for (const int fd : pair) {
      pollfd waiting = {fd, POLLIN, 0};
      touched += poll(&waiting, 1, 0) != 0;  // bytes, or the other end gone
    }
  }
  const podo::Stats stats = podo::GetStats();
  dup2(report, STDOUT_FILENO);
  Fact("touched", touched);
  Fact("flushed", flushed);
  Fact("taken", stats.samples_taken);
  Fact("written", stats.profiles_written);
  Fact("adds_up", stats.ticks == stats.samples_taken + stats.dropped_ring_full +
                                     stats.dropped_no_ring + stats.dropped_nested +
                                     stats.dropped_small_stack + stats.paused_ticks +
                                     stats.foreign_ticks);
}

void Brief(uint64_t ms) {
  stage::Start();
  stage::BurnMs(static_cast<int64_t>(ms));
}
void BriefExit(uint64_t ms) {
  Brief(ms);
  std::exit(0);
}
void BriefQuickExit(uint64_t ms) {
  Brief(ms);
  std::quick_exit(0);
}

// Main leaves; a worker goes on for a while.
void MainLeaves(uint64_t ms) {
  stage::Start();
  std::thread([ms] { stage::BurnMs(static_cast<int64_t>(ms)); }).detach();
  stage::BurnMs(50);
  pthread_exit(nullptr);
}

// Waits for the script's signal.
void Waits(uint64_t ms) {
  stage::Start();
  stage::AwaitTables();
  stage::BurnMs(static_cast<int64_t>(ms));
  stage::Say("ready=1");
  for (;;) stage::BurnMs(10);
}

constexpr stage::Scenario kScenarios[] = {
    {"fork", Fork},
    {"closes-all", ClosesAll},
    {"brief", Brief},
    {"brief-exit", BriefExit},
    {"brief-quick-exit", BriefQuickExit},
    {"main-leaves", MainLeaves},
    {"waits", Waits},
};

}  // namespace

int main(int argc, char** argv) { return stage::Main(kScenarios, argc, argv); }
