// SPDX-License-Identifier: Apache-2.0
// The descriptors that Asio opens for itself, and how to tell that they are still ours.
//
// An io_context holds an epoll, an eventfd and a timerfd, and trusts their numbers. In a host that
// closes descriptors it never opened, a number may come to mean something of the host's; and a fork
// child would keep all three. All such files share one inode, so base::OwnedFd cannot tell one from
// another, and a host that opens the same three after such a close gets the very same numbers.
//
// So the epoll also watches a marker: a socket, whose inode is its own. An epoll that takes a
// change of the entry for a socket that is certainly ours is ours; and one that is ours takes a
// change of the entries for its eventfd and timerfd only if their numbers mean the files that Asio
// opened. The changes say what the entries say already; a waiting Asio wakes once, for nothing.
#ifndef PODO_LIB_NET_IO_DESCRIPTORS_H_
#define PODO_LIB_NET_IO_DESCRIPTORS_H_

#include <boost/asio/io_context.hpp>

#include "base/owned_fd.h"

namespace podo::net {

// Beside one io_context, which must outlive it; used by the thread that runs it. The io_context is
// used by that thread alone, but for asio::post.
class IoDescriptors {
 public:
  // Registers what `io` has open for a fork child to close. Throws boost::system::system_error if
  // there are none to be had (EMFILE, or the table of 64 is full).
  explicit IoDescriptors(boost::asio::io_context* io);
  IoDescriptors(const IoDescriptors&) = delete;
  IoDescriptors& operator=(const IoDescriptors&) = delete;
  // LetGoOfLost, for Asio's destructor would close whatever the numbers mean.
  ~IoDescriptors();

  // False once the host has closed one: the io_context must not run any more. One more of the
  // host's closes in the middle of a run goes unnoticed till its end.
  bool AreOurs() const;
  // Takes from the io_context what is no longer ours. Before anything that belongs to it is
  // destroyed, too: a socket takes itself off the epoll's list, and that may be the host's by now.
  void LetGoOfLost();

 private:
  boost::asio::io_context* const io_;
  base::OwnedFd marker_;
  int slot_ = -1;
};

// Closes what all IoDescriptors of the process hold and is certain to be ours. What is not, because
// the host has closed a part of it, stays open in the child: that does no harm, where closing one
// of the host's would. To be called before base::CloseOwnedFdsInForkChild, which closes the
// markers. Async-signal-safe.
void CloseIoDescriptorsInForkChild();

}  // namespace podo::net

#endif  // PODO_LIB_NET_IO_DESCRIPTORS_H_
