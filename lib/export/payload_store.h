// SPDX-License-Identifier: Apache-2.0
// Where undelivered payloads wait, oldest first: the spool on disk, or a plain list in tests.
#ifndef PODO_LIB_EXPORT_PAYLOAD_STORE_H_
#define PODO_LIB_EXPORT_PAYLOAD_STORE_H_

#include <cstdint>
#include <optional>

#include "base/status.h"
#include "export/payload.h"

namespace podo::exporting {

// Used by one thread at a time.
class PayloadStore {
 public:
  virtual ~PayloadStore() = default;

  // Keeps a copy. To make room, the oldest ones are dropped, and counted in dropped(). An error if
  // it cannot be kept; equal causes have equal messages.
  virtual base::Status Put(const Payload& payload) = 0;

  // The oldest or newest payload that nobody else is sending; it stays stored, and claimed, until
  // Release. One at a time. None if there is none.
  enum class End { kOldest, kNewest };
  virtual std::optional<Payload> Take(End end) = 0;
  std::optional<Payload> TakeOldest() { return Take(End::kOldest); }
  // `done`: delivered or given up, so it is removed. Else it waits for the next Take.
  virtual void Release(bool done) = 0;

  // What is stored now, other processes' included; may be a moment old.
  virtual uint64_t count() const = 0;
  virtual uint64_t bytes() const = 0;
  // Payloads dropped by this object to make room, or because their files were damaged; monotonic.
  virtual uint64_t dropped() const = 0;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_PAYLOAD_STORE_H_
