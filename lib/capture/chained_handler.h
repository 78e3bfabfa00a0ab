// SPDX-License-Identifier: Apache-2.0
// podo's handler in front of one the program had before (PODO_SIGNAL_CONFLICT=chain).
//
// podo's own ticks are known by what its POSIX timers send along; every other signal goes on to the
// program's handler as it came, on the stack and with the signals blocked that it asked for.
// ITIMER_PROF, whose signals carry nothing, is the program's then.
#ifndef PODO_LIB_CAPTURE_CHAINED_HANDLER_H_
#define PODO_LIB_CAPTURE_CHAINED_HANDLER_H_

#include <signal.h>

#include <atomic>
#include <cstdint>

namespace podo::capture {

// As the kernel calls it; a handler of one argument takes no notice of the others.
using HostHandler = void (*)(int signal, siginfo_t* cause, void* context);

// Set with release before podo_chain_entry is installed, then for good: a handler may be on its way
// through it.
extern std::atomic<HostHandler> g_host_handler;
// The signals it wants blocked while it runs. Set before it.
extern std::atomic<uint64_t> g_host_mask;

// For sigaction, with kHandlerMagic in front of it like podo_sigprof_entry.
extern "C" void podo_chain_entry(int signal, siginfo_t* cause, void* context);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_CHAINED_HANDLER_H_
