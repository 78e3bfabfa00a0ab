// SPDX-License-Identifier: Apache-2.0
// Whether another module of the process publishes thread contexts (OTEP 4947), and where.
#ifndef PODO_LIB_CONTEXT_FOREIGN_CONTEXT_H_
#define PODO_LIB_CONTEXT_FOREIGN_CONTEXT_H_

#include <cstdint>
#include <string>

namespace podo::context {

struct ForeignContext {
  bool found = false;  // somebody defines otel_thread_ctx_v1: podo publishes nothing
  int64_t offset = 0;  // of the variable from the thread pointer, in every thread; 0: not in
                       // static TLS, so that a signal handler may not touch it
  std::string module;  // that defines it
};

// To be called on the thread that calls Start(), before the other is used: asks the loader who is
// first in the global scope, which a thread that may meet the process's exit must not.
void NoteGlobalScope();

// Around every fork of the host, in its thread. The loader's list of modules has a lock that libc
// does not set free in a fork child: one that forked while the look was under way could never
// dlopen. So a fork waits for the look, some 50 us and at most 50 ms.
void HoldLookForFork();
void EndHoldInParent();
void EndHoldInChild();

// Looks through the loaded modules. Waits for the loader's lock; never from a signal.
ForeignContext FindForeignContext();

}  // namespace podo::context

#endif  // PODO_LIB_CONTEXT_FOREIGN_CONTEXT_H_
