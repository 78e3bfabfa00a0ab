// SPDX-License-Identifier: Apache-2.0
#include "net/io_descriptors.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/detail/epoll_reactor.hpp>
#include <boost/system/system_error.hpp>

namespace podo::net {
namespace {

using boost::asio::detail::epoll_reactor;
using boost::asio::detail::eventfd_select_interrupter;

// Asio shows none of this. An explicit instantiation may name private members ([temp.spec]/6), so
// that a Boost that calls them otherwise is an error of the compiler and none at run time.
template <typename Tag, auto kMember>
struct Reveal {
  friend constexpr auto MemberOf(Tag) { return kMember; }
};
// clang-format off
struct EpollFd { friend constexpr auto MemberOf(EpollFd); };
struct TimerFd { friend constexpr auto MemberOf(TimerFd); };
struct Interrupter { friend constexpr auto MemberOf(Interrupter); };
struct ReadFd { friend constexpr auto MemberOf(ReadFd); };
struct WriteFd { friend constexpr auto MemberOf(WriteFd); };
// clang-format on
template struct Reveal<EpollFd, &epoll_reactor::epoll_fd_>;
template struct Reveal<TimerFd, &epoll_reactor::timer_fd_>;
template struct Reveal<Interrupter, &epoll_reactor::interrupter_>;
template struct Reveal<ReadFd, &eventfd_select_interrupter::read_descriptor_>;
template struct Reveal<WriteFd, &eventfd_select_interrupter::write_descriptor_>;

struct Watched {
  int fd;
  epoll_event entry;  // as it was registered
};
// What a fork child needs to know of one io_context.
struct Slot {
  // 0: free, -1: being filled, 1: filled. The release store of 1 pairs with the acquire load in
  // CloseIoDescriptorsInForkChild.
  std::atomic<int> state;
  int epoll;
  Watched marker, event, timer;
  dev_t marker_device;
  ino_t marker_inode;
};
constexpr int kSlots = 64;  // far above the eight sinks a service can have
Slot g_slots[kSlots];

epoll_reactor& ReactorOf(boost::asio::io_context* io) {
  return boost::asio::use_service<epoll_reactor>(*io);
}

bool Knows(int epoll, const Watched& watched) {
  epoll_event entry = watched.entry;
  return watched.fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_MOD, watched.fd, &entry) == 0;
}

struct Verdict {
  bool epoll, event, timer;
};

// Without the marker nothing may be asked of the epoll: it may be the host's, and have entries of
// the same numbers.
Verdict OursOf(const Slot& slot) {
  const int saved_errno = errno;
  struct stat marker;
  Verdict ours = {};
  ours.epoll = fstat(slot.marker.fd, &marker) == 0 && marker.st_dev == slot.marker_device &&
               marker.st_ino == slot.marker_inode && Knows(slot.epoll, slot.marker);
  ours.event = ours.epoll && Knows(slot.epoll, slot.event);
  ours.timer = ours.epoll && Knows(slot.epoll, slot.timer);
  errno = saved_errno;
  return ours;
}

int TakeSlot() {
  for (int i = 0; i < kSlots; ++i) {
    int expected = 0;
    // Acquire: what the slot's last owner wrote is done with before it is written over.
    if (g_slots[i].state.compare_exchange_strong(expected, -1, std::memory_order_acquire)) return i;
  }
  return -1;
}

[[noreturn]] void Throw(int error) {
  throw boost::system::system_error(error, boost::system::system_category());
}

}  // namespace

IoDescriptors::IoDescriptors(boost::asio::io_context* io)
    : io_(io), marker_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  if (marker_.get() < 0) Throw(errno);
  epoll_reactor& reactor = ReactorOf(io);  // opens them
  auto& interrupter = reactor.*MemberOf(Interrupter{});
  const int epoll = reactor.*MemberOf(EpollFd{});
  // No events: an unconnected datagram socket has no errors either. Should one come, Asio would
  // take it for a wake-up.
  epoll_event quiet = {0, {&interrupter}};
  struct stat status;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, marker_.get(), &quiet) != 0) Throw(errno);
  if (fstat(marker_.get(), &status) != 0) Throw(errno);
  slot_ = TakeSlot();
  if (slot_ < 0) Throw(EMFILE);
  Slot& slot = g_slots[slot_];
  slot.epoll = epoll;
  slot.marker = {marker_.get(), quiet};
  slot.marker_device = status.st_dev;
  slot.marker_inode = status.st_ino;
  slot.event = {interrupter.read_descriptor(), {EPOLLIN | EPOLLERR | EPOLLET, {&interrupter}}};
  int& timer = reactor.*MemberOf(TimerFd{});
  slot.timer = {timer, {EPOLLIN | EPOLLERR, {&timer}}};
  slot.state.store(1, std::memory_order_release);
}

IoDescriptors::~IoDescriptors() {
  LetGoOfLost();
  g_slots[slot_].state.store(0, std::memory_order_release);
}

void IoDescriptors::LetGoOfLost() {
  epoll_reactor& reactor = ReactorOf(io_);
  auto& interrupter = reactor.*MemberOf(Interrupter{});
  const Verdict ours = OursOf(g_slots[slot_]);
  if (!ours.epoll) reactor.*MemberOf(EpollFd{}) = -1;
  if (!ours.timer) reactor.*MemberOf(TimerFd{}) = -1;
  if (!ours.event) interrupter.*MemberOf(ReadFd{}) = interrupter.*MemberOf(WriteFd{}) = -1;
}

bool IoDescriptors::AreOurs() const {
  const Verdict ours = OursOf(g_slots[slot_]);
  return ours.event && ours.timer;
}

void CloseIoDescriptorsInForkChild() {
  const int saved_errno = errno;
  for (Slot& slot : g_slots) {
    if (slot.state.load(std::memory_order_acquire) != 1) continue;
    const Verdict ours = OursOf(slot);
    if (ours.event) close(slot.event.fd);
    if (ours.timer) close(slot.timer.fd);
    if (ours.epoll) close(slot.epoll);
    slot.state.store(0, std::memory_order_relaxed);
  }
  errno = saved_errno;
}

}  // namespace podo::net
