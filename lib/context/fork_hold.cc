// SPDX-License-Identifier: Apache-2.0
#include "context/fork_hold.h"

#include <cstdint>

#include "base/timed_lock.h"
#include "context/set_table.h"
#include "context/thread_slots.h"

namespace podo::context {

// The order in which recycling takes them: sets, then slots.
bool HoldTablesForFork() {
  constexpr int64_t kMostNs = 50'000'000;  // a signal handler may fork inside either lock
  if (!base::LockWithin(g_sets.mutex.native_handle(), kMostNs)) return false;
  if (LockSlotsForFork(kMostNs)) return true;
  g_sets.mutex.unlock();
  return false;
}

void ReleaseTablesInParent() {
  UnlockSlotsInParent();
  g_sets.mutex.unlock();
}

void ReleaseTablesInChild() {
  UnlockSlotsInChild();
  g_sets.mutex.unlock();
}

}  // namespace podo::context
