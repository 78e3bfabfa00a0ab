// SPDX-License-Identifier: Apache-2.0
// What becomes of podo when the process forks (PODO_FORK).
//
// off: a child is unprofiled, silent, and without podo's descriptors.
// child: it begins a run of its own, as a new instance. Not at once: most children exec or end
// soon, and a daemon forks twice. So all that the fork itself costs them is one sleeping thread.
//
// Only fork() gets this far: vfork, posix_spawn, _Fork and raw clones run no fork handlers; their
// children are left alone in either mode.
#ifndef PODO_LIB_FORK_CHILDREN_H_
#define PODO_LIB_FORK_CHILDREN_H_

#include <cstdint>

namespace podo {

// How long a child must live to be profiled.
inline constexpr int64_t kChildDelayNs = 50'000'000;

// Once a process.
void RegisterForkHandlers();

// In the child of a fork that podo does not profile, also of _Fork or a raw fork, which run no fork
// handlers. Wait-free.
bool IsForkChild();

}  // namespace podo

#endif  // PODO_LIB_FORK_CHILDREN_H_
