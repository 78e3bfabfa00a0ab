// SPDX-License-Identifier: Apache-2.0
// A socket that listens on one address, opened so that nobody else gets in.
#ifndef PODO_LIB_SERVE_LISTENING_SOCKET_H_
#define PODO_LIB_SERVE_LISTENING_SOCKET_H_

#include "base/owned_fd.h"
#include "base/status.h"
#include "serve/listen_address.h"

namespace podo::serve {

// `address` gets the port that the kernel chose where it is 0.
//
// The file of a unix socket is made in a directory of its own, mode 0700, beside the wanted path,
// gets mode 0600 there and is then renamed: at no moment can another user connect, and the process'
// umask, which is everybody's, stays. A file that is there already is replaced if it is a socket of
// this user on which nobody listens. AlreadyExists if the address is taken.
base::StatusOr<base::OwnedFd> OpenListeningSocket(ListenAddress* address);

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_LISTENING_SOCKET_H_
