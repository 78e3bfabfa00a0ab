// SPDX-License-Identifier: Apache-2.0
// podo's own threads: created so that they never get in the host's way, and measured.
#ifndef PODO_LIB_OWN_THREADS_H_
#define PODO_LIB_OWN_THREADS_H_

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/status.h"

namespace podo {

// Every thread blocks all signals, so that none meant for the host ends up here.
class OwnThreads {
 public:
  static constexpr int kMax = 16;
  // A thread's stack holds the thread-locals of all that was loaded at the start. Where they are
  // large (a program built with ThreadSanitizer has 900 KB), pthread_create says EINVAL, and this
  // much more, of address space, is asked for.
  static constexpr size_t kRoomForTls = 8 << 20;

  // Starts `body` on a new thread; `stack`, if given, is used as its stack. Name: at most 15 chars.
  // The body is told whether there was memory for it to throw (base/thread_memory.h); without, it
  // does nothing that may. One thread starts and joins. InvalidArgument: `stack` is too small.
  using Body = std::function<void(bool may_throw)>;
  // What a thread is there for: profiling, or what others ask for over HTTP.
  enum class Work { kProfiling, kAnswers };
  base::Status Start(const char* name, void* stack, size_t stack_bytes, Body body,
                     Work work = Work::kProfiling);

  // A thread that nobody waits for, for calls that may hang. `body` refers to nothing but memory it
  // shares with others. Its CPU time is not in CpuNs(). Thread-safe.
  static base::Status StartDetached(const char* name, size_t stack_bytes,
                                    std::function<void()> body);

  // pthread_create with a stack of that size, with more if there is no room for thread-locals.
  static int CreateWithRoom(pthread_attr_t* attributes, size_t stack_bytes, void* (*main)(void*),
                            void* argument, pthread_t* handle);

  // Waits for all threads to end, at most `limit_ns`; false on timeout (they are detached then).
  bool Join(int64_t limit_ns);

  // CPU time of all threads since Start, ended ones included. Thread-safe, wait-free.
  int64_t CpuNs() const { return CpuNs(Work::kProfiling) + CpuNs(Work::kAnswers); }
  int64_t CpuNs(Work work) const;
  // All threads of podo in this process, whichever object started them.
  static int RunningInProcess() { return running_.load(std::memory_order_acquire); }
  // In the child of a fork, which has none.
  static void ForgetInForkChild() { running_.store(0, std::memory_order_relaxed); }
  bool Owns(uint32_t tid) const;
  // A thread of this object still runs, joined or not.
  bool AnyAlive() const;

 private:
  struct Thread {
    OwnThreads* owner;
    Body body;
    Work work = Work::kProfiling;
    char name[16];  // as long as the kernel keeps
    pthread_t handle;
    // Both published with release by the thread when it runs; 0 again when it ends.
    std::atomic<uint32_t> tid{0};
    std::atomic<clockid_t> clock{0};
  };
  static void* Main(void* thread);
  static void* DetachedMain(void* body);
  static base::Status Create(void* stack, size_t stack_bytes, void* (*main)(void*), void* argument,
                             pthread_t* handle);

  std::array<Thread, kMax> threads_;
  int count_ = 0;
  static inline constinit std::atomic<int> running_{0};
  std::array<std::atomic<int64_t>, 2> ended_cpu_ns_{};  // by Work
};

}  // namespace podo

#endif  // PODO_LIB_OWN_THREADS_H_
