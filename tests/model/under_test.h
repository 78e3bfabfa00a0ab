// SPDX-License-Identifier: Apache-2.0
// What the instrumented code calls: its accesses to memory, on their way into the model.
#ifndef PODO_TESTS_MODEL_UNDER_TEST_H_
#define PODO_TESTS_MODEL_UNDER_TEST_H_

#include <cstddef>
#include <cstdint>

#include "memory.h"

namespace podo::modelcheck {

// Returns what was read; `stored` says whether a compare-exchange went through.
uint64_t AtomicAccess(const Access& access, bool* stored = nullptr);
// The same, at once and outside of the model.
uint64_t DirectAccess(const Access& access, bool* stored);
void PlainAccess(uintptr_t address, size_t bytes, bool is_write);

}  // namespace podo::modelcheck

#endif  // PODO_TESTS_MODEL_UNDER_TEST_H_
