// SPDX-License-Identifier: Apache-2.0
// Reads this process' own memory with the kernel checking every page: memory that another thread
// unmaps meanwhile ends the read instead of the process.
#ifndef PODO_LIB_BASE_PROCESS_MEMORY_H_
#define PODO_LIB_BASE_PROCESS_MEMORY_H_

#include <cstddef>
#include <cstdint>

namespace podo::base {

// Copies up to `bytes` from `address` to `to`; returns how many could be read (a prefix, possibly
// 0). By process_vm_readv, or /proc/self/mem where a sandbox refuses that. Thread-safe; keeps
// errno; a system call or three. Not for the signal handler.
size_t ReadProcessMemory(uint64_t address, void* to, size_t bytes);

}  // namespace podo::base

#endif  // PODO_LIB_BASE_PROCESS_MEMORY_H_
