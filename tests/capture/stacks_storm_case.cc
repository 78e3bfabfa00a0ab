// SPDX-License-Identifier: Apache-2.0
// The whole of podo under storms of SIGPROF while stacks, descriptors and processes come and go.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#ifdef STACKS_BOOST
#include <boost/context/detail/fcontext.hpp>
#endif

#include "capture/state.h"
#include "podo/podo.h"

extern char** environ;

namespace {

int64_t NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

podo::capture::State& State() { return *podo::capture::g_state.load(); }

void Start() {
  if (!podo::Start().ok()) std::exit(3);
  State().sample_foreign = 1;
  const int64_t end = NowMs() + 20'000;
  while (State().snapshot.load()->generation == 0 || State().layout == 0) {
    if (NowMs() > end) std::exit(4);
    usleep(1000);
  }
}

// Sends SIGPROF to one thread every 20 us, also where other threads get no CPU of their own.
struct Storm {
  timer_t timer;

  explicit Storm(pid_t tid) {
    sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGPROF;
    event._sigev_un._tid = tid;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) std::exit(11);
    const itimerspec every = {{0, 20'011}, {0, 20'011}};
    timer_settime(timer, 0, &every, nullptr);
  }
  ~Storm() { timer_delete(timer); }
};

// Maps and unmaps what `free_slot` points at, all the time, with a fresh pattern of pages.
struct Neighbours {
  char* base;
  size_t slot_bytes;
  int slots;  // every other slot is a stack, the ones between come and go
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> rounds{0};
  pthread_t thread;

  Neighbours(char* at, size_t bytes, int count) : base(at), slot_bytes(bytes), slots(count) {
    pthread_create(&thread, nullptr, Run, this);
  }
  ~Neighbours() {
    stop = true;
    pthread_join(thread, nullptr);
  }
  static void* Run(void* argument) {
    auto& self = *static_cast<Neighbours*>(argument);
    while (!self.stop) {
      for (int i = 1; i < self.slots; i += 2) {
        char* slot = self.base + static_cast<size_t>(i) * self.slot_bytes;
        munmap(slot, self.slot_bytes);
        char* again = static_cast<char*>(mmap(slot, self.slot_bytes, PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
        if (again != slot) std::exit(5);
        again[0] = 1;
      }
      ++self.rounds;
    }
    for (int i = 1; i < self.slots; i += 2) {
      char* slot = self.base + static_cast<size_t>(i) * self.slot_bytes;
      mmap(slot, self.slot_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
           -1, 0);
    }
    return nullptr;
  }
};

char* MapArena(size_t bytes) {
  void* arena = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (arena == MAP_FAILED) std::exit(6);
  return static_cast<char*>(arena);
}

extern "C" [[gnu::noinline]] void stacks_leaf(int rounds) {
  for (int i = 0; i < rounds; ++i) __asm__ volatile("" ::: "memory");
}
extern "C" [[gnu::noinline]] void stacks_middle(int depth) {
  if (depth > 0) stacks_middle(depth - 1);
  stacks_leaf(300);
}

// --- T12: fibers ---

constexpr int kFibers = 16;
ucontext_t g_scheduler, g_fiber[kFibers];

extern "C" void ucontext_fiber_entry(int self) {
  for (;;) {
    stacks_middle(4);
    swapcontext(&g_fiber[self], &g_scheduler);
  }
}

void Fibers(size_t stack_bytes, int64_t ms) {
  char* arena = MapArena(stack_bytes * kFibers * 2);
  for (int i = 0; i < kFibers; ++i) {
    getcontext(&g_fiber[i]);
    g_fiber[i].uc_stack = {arena + stack_bytes * static_cast<size_t>(2 * i), 0, stack_bytes};
    makecontext(&g_fiber[i], reinterpret_cast<void (*)()>(ucontext_fiber_entry), 1, i);
  }
  Neighbours neighbours(arena, stack_bytes, kFibers * 2);
  Storm storm(gettid());
  for (const int64_t end = NowMs() + ms; NowMs() < end;) {
    for (int i = 0; i < kFibers; ++i) swapcontext(&g_scheduler, &g_fiber[i]);
  }
}

#ifdef STACKS_BOOST
namespace fc = boost::context::detail;
extern "C" void boost_fiber_entry(fc::transfer_t from) {
  for (;;) {
    stacks_middle(4);
    from = fc::jump_fcontext(from.fctx, nullptr);
  }
}

void BoostFibers(size_t stack_bytes, int64_t ms) {
  char* arena = MapArena(stack_bytes * kFibers * 2);
  fc::fcontext_t fibers[kFibers];
  for (int i = 0; i < kFibers; ++i) {
    fibers[i] = fc::make_fcontext(arena + stack_bytes * static_cast<size_t>(2 * i + 1), stack_bytes,
                                  boost_fiber_entry);
  }
  Neighbours neighbours(arena, stack_bytes, kFibers * 2);
  Storm storm(gettid());
  for (const int64_t end = NowMs() + ms; NowMs() < end;) {
    for (fc::fcontext_t& fiber : fibers) fiber = fc::jump_fcontext(fiber, nullptr).fctx;
  }
}
#endif

// --- threads on stacks carved out of an arena whose other parts come and go ---

std::atomic<bool> g_end{false};
std::atomic<pid_t> g_tid{0};

extern "C" void* arena_thread_entry(void*) {
  g_tid = gettid();
  while (!g_end) stacks_middle(6);
  return nullptr;
}

void Arena(uint64_t wanted) {
  constexpr size_t kSlot = 64 << 10;
  constexpr int kSlots = 64;
  char* arena = MapArena(kSlot * kSlots);
  Neighbours neighbours(arena, kSlot, kSlots);
  uint64_t threads = 0;
  for (int slot = 0; threads < wanted; slot = (slot + 2) % kSlots, ++threads) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, arena + static_cast<size_t>(slot) * kSlot, kSlot);
    g_end = false;
    g_tid = 0;
    pthread_t thread;
    if (pthread_create(&thread, &attributes, arena_thread_entry, nullptr) != 0) std::exit(7);
    while (g_tid == 0) sched_yield();
    {
      Storm storm(g_tid);
      const uint64_t taken = State().counters.taken.load();
      while (State().counters.taken.load() < taken + 60) usleep(1000);
    }
    g_end = true;
    pthread_join(thread, nullptr);
  }
  std::printf("arena_threads=%llu\n", static_cast<unsigned long long>(threads));
}

