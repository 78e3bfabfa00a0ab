// SPDX-License-Identifier: Apache-2.0
#include "export/spool_listing.h"

#include <algorithm>

namespace podo::exporting {
namespace {

bool IsOlder(const SpoolEntry& entry, const SpoolName& name) { return entry.name < name; }

}  // namespace

std::vector<SpoolEntry>::iterator SpoolListing::Find(const SpoolName& name, size_t known) {
  const auto end = entries_.begin() + static_cast<ptrdiff_t>(known);
  const auto found = std::lower_bound(entries_.begin(), end, name, IsOlder);
  return found != end && found->name == name ? found : entries_.end();
}

void SpoolListing::Begin() {
  known_ = entries_.size();
  for (SpoolEntry& entry : entries_) entry.is_listed = false;
}

void SpoolListing::See(const SpoolName& name,
                       const std::function<uint64_t(const SpoolName&)>& bytes_of) {
  const auto found = Find(name, known_);
  if (found != entries_.end() && name.kind != SpoolKind::kTemporary) {
    found->is_listed = true;
    return;
  }
  const uint64_t bytes = bytes_of(name);
  if (bytes == 0 || entries_.size() >= kMaxEntries) return;
  entries_.push_back({.name = name, .bytes = bytes, .is_listed = true});
}

void SpoolListing::Finish() {
  std::erase_if(entries_, [](const SpoolEntry& entry) { return !entry.is_listed; });
  std::sort(entries_.begin(), entries_.end(),
            [](const SpoolEntry& a, const SpoolEntry& b) { return a.name < b.name; });
  total_bytes_ = 0;
  for (const SpoolEntry& entry : entries_) total_bytes_ += entry.bytes;
}

void SpoolListing::Add(const SpoolEntry& entry) {
  const auto place = std::lower_bound(entries_.begin(), entries_.end(), entry.name, IsOlder);
  total_bytes_ += entry.bytes;
  entries_.insert(place, entry);
}

void SpoolListing::Remove(const SpoolName& name) {
  const auto found = Find(name, entries_.size());
  if (found == entries_.end()) return;
  total_bytes_ -= found->bytes;
  entries_.erase(found);
}

void SpoolListing::Clear() {
  entries_.clear();
  total_bytes_ = 0;
}

void SpoolListing::RemoveIf(const std::function<bool(const SpoolEntry&)>& is_gone) {
  std::erase_if(entries_, [&](const SpoolEntry& entry) {
    if (!is_gone(entry)) return false;
    total_bytes_ -= entry.bytes;
    return true;
  });
}

uint64_t SpoolListing::CountOf(uint64_t key) const {
  return static_cast<uint64_t>(
      std::count_if(entries_.begin(), entries_.end(), [key](const SpoolEntry& entry) {
        return entry.name.key == key && entry.name.kind == SpoolKind::kPayload;
      }));
}

uint64_t SpoolListing::BytesOf(uint64_t key) const {
  uint64_t bytes = 0;
  for (const SpoolEntry& entry : entries_) {
    const bool counts = entry.name.key == key && entry.name.kind == SpoolKind::kPayload;
    if (counts) bytes += entry.bytes;
  }
  return bytes;
}

}  // namespace podo::exporting
