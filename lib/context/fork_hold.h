// SPDX-License-Identifier: Apache-2.0
// The tables of label sets and of threads, held while the process forks: what they guard is whole
// in the child, which goes on with it, with its thread's open scopes and the host's prepared
// labels.
#ifndef PODO_LIB_CONTEXT_FORK_HOLD_H_
#define PODO_LIB_CONTEXT_FORK_HOLD_H_

namespace podo::context {

// False if a lock was not to be had in a moment; they are never held for long. Then the child must
// leave the tables alone, which they see to themselves (LocksUsable).
bool HoldTablesForFork();
void ReleaseTablesInParent();
// From here on labels work in the child.
void ReleaseTablesInChild();

}  // namespace podo::context

#endif  // PODO_LIB_CONTEXT_FORK_HOLD_H_
