// SPDX-License-Identifier: Apache-2.0
// lib/capture/handler.cc, unchanged but for what a coroutine cannot have: thread-locals are plain
// variables that the explorer changes with the thread, and the thread pointer is the explorer's.
// The handler's own cost is nothing. Prefetches are left out, with the loads that compute their
// addresses: they are hints.
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#define __thread
#include "base/status.h"
#include "code.h"
#define PODO_LIB_BASE_CYCLE_COUNTER_H_  // what differs from run to run is not explored
namespace podo::base {
inline uint64_t CycleCount() { return 0; }
}  // namespace podo::base

extern "C" const podo::modelcheck::HandlerCode podo_model_handler;

#define __builtin_thread_pointer() podo::modelcheck::ThreadPointer()
#define __builtin_prefetch(...) static_cast<void>(0)
#define podo_sigprof_entry podo_model_sigprof_entry  // the entry in front of it is assembler's
#include PODO_HANDLER

extern "C" __attribute__((visibility("default")))
const podo::modelcheck::HandlerCode podo_model_handler = {
    &podo::capture::podo_sigprof_handler,
    &podo::capture::g_state,
    reinterpret_cast<void**>(&podo::capture::tls_ring),
};
