// SPDX-License-Identifier: Apache-2.0
// Programs that clocks of threads could harm or mistake: what they share with podo's timers is
// scarce, closed, blocked, or about to be handed to another program.
#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <memory>
#include <string>

#include "stage.h"

namespace {

using stage::Fact;

void Limit(int resource, rlim_t most) {
  const rlimit limit = {most, most};
  if (setrlimit(resource, &limit) != 0) std::exit(9);
}

// Threads of this process with the rights of root.
uint64_t Roots() {
  uint64_t roots = 0;
  DIR* tasks = opendir("/proc/self/task");
  while (const dirent* entry = readdir(tasks)) {
    if (entry->d_name[0] == '.') continue;
    const std::string path = std::string("/proc/self/task/") + entry->d_name + "/status";
    FILE* status = std::fopen(path.c_str(), "re");
    char line[256];
    unsigned uid = 1;
    while (status != nullptr && std::fgets(line, sizeof line, status) != nullptr) {
      if (std::sscanf(line, "Uid: %*u %u", &uid) == 1) break;
    }
    if (status != nullptr) std::fclose(status);
    roots += uid == 0;
  }
  closedir(tasks);
  return roots;
}

// A server of many threads drops its rights: each thread is told by a queued signal.
void Setuid(uint64_t threads) {
  // Queued signals count for the real user: one that nobody else has.
  if (setresuid(54321, 0, 0) != 0) std::exit(9);
  Limit(RLIMIT_SIGPENDING, threads + 20);
  stage::Start();
  std::vector<std::unique_ptr<stage::Worker>> workers;
  const auto add_up_to = [&](uint64_t count) {
    while (workers.size() < count) {
      workers.push_back(std::make_unique<stage::Worker>([] {
        stage::BurnMs(5);
        stage::SleepMs(100);
      }));
    }
  };
  // The first ones get timers, which are too many when the others are there.
  add_up_to(threads / 4);
  stage::Await([&] { return podo::GetStats().thread_timers >= threads / 4; });
  Fact("timers_first", podo::GetStats().thread_timers);
  const uint64_t before = stage::Taken();
  add_up_to(threads);
  stage::Await([&] { return stage::Taken() > before + 2 * threads; });
  // SigQ: used/allowed.
  const auto left = [&] { return threads + 20 - stage::ProcStatus("SigQ"); };
  stage::Await([&] { return left() >= stage::ProcStatus("Threads"); }, 5000);
  Fact("left", left());
  Fact("threads", stage::ProcStatus("Threads"));
  const uint64_t then = stage::Taken();
  Fact("goes_on", stage::Await([then] { return stage::Taken() > then + 100; }));
  if (setuid(65534) != 0) std::exit(8);
  Fact("roots", Roots());
}

// The signal's disposition is SIG_DFL while an exec is prepared: a tick then ends the process. Two
// attempts, the second with every descriptor taken, as by a program that is closing up.
void Execs(uint64_t) {
  stage::Start();
  stage::Worker busy([] { stage::BurnMs(10); });
  stage::AwaitTables();
  stage::Await([] { return stage::Taken() > 10; });
  podo::PrepareExec();
  podo::ExecFailed();
  podo::PrepareExec();
  stage::SleepMs(700);
  podo::ExecFailed();
  const uint64_t before = stage::Taken();
  Fact("goes_on", stage::Await([before] { return stage::Taken() > before + 10; }));
  podo::PrepareExec();
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  const rlim_t all = std::exchange(files.rlim_cur, 0);
  setrlimit(RLIMIT_NOFILE, &files);
  stage::SleepMs(700);
  files.rlim_cur = all;
  setrlimit(RLIMIT_NOFILE, &files);
  podo::ExecFailed();
  const uint64_t then = stage::Taken();
  Fact("goes_on_again", stage::Await([then] { return stage::Taken() > then + 10; }));
}

// Two threads try to exec at once, again and again.
void ExecStorm(uint64_t rounds) {
  stage::Start();
  stage::Worker busy([] { stage::BurnMs(10); });
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([rounds] {
      for (uint64_t i = 0; i < rounds; ++i) {
        podo::PrepareExec();
        stage::BurnMs(1);
        podo::ExecFailed();
        if (i % 16 == 0) stage::SleepMs(5);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const uint64_t before = stage::Taken();
  Fact("goes_on", stage::Await([before] { return stage::Taken() > before + 10; }));
}

// As daemons do with descriptors they never opened; perf events are such.
void ClosesAll(uint64_t) {
  stage::Start();
  stage::Worker busy([] { stage::BurnMs(10); });
  stage::Await([] { return podo::GetStats().thread_timers > 0; });
  Fact("timers", podo::GetStats().thread_timers);
  close_range(3, ~0u, 0);
  stage::SleepMs(100);
  const uint64_t before = stage::Taken();
  Fact("goes_on", stage::Await([before] { return stage::Taken() > before + 50; }));
}

[[gnu::noinline]] void WorkWhileBlocked() {
  stage::BurnMs(600);
  __asm__ volatile("");
}

// SIGPROF is blocked for a while by a thread that has a timer.
void BlocksAWhile(uint64_t) {
  stage::Start();
  stage::BurnMs(400);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPROF);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  WorkWhileBlocked();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  stage::BurnMs(200);
}

}  // namespace

int main(int argc, char** argv) {
  const stage::Scenario scenarios[] = {{"setuid", Setuid},
                                       {"execs", Execs},
                                       {"exec-storm", ExecStorm},
                                       {"closes-all", ClosesAll},
                                       {"blocks", BlocksAWhile}};
  return stage::Main(scenarios, argc, argv);
}
