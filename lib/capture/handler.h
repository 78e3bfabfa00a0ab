// SPDX-License-Identifier: Apache-2.0
// The SIGPROF handler: the only code of podo that runs inside a signal.
//
// handler.cc is one object of its own, built without sanitizers, exceptions, stack protector or
// builtins. It calls nothing outside itself (held by a test that reads its undefined symbols), uses
// at most 1 KiB of stack (added up by a test), makes no system call on the normal path, and leaves
// errno alone.
#ifndef PODO_LIB_CAPTURE_HANDLER_H_
#define PODO_LIB_CAPTURE_HANDLER_H_

#include <signal.h>

#include "capture/state.h"

namespace podo::capture {

// 16 bytes right before the handler's entry: how a second copy of podo in the process knows that
// the SIGPROF handler it finds is podo's too.
inline constexpr char kHandlerMagic[17] = "podo-sigprof-v01";

// For sigaction; async-signal-safe. Does nothing while g_state is null or disarmed.
extern "C" void podo_sigprof_entry(int signal, siginfo_t* cause, void* context);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_HANDLER_H_
