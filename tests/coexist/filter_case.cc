// SPDX-License-Identifier: Apache-2.0
// A service that links podo and then forbids itself system calls, as sandboxes do.
//
//   coexist_filter thread | process ANSWER NAME...
// `thread`: a worker that may do nothing but end, on pain of death; it computes. `process`: every
// thread, podo's too, may make the calls of those numbers; the answer to others is `kill` or
// `errno`. Facts are lines "name=value"; what was to happen is for the script to say.
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
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

[[gnu::noinline]] void BurnMs(int64_t ms) {
  // The monotonic clock: the CPU clock of a thread is a system call.
  const int64_t end = ClockMs(CLOCK_MONOTONIC) + ms;
  while (ClockMs(CLOCK_MONOTONIC) < end) {
    for (int i = 0; i < 20000; ++i) __asm__ volatile("");
  }
}

void Fact(const char* name, uint64_t value) {
  std::printf("%s=%llu\n", name, static_cast<unsigned long long>(value));
  std::fflush(stdout);
}

// From now on, for this thread or for all: others than `allowed` get `answer`. The host is built
// for one architecture, so numbers are not checked for it.
void Forbid(const std::vector<unsigned>& allowed, unsigned answer, unsigned flags) {
  std::vector<sock_filter> program;
  program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  for (const unsigned number : allowed) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, answer));
  const sock_fprog filter = {static_cast<unsigned short>(program.size()), program.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter) != 0) {
    std::perror("coexist_filter: no filter");
    std::exit(3);
  }
}

bool AwaitTicks(uint64_t more) {
  const uint64_t until = podo::GetStats().ticks + more;
  for (int i = 0; i < 200 && podo::GetStats().ticks < until; ++i) BurnMs(50);
  return podo::GetStats().ticks >= until;
}

void OneThread() {
  std::thread worker([] {
    // What a signal and the end of a thread need.
    Forbid({SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_madvise, SYS_munmap, SYS_exit, SYS_futex,
            SYS_write, SYS_restart_syscall, SYS_clock_gettime},
           SECCOMP_RET_KILL_PROCESS, 0);
    Fact("sampled_inside", AwaitTicks(20));
  });
  worker.join();
}

void AllThreads(unsigned answer, const std::vector<unsigned>& allowed) {
  Forbid(allowed, answer, SECCOMP_FILTER_FLAG_TSYNC);
  std::thread second([] { BurnMs(400); });  // a timer of its own, once it is found
  BurnMs(400);
  second.join();
  Fact("sampled_inside", AwaitTicks(20));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 99;
  const podo::Status status = podo::Start();
  Fact("start", static_cast<uint64_t>(status.code()));
  if (!AwaitTicks(10)) return 90;
  if (argv[1] == std::string_view("thread")) {
    OneThread();
  } else if (argc > 2) {
    std::vector<unsigned> allowed;
    for (int i = 3; i < argc; ++i) allowed.push_back(static_cast<unsigned>(std::atoi(argv[i])));
    const bool kill = argv[2] == std::string_view("kill");
    AllThreads(kill ? unsigned{SECCOMP_RET_KILL_PROCESS} : SECCOMP_RET_ERRNO | EPERM, allowed);
  }
  Fact("flushed", podo::Flush(std::chrono::seconds(10)).ok());
  podo::Stop(std::chrono::seconds(10));
  const podo::Stats s = podo::GetStats();
  Fact("ticks", s.ticks);
  Fact("adds_up", s.ticks == s.samples_taken + s.dropped_ring_full + s.dropped_no_ring +
                                 s.dropped_nested + s.dropped_small_stack + s.paused_ticks +
                                 s.foreign_ticks);
  Fact("done", 1);
  return 0;
}
