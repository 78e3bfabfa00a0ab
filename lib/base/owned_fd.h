// SPDX-License-Identifier: Apache-2.0
// A file descriptor of podo's inside a process that belongs to somebody else.
//
// A host may close descriptors it never opened (a daemon closes all of them) and the kernel hands
// the number out again. So podo remembers which file it opened and touches the number only while it
// still is that file; and every open one is in a table, so that a fork child can close what it
// inherited.
#ifndef PODO_LIB_BASE_OWNED_FD_H_
#define PODO_LIB_BASE_OWNED_FD_H_

#include <sys/stat.h>

#include <string_view>

namespace podo::base {

// Movable, not thread-safe. Cost beside open and close: one fstat each.
class OwnedFd {
 public:
  OwnedFd() = default;
  // Takes over `fd`, which should be O_CLOEXEC; a negative one gives an empty object. Numbers 0 to
  // 2 are exchanged for higher ones: a host without stdout would print into our file.
  explicit OwnedFd(int fd);
  OwnedFd(OwnedFd&& other) noexcept;
  OwnedFd& operator=(OwnedFd&& other) noexcept;
  ~OwnedFd() { Close(); }

  int get() const { return fd_; }
  // True if the number still means the file that was taken over.
  bool IsOurs() const;
  // Closes it if it is still ours. 0, or the errno: EBADF if the host closed it, else what close(2)
  // said (a delayed ENOSPC or EDQUOT). Empty afterwards.
  int Close();
  // The number, for another owner.
  int Release();

 private:
  int fd_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  int slot_ = -1;
};

// The errno of writing all of `bytes`, 0 on success; EBADF once the number is another's.
int WriteAll(const OwnedFd& file, std::string_view bytes);

// Closes all descriptors held by OwnedFd objects, each only if it is still podo's. For the child of
// fork, before any other podo code runs there; the objects themselves must not be used again.
// Async-signal-safe. A descriptor that another thread was just opening at the moment of the fork is
// not in the table yet and stays open (O_CLOEXEC) in the child.
void CloseOwnedFdsInForkChild();

// `close` is called by CloseOwnedFdsInForkChild as well: by it a shared object that has a table of
// its own (libpodo_net.so) closes what it holds. Async-signal-safe. One only.
void AlsoCloseInForkChild(void (*close)());

}  // namespace podo::base

#endif  // PODO_LIB_BASE_OWNED_FD_H_
