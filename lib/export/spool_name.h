// SPDX-License-Identifier: Apache-2.0
// Names of files in a spool: podo-KEY-START-INSTANCE-SEQ.spool, fixed in width, oldest first when
// sorted within a key.
#ifndef PODO_LIB_EXPORT_SPOOL_NAME_H_
#define PODO_LIB_EXPORT_SPOOL_NAME_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace podo::exporting {

enum class SpoolKind : uint8_t {
  kPayload,    // NAME.spool
  kTemporary,  // NAME.spool.tmp: being written, or left by a process that died writing
  kSetAside,   // NAME.spool.bad: damaged
};

// Ordered by age over all keys.
struct SpoolName {
  uint64_t start_ns = 0;  // of the payload, Unix epoch
  uint64_t key = 0;       // first 8 bytes of the SpoolKey
  uint32_t instance = 0;  // random, of the object that wrote it
  uint32_t seq = 0;       // its files counted, below kSpoolSeqEnd
  SpoolKind kind = SpoolKind::kPayload;

  auto operator<=>(const SpoolName&) const = default;
};

inline constexpr uint32_t kSpoolSeqEnd = 100'000'000;  // 8 digits

std::string FormatSpoolName(const SpoolName& name);
// None for every string that FormatSpoolName does not give.
std::optional<SpoolName> ParseSpoolName(std::string_view text);

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_SPOOL_NAME_H_