// --- T8: descriptors ---

int CountDescriptors() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

void Descriptors(int64_t ms) {
  const int kept = fcntl(1, F_DUPFD, 900);  // the script's pipe, out of the way
  Start();
  syscall(SYS_close_range, 3, kept - 1, 0);
  syscall(SYS_close_range, kept + 1, ~0u, 0);
  int pairs[40][2];
  for (auto& pair : pairs) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) std::exit(8);
  }
  const int before = CountDescriptors();
  uint64_t bytes = 0, wrong = 0;
  {
    Storm storm(gettid());
    uint32_t pattern = 1;
    for (const int64_t end = NowMs() + ms; NowMs() < end;) {
      for (auto& pair : pairs) {
        uint32_t out[64], in[64] = {};
        for (uint32_t& word : out) word = pattern = pattern * 1664525 + 1013904223;
        if (write(pair[0], out, sizeof out) != sizeof out) ++wrong;
        if (recv(pair[1], in, sizeof in, MSG_WAITALL) != sizeof in) ++wrong;
        if (memcmp(in, out, sizeof in) != 0) ++wrong;
        bytes += sizeof in;
        stacks_leaf(100);
      }
    }
  }
  for (auto& pair : pairs) {
    char extra;
    for (const int fd : pair) wrong += recv(fd, &extra, 1, MSG_DONTWAIT) != -1;
  }
  std::printf("bytes=%llu\nwrong=%llu\nnew_descriptors=%d\n",
              static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(wrong),
              CountDescriptors() - before);
}

// --- T9: exec and children ---

extern "C" void* burning_thread(void*) {
  for (;;) stacks_leaf(100000);
}

