// SPDX-License-Identifier: Apache-2.0
// PODO_FORK=child: servers that fork their workers, daemons, and forks from everywhere.
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <string>

#include "podo/context.h"
#include "stage.h"

namespace {

using stage::Fact;

// They name the stacks; with one and the same body the compiler would make one of them.
[[gnu::noinline]] void WorkOfChild(int64_t ms) {
  stage::BurnMs(ms);
  __asm__ volatile("# child");
}
[[gnu::noinline]] void WorkOfMaster(int64_t ms) {
  stage::BurnMs(ms);
  __asm__ volatile("");
}

uint64_t WellEnded(const std::vector<pid_t>& children) {
  uint64_t well = 0;
  for (const pid_t child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    if (status != 0) stage::Say("child %d status %x", child, static_cast<unsigned>(status));
    well += WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  return well;
}

// A master with a scope open; each worker opens one of its own, beside it.
void Prefork(uint64_t workers) {
  stage::Start();
  const podo::ScopedLabels role({{"role", "server"}});
  WorkOfMaster(200);
  std::vector<pid_t> children;
  for (uint64_t i = 0; i < workers; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const std::string number = std::to_string(i);
      const podo::ScopedLabels worker({{"worker", number}});
      stage::SleepMs(200);
      WorkOfChild(500);
      std::exit(podo::GetStats().ticks > 0 ? 0 : 1);
    }
    stage::Say("worker %d", child);
    children.push_back(child);
  }
  stage::Say("master %d", getpid());
  Fact("well", WellEnded(children));
}

// As daemon(3) and many by hand: twice forked, a session of its own, no descriptors, elsewhere.
void Daemon(uint64_t) {
  stage::Start();
  WorkOfMaster(50);
  int done[2];
  if (pipe(done) != 0) std::exit(9);
  if (fork() == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    if (chdir("/") != 0) _exit(8);
    close_range(0, static_cast<unsigned>(done[1]) - 1, 0);
    close_range(static_cast<unsigned>(done[1]) + 1, ~0u, 0);
    for (int i = 0; i < 3; ++i) open("/dev/null", O_RDWR);
    stage::SleepMs(200);
    WorkOfChild(500);
    podo::Stop(std::chrono::seconds(20));
    const pid_t self = getpid();
    if (write(done[1], &self, sizeof self) != sizeof self) _exit(7);
    _exit(0);
  }
  close(done[1]);
  pid_t daemon = 0;
  if (read(done[0], &daemon, sizeof daemon) == sizeof daemon) stage::Say("worker %d", daemon);
  podo::Stop(std::chrono::seconds(20));
  _exit(0);
}

// Children that end, exec, start podo themselves, or stop it, while threads open scopes, others
// fork as well, and the run ends and begins.
void Storm(uint64_t rounds) {
  stage::Start();
  std::atomic<uint64_t> well{0};
  {
    stage::Worker labels([] {
      static std::atomic<uint64_t> n{0};
      const std::string number = std::to_string(n++ % 5000);
      const podo::ScopedLabels scope({{"n", number}});
      stage::BurnMs(1);
    });
    stage::Worker restarts([] {
      stage::SleepMs(20);
      podo::Stop(std::chrono::seconds(20));
      podo::Start();
    });
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (uint64_t i = 0; i < rounds; ++i) {
          const pid_t child = fork();
          if (child == 0) {
            const podo::ScopedLabels scope({{"child", "yes"}});
            switch ((i + static_cast<uint64_t>(t)) % 4) {
              case 0:
                _exit(0);
              case 1:
                execl("/bin/true", "true", nullptr);
                _exit(1);
              case 2:
                podo::Start();
                stage::SleepMs(i % 8 < 4 ? 5 : 70);  // past the moment when it would have begun
                podo::Stop(std::chrono::seconds(20));
                std::exit(stage::Await([] { return stage::ProcStatus("Threads") == 1; }) ? 0 : 1);
              default:
                stage::SleepMs(static_cast<int64_t>(45 + i % 12));  // as its run begins
                std::exit(0);
            }
          }
          well += WellEnded({child});
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  Fact("well", well);
  podo::Start();
}

}  // namespace

int main(int argc, char** argv) {
  const stage::Scenario scenarios[] = {{"prefork", Prefork}, {"daemon", Daemon}, {"storm", Storm}};
  return stage::Main(scenarios, argc, argv);
}
