// SPDX-License-Identifier: Apache-2.0
#include "host_descriptors.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdint>

namespace {

constexpr uint64_t kMark = 0x1234567;
int g_event = -1, g_epoll = -1, g_timer = -1, g_sockets[4] = {-1, -1, -1, -1};

// Ready when it is written to, and says `kMark` then.
bool Watch(int fd) {
  epoll_event entry = {};
  entry.events = EPOLLIN;
  entry.data.u64 = kMark;
  return epoll_ctl(g_epoll, EPOLL_CTL_ADD, fd, &entry) == 0;
}

}  // namespace

bool HostClosesAllAndOpensItsOwn() {
  close_range(STDERR_FILENO + 1, ~0u, 0);
  g_sockets[0] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  g_event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  g_epoll = epoll_create1(EPOLL_CLOEXEC);
  g_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  bool all = g_event >= 0 && g_epoll >= 0 && g_timer >= 0 && Watch(g_event) && Watch(g_timer);
  for (int& fd : g_sockets) {
    if (&fd != g_sockets) fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    all = all && fd >= 0 && Watch(fd);
  }
  return all;
}

std::string HostDescriptorsNow() {
  uint64_t count = 0;
  if (read(g_event, &count, sizeof count) > 0) return "somebody wrote to the eventfd";
  itimerspec timer = {};
  if (timerfd_gettime(g_timer, &timer) != 0) return "the timerfd is gone";
  if (timer.it_value.tv_sec != 0 || timer.it_value.tv_nsec != 0) return "the timer was armed";
  count = 1;
  if (write(g_event, &count, sizeof count) < 0) return "the eventfd is gone";
  epoll_event ready[8];
  const int found = epoll_wait(g_epoll, ready, 8, 0);
  if (found != 1) return "the epoll is gone or reports " + std::to_string(found) + " of one";
  if (ready[0].data.u64 != kMark) return "an entry of the epoll was changed";
  for (const int fd : g_sockets) {
    epoll_event entry = {};
    if (epoll_ctl(g_epoll, EPOLL_CTL_MOD, fd, &entry) != 0) return "a socket is gone";
  }
  return "untouched";
}
