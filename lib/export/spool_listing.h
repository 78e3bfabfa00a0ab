// SPDX-License-Identifier: Apache-2.0
// What lies in a spool directory, kept sorted and summed up beside it. Pure.
#ifndef PODO_LIB_EXPORT_SPOOL_LISTING_H_
#define PODO_LIB_EXPORT_SPOOL_LISTING_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "export/spool_name.h"

namespace podo::exporting {

struct SpoolEntry {
  SpoolName name;
  uint64_t bytes = 0;      // on disk, see SpoolBytesOnDisk
  bool is_usable = true;   // false: not for us, for instance of a later version; left alone
  bool is_listed = false;  // seen in the listing under way
};

// Files take whole blocks. That also bounds how many there can be.
inline uint64_t SpoolBytesOnDisk(uint64_t size) {
  constexpr uint64_t kBlock = 4096;
  return (size + kBlock - 1) / kBlock * kBlock;
}

class SpoolListing {
 public:
  // More are seen when these are gone. 13 MiB of memory, 1 GiB of the smallest files.
  static constexpr size_t kMaxEntries = 1 << 18;

  // A new listing: Begin, See each name, Finish. `bytes_of` is asked for names not known before,
  // and for files still being written; 0 means no file of ours.
  void Begin();
  void See(const SpoolName& name, const std::function<uint64_t(const SpoolName&)>& bytes_of);
  void Finish();

  void Add(const SpoolEntry& entry);
  void Remove(const SpoolName& name);
  void Clear();
  // Removes all that `is_gone` holds for; asked oldest first.
  void RemoveIf(const std::function<bool(const SpoolEntry&)>& is_gone);

  // Oldest first.
  const std::vector<SpoolEntry>& entries() const { return entries_; }
  void SetUnusable(size_t index) { entries_[index].is_usable = false; }

  uint64_t total_bytes() const { return total_bytes_; }
  // Payloads of one key.
  uint64_t CountOf(uint64_t key) const;
  uint64_t BytesOf(uint64_t key) const;

 private:
  std::vector<SpoolEntry>::iterator Find(const SpoolName& name, size_t known);

  std::vector<SpoolEntry> entries_;
  size_t known_ = 0;  // of a listing under way: so many are of the one before, sorted
  uint64_t total_bytes_ = 0;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_SPOOL_LISTING_H_
