// SPDX-License-Identifier: Apache-2.0
#include "base/owned_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

namespace podo::base {
namespace {

// podo has a handful of descriptors open at a time, and one for each HTTP client (at most 48); with
// the table full a descriptor works as well but a fork child would keep it.
constexpr int kSlots = 128;
constexpr int kFree = 0, kReserved = -1;

struct Slot {
  // kFree, kReserved, or descriptor + 1, so that zeroed memory means free. The release store of a
  // descriptor pairs with the acquire load in CloseOwnedFdsInForkChild.
  std::atomic<int> state;
  dev_t device;
  ino_t inode;
};
Slot g_slots[kSlots];
// Release by AlsoCloseInForkChild, acquire in CloseOwnedFdsInForkChild: what the function reads was
// initialised before.
std::atomic<void (*)()> g_also_close;

bool IsSameFile(int fd, dev_t device, ino_t inode) {
  struct stat now;
  return fd >= 0 && fstat(fd, &now) == 0 && now.st_dev == device && now.st_ino == inode;
}

int Register(int fd, dev_t device, ino_t inode) {
  for (int i = 0; i < kSlots; ++i) {
    int expected = kFree;
    // Acquire: what the slot's last owner wrote is done with before we write over it.
    if (!g_slots[i].state.compare_exchange_strong(expected, kReserved, std::memory_order_acquire)) {
      continue;
    }
    g_slots[i].device = device;
    g_slots[i].inode = inode;
    g_slots[i].state.store(fd + 1, std::memory_order_release);
    return i;
  }
  return -1;
}

// `fd` itself, or a copy above the three standard numbers.
int AboveStandardStreams(int fd) {
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  const int higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int saved_errno = errno;
  close(fd);
  errno = saved_errno;
  return higher;
}

}  // namespace

OwnedFd::OwnedFd(int fd) : fd_(AboveStandardStreams(fd)) {
  struct stat status;
  if (fd_ < 0 || fstat(fd_, &status) != 0) return;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  slot_ = Register(fd_, device_, inode_);
}

OwnedFd::OwnedFd(OwnedFd&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      device_(other.device_),
      inode_(other.inode_),
      slot_(std::exchange(other.slot_, -1)) {}

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
  if (this == &other) return *this;
  Close();
  fd_ = std::exchange(other.fd_, -1);
  device_ = other.device_;
  inode_ = other.inode_;
  slot_ = std::exchange(other.slot_, -1);
  return *this;
}

bool OwnedFd::IsOurs() const { return IsSameFile(fd_, device_, inode_); }

int OwnedFd::Close() {
  if (fd_ < 0) return EBADF;
  const bool ours = IsOurs();
  if (slot_ >= 0) g_slots[slot_].state.store(kFree, std::memory_order_release);
  slot_ = -1;
  const int fd = std::exchange(fd_, -1);
  if (!ours) return EBADF;
  return close(fd) == 0 ? 0 : errno;
}

int OwnedFd::Release() {
  if (slot_ >= 0) g_slots[slot_].state.store(kFree, std::memory_order_release);
  slot_ = -1;
  return std::exchange(fd_, -1);
}

void AlsoCloseInForkChild(void (*close)()) { g_also_close.store(close, std::memory_order_release); }

int WriteAll(const OwnedFd& file, std::string_view bytes) {
  // In pieces, so that the check before each of them (is the descriptor still ours?) is never long
  // ago.
  constexpr size_t kPieceBytes = size_t{1} << 20;
  while (!bytes.empty()) {
    if (!file.IsOurs()) return EBADF;
    const ssize_t written = write(file.get(), bytes.data(), std::min(bytes.size(), kPieceBytes));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return ENOSPC;  // no file system does this; a loop would be worse
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

void CloseOwnedFdsInForkChild() {
  const int saved_errno = errno;
  // Taken out: linked in, the network module ends up here again.
  if (void (*const also)() = g_also_close.exchange(nullptr, std::memory_order_acquire)) also();
  for (Slot& slot : g_slots) {
    const int state = slot.state.load(std::memory_order_acquire);
    if (state > 0 && IsSameFile(state - 1, slot.device, slot.inode)) close(state - 1);
    slot.state.store(kFree, std::memory_order_relaxed);
  }
  errno = saved_errno;
}

}  // namespace podo::base
