// SPDX-License-Identifier: Apache-2.0
// The handler's view of the mapped code: an immutable, sorted array of modules with their rows.
#ifndef PODO_LIB_CAPTURE_SNAPSHOT_H_
#define PODO_LIB_CAPTURE_SNAPSHOT_H_

#include <cstdint>

#include "capture/unwind_rows.h"

namespace podo::capture {

// Built outside the handler, published with one release store, never changed afterwards, freed only
// when no handler can still hold it (SnapshotStore). All arrays are podo's own copies, so a module
// that is unmapped meanwhile cannot make a walk fault.
struct Snapshot {
  uint32_t generation = 0;  // 0: no tables yet, every stack is residue
  uint32_t module_count = 0;
  const ModuleRows* modules = nullptr;  // sorted by start, not overlapping
  uint32_t id = 0;  // no other of this process has it, also after Stop() and Start(); 0: no tables
};

// The module whose code covers `pc`, or nullptr. Logarithmic; no calls.
inline const ModuleRows* FindModule(const Snapshot& snapshot, uint64_t pc) noexcept {
  uint32_t low = 0;
  uint32_t high = snapshot.module_count;
  while (low < high) {  // bounded: at most 32 steps
    const uint32_t middle = low + (high - low) / 2;
    if (snapshot.modules[middle].end <= pc) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == snapshot.module_count || pc < snapshot.modules[low].start) return nullptr;
  return &snapshot.modules[low];
}

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_SNAPSHOT_H_
