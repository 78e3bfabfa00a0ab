// SPDX-License-Identifier: Apache-2.0
// The spool: undelivered payloads as files, in a directory that any number of processes and sinks
// share. docs/delivery.md says what it promises and what remains.
//
// A payload is written under a temporary name and renamed, so that a reader sees all of it or none.
// A file is claimed by a lock before it is sent or removed, so no two processes send one at once,
// and a claim ends with its process. Files are added only under the directory's lock, so that the
// bound holds for all writers together; where that lock cannot be had, files are added without.
#ifndef PODO_LIB_EXPORT_SPOOL_H_
#define PODO_LIB_EXPORT_SPOOL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "base/shared_directory.h"
#include "export/payload_store.h"
#include "export/spool_file.h"
#include "export/spool_listing.h"

namespace podo::exporting {

class Spool final : public PayloadStore {
 public:
  // Damaged files kept for a look, of all processes together.
  static constexpr size_t kMaxSetAside = 4;

  // Touches nothing yet. `max_bytes` bounds podo's files in the directory, those of all sinks and
  // processes together, in blocks of 4 KiB; payloads with another `key` are dropped to make room
  // but never taken.
  Spool(std::string directory, uint64_t max_bytes, const SpoolKey& key,
        int64_t lock_wait_ns = base::SharedDirectory::kLockWaitNs);
  ~Spool() override { claim_.Unlock(); }

  // Blocks on the disk, at most some 100 ms on other processes. Errors: kUnavailable if a later try
  // may succeed (disk full, directory gone, descriptors spent), else one that stays. What is stored
  // is dropped only when the disk has taken the new file's name.
  base::Status Put(const Payload& payload) override;
  std::optional<Payload> Take(End end) override;
  // What was delivered but cannot be removed (the disk has become read-only) stays claimed, and
  // nothing is taken until it can: it would be sent again and again.
  void Release(bool done) override;

  // Of this sink's key, as of the last Put or Take.
  uint64_t count() const override { return listing_.CountOf(key_prefix_); }
  uint64_t bytes() const override { return listing_.BytesOf(key_prefix_); }
  uint64_t dropped() const override { return dropped_; }
  // Files renamed because they were damaged (counted in dropped() too) or none of podo's.
  uint64_t set_aside() const { return set_aside_; }
  // How often the whole directory was read.
  uint64_t listings() const { return listings_; }

 private:
  base::Status Refresh();
  uint64_t BytesOf(const SpoolName& name) const;
  void RemoveDeadTemporaries();
  void LimitSetAside(size_t at_most);
  bool MakeRoom(uint64_t needed);
  bool RemoveUnclaimed(const SpoolName& name, bool* was_ours);
  base::Status Write(const SpoolName& name, const std::string& bytes, base::FileClaim* claim);
  base::Status Store(const SpoolName& name, const std::string& bytes);
  std::optional<Payload> Read(const base::FileClaim& claim, base::Status* fault) const;
  void SetAside(size_t index, base::FileClaim* claim, bool is_podos);
  bool RemoveDelivered();

  base::SharedDirectory directory_;
  const uint64_t max_bytes_;
  const SpoolKey key_;
  const uint64_t key_prefix_;
  const uint32_t instance_;
  uint32_t next_seq_ = 0;

  uint64_t generation_ = 0;  // of the directory that was listed
  int64_t listed_ns_ = 0;    // steady clock
  SpoolListing listing_;

  base::FileClaim claim_;  // what Take gave
  SpoolName claimed_;
  bool is_claimed_ = false;
  bool is_delivered_ = false;  // and has to be removed

  uint64_t dropped_ = 0;
  uint64_t set_aside_ = 0;
  uint64_t listings_ = 0;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_SPOOL_H_
