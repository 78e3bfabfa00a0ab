// SPDX-License-Identifier: Apache-2.0
// The slots of all threads that ever opened a scope. A slot goes to another thread once its owner
// is gone; its memory stays.
#ifndef PODO_LIB_CONTEXT_THREAD_SLOTS_H_
#define PODO_LIB_CONTEXT_THREAD_SLOTS_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "model/thread_slot.h"

namespace podo::context {

// A slot for the calling thread, kept in tls_thread_slot; nullptr without memory and in fork
// children. Takes a lock. Once a thread.
model::ThreadSlot* ClaimSlot();

inline model::ThreadSlot* ThisSlot() {
  model::ThreadSlot* slot = model::tls_thread_slot;
  return __builtin_expect(slot != nullptr, 1) ? slot : ClaimSlot();
}

// Visits every slot that has an owner. Takes the lock; visit() must not come back here.
void ForEachSlot(absl::FunctionRef<void(const model::ThreadSlot&)> visit);
// Takes slots back from threads that are gone.
void ReclaimSlots();

// For a fork whose child goes on with the slots (context/fork_hold.h). False if the lock was not to
// be had.
bool LockSlotsForFork(int64_t limit_ns);
void UnlockSlotsInParent();
void UnlockSlotsInChild();

// False in a fork child, however it came about: there a lock may be held by a thread that does not
// exist (but see UnlockSlotsInChild). Also false if the page that tells could not be mapped.
bool LocksUsable();

}  // namespace podo::context

#endif  // PODO_LIB_CONTEXT_THREAD_SLOTS_H_
