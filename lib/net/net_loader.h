// SPDX-License-Identifier: Apache-2.0
// Finds libpodo_net.so and loads it, for those who send to a network.
//
// Boost and OpenSSL are in a module of their own, so that a service that writes files does not pay
// for them, and one that has another OpenSSL or BoringSSL never meets podo's.
#ifndef PODO_LIB_NET_NET_LOADER_H_
#define PODO_LIB_NET_NET_LOADER_H_

#include <string>
#include <vector>

#include "base/status.h"
#include "net/net_abi.h"

namespace podo::net {

// The module, loaded at the first call and never unloaded. The error is one line that says what is
// missing and what to do.
//
// Uses the loader, and with `tls` initialises OpenSSL: only for the thread that calls Start(), for
// a process that exits while another thread is in the loader fails. Thread-safe. Cost, once: some
// milliseconds (docs/dependencies.md has figures). If libpodo_net.a is linked in, nothing is
// loaded.
base::StatusOr<const podo_net_api*> LoadNetModule(bool tls);

// Where it is looked for: beside the file that holds this function, then in LookAlsoIn's place,
// then where it was to be installed. Neither environment nor working directory count.
std::vector<std::string> NetModuleDirectories();

// For a program of podo's own, which is installed elsewhere than its libraries: an absolute
// directory without symbolic links on the way. One, before LoadNetModule.
void LookAlsoIn(std::string directory);

}  // namespace podo::net

#endif  // PODO_LIB_NET_NET_LOADER_H_
