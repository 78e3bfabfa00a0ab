// SPDX-License-Identifier: Apache-2.0
#include "capture/perf_events.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace podo::capture {
namespace {

// A handle is the descriptor and, above it, the low bits of the event's own number, by which it is
// known again: a host may have closed the descriptor and opened another file.
int DescriptorOf(TimerHandle handle) { return static_cast<int>(handle & 0x7FFFFFFF); }

bool IdOf(int fd, uint32_t* id) {
  uint64_t whole = 0;
  if (ioctl(fd, PERF_EVENT_IOC_ID, &whole) != 0) return false;
  *id = static_cast<uint32_t>(whole & 0x7FFFFFFF);
  return true;
}

bool IsOurs(TimerHandle handle) {
  uint32_t id = 0;
  return IdOf(DescriptorOf(handle), &id) && id == static_cast<uint32_t>(handle >> 32);
}

// The host's descriptors keep the low numbers (select() takes none above 1023): podo's begin at
// half of what is allowed, and are at most a quarter of it.
struct Numbers {
  int first;
  int end;
};
Numbers NumbersOfEvents() {
  constexpr rlim_t kMost = 8192;  // the kernel's table of descriptors grows to the highest number
  rlimit limit = {};
  const bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  const rlim_t half = std::min(known ? limit.rlim_cur / 2 : kMost, kMost);
  const rlim_t quarter = known ? limit.rlim_cur / 4 : kMost;
  return {static_cast<int>(std::max<rlim_t>(half, STDERR_FILENO + 1)),
          static_cast<int>(half + std::min<rlim_t>(quarter, 1 << 20))};
}

int MoveUp(int fd) {
  if (fd < 0) return fd;
  const int moved = fcntl(fd, F_DUPFD_CLOEXEC, NumbersOfEvents().first);
  const int error = errno;
  close(fd);
  errno = error == EINVAL ? EMFILE : error;
  return moved;
}

int OpenEvent(uint32_t tid, bool kernel_time) {
  perf_event_attr attributes = {};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;  // ns of CPU time of the thread
  attributes.sample_period = 1'000'000'000;      // set anew before it is enabled
  attributes.wakeup_events = 1;
  attributes.disabled = 1;
  attributes.exclude_kernel = kernel_time ? 0 : 1;
  attributes.exclude_hv = 1;
  return MoveUp(static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC)));
}

bool SendsSignal(int fd, uint32_t tid) {
  const f_owner_ex owner = {F_OWNER_TID, static_cast<pid_t>(tid)};
  return fcntl(fd, F_SETOWN_EX, &owner) == 0 && fcntl(fd, F_SETSIG, SIGPROF) == 0 &&
         fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) == 0;
}

TimerHandle Create(uint32_t tid, bool kernel_time) {
  const int fd = OpenEvent(tid, kernel_time);
  if (fd < 0) {
    // Also if the program has given up its rights since Start(): no other thread will have an
    // event.
    if (errno != ESRCH) errno = EAGAIN;
    return kNoTimer;
  }
  uint32_t id = 0;
  const bool many = fd >= NumbersOfEvents().end;
  if (!many && SendsSignal(fd, tid) && IdOf(fd, &id)) return TimerHandle{id} << 32 | fd;
  close(fd);
  errno = many ? EAGAIN : ESRCH;
  return kNoTimer;
}

TimerHandle CreateWithKernel(uint32_t tid, const void*) { return Create(tid, true); }
TimerHandle CreateWithoutKernel(uint32_t tid, const void*) { return Create(tid, false); }

// An event has no first period of its own: a thread's first tick comes after a whole one.
bool Set(TimerHandle handle, uint64_t period_ns, uint64_t /*first_ns*/) {
  const int fd = DescriptorOf(handle);
  return IsOurs(handle) && ioctl(fd, PERF_EVENT_IOC_PERIOD, &period_ns) == 0 &&
         ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) == 0;
}

// An event does not say that its thread has ended. One whose number is in use again counts as alive
// until that thread gets an event of its own.
bool IsAlive(TimerHandle handle, uint32_t tid) {
  return IsOurs(handle) && syscall(SYS_tgkill, getpid(), tid, 0) == 0;
}

// Disabled first: a fork child may hold the descriptor still.
void Destroy(TimerHandle handle) {
  if (!IsOurs(handle)) return;
  ioctl(DescriptorOf(handle), PERF_EVENT_IOC_DISABLE, 0);
  close(DescriptorOf(handle));
}

void DestroyInForkChild(TimerHandle handle) {
  if (IsOurs(handle)) close(DescriptorOf(handle));
}

constexpr TimerCalls kWithKernel = {CreateWithKernel, Set, IsAlive, Destroy, DestroyInForkChild};
constexpr TimerCalls kWithoutKernel = {CreateWithoutKernel, Set, IsAlive, Destroy,
                                       DestroyInForkChild};

}  // namespace

PerfAccess TryPerfEvents() {
  PerfAccess access;
  const auto tid = static_cast<uint32_t>(gettid());
  for (const bool kernel_time : {true, false}) {
    const int fd = OpenEvent(tid, kernel_time);
    if (fd >= 0) {
      close(fd);
      access.any = true;
      access.kernel_time = kernel_time;
      return access;
    }
    access.why_not = absl::StrCat("perf_event_open: ", std::strerror(errno));
  }
  return access;
}

const TimerCalls& PerfTimerCalls(bool kernel_time) {
  return kernel_time ? kWithKernel : kWithoutKernel;
}

}  // namespace podo::capture