// Replaces this process by a shell that burns CPU (`how` podo is left before).
void Exec(const char* how) {
  Start();
  pthread_t thread;
  pthread_create(&thread, nullptr, burning_thread, nullptr);
  for (const int64_t end = NowMs() + 20; NowMs() < end;) stacks_leaf(1000);
  if (strcmp(how, "stop") == 0) podo::Stop(std::chrono::seconds(2));
  if (strcmp(how, "prepare") == 0) {
    char nothing[] = "/nonexistent/program", *none[] = {nothing, nullptr};
    podo::PrepareExec();
    execv(nothing, none);
    podo::ExecFailed();
    for (const int64_t end = NowMs() + 20; NowMs() < end;) stacks_leaf(1000);
    podo::PrepareExec();
  }
  char sh[] = "/bin/sh", c[] = "-c", script[] = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done";
  char* argv[] = {sh, c, script, nullptr};
  execv(sh, argv);
  std::exit(9);
}

void Children(uint64_t each) {
  Start();
  Storm storm(gettid());
  uint64_t bad = 0, count = 0;
  const auto wait_for = [&](pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    bad += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    ++count;
  };
  char truth[] = "/bin/true", *argv[] = {truth, nullptr};
  for (uint64_t i = 0; i < each; ++i) {
    pid_t child = fork();
    if (child == 0) {
      stacks_middle(100);
      _exit(0);
    }
    wait_for(child);
    child = vfork();
    if (child == 0) {
      podo::PrepareExec();
      execv(truth, argv);
      _exit(1);
    }
    wait_for(child);
    if (posix_spawn(&child, truth, nullptr, nullptr, argv, environ) != 0)
      ++bad;
    else
      wait_for(child);
    const int status = std::system("/bin/true");
    bad += status != 0;
    ++count;
  }
  std::printf("children=%llu\nbad=%llu\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(bad));
}

// Kernel threads without a thread block of their own: they share this one's TLS, hence its ring.
std::atomic<int> g_raw_running{0};

int RawThread(void*) {
  const int64_t rounds = 300;
  for (int64_t i = 0; i < rounds; ++i) stacks_middle(20);
  g_raw_running.fetch_sub(1);
  syscall(SYS_exit, 0);
  return 0;
}

void RawClone(uint64_t rounds) {
  constexpr size_t kBytes = 64 << 10;
  char* arena = MapArena(kBytes * 4);
  for (uint64_t round = 0; round < rounds; ++round) {
    g_raw_running = 4;
    pid_t tids[4];
    for (size_t i = 0; i < 4; ++i) {
      tids[i] =
          clone(RawThread, arena + kBytes * (i + 1),
                CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
                nullptr);
      if (tids[i] < 0) std::exit(10);
    }
    while (g_raw_running != 0) {
      for (const pid_t tid : tids) syscall(SYS_tgkill, getpid(), tid, SIGPROF);
      syscall(SYS_tgkill, getpid(), gettid(), SIGPROF);
    }
    usleep(2000);  // off their stacks
  }
}

void Run(const char* what, int64_t size) {
  if (strcmp(what, "exec-stop") == 0) return Exec("stop");
  if (strcmp(what, "exec-prepare") == 0) return Exec("prepare");
  if (strcmp(what, "exec-bare") == 0) return Exec("bare");
  if (strcmp(what, "descriptors") == 0) return Descriptors(size);
  if (strcmp(what, "children") == 0) return Children(static_cast<uint64_t>(size));
  Start();
  if (strcmp(what, "fibers-8k") == 0) return Fibers(8192, size);
  if (strcmp(what, "fibers-16k") == 0) return Fibers(16384, size);
#ifdef STACKS_BOOST
  if (strcmp(what, "boost-8k") == 0) return BoostFibers(8192, size);
  if (strcmp(what, "boost-16k") == 0) return BoostFibers(16384, size);
#endif
  if (strcmp(what, "arena") == 0) return Arena(static_cast<uint64_t>(size));
  if (strcmp(what, "raw-clone") == 0) return RawClone(static_cast<uint64_t>(size));
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  Run(argv[1], std::strtoll(argv[2], nullptr, 10));
  podo::Stop(std::chrono::seconds(20));
  const auto& c = State().counters;
  std::printf("ticks=%llu\ntaken=%llu\n", static_cast<unsigned long long>(c.ticks.load()),
              static_cast<unsigned long long>(c.taken.load()));
  std::printf("done=1\n");
  return 0;
}
