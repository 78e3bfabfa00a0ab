// SPDX-License-Identifier: Apache-2.0
// Names of files in PODO_HISTORY_DIR: podo-history-SERVICE-RUN-SEQ.KIND, fixed in width.
#ifndef PODO_LIB_HISTORY_FILE_NAME_H_
#define PODO_LIB_HISTORY_FILE_NAME_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace podo::history {

enum class FileKind : uint8_t {
  kLock,       // held by the process that owns the run's files; empty
  kChapter,    // a chapter, or the journal of one in the making
  kTemporary,  // being written, or left by a process that died writing
  kSetAside,   // no chapter could be read from it
};

struct FileName {
  uint64_t service = 0;  // hash of its name
  uint32_t run = 0;      // counted up in the directory
  uint32_t seq = 0;      // of the run's files
  FileKind kind = FileKind::kChapter;
  auto operator<=>(const FileName&) const = default;
};

uint64_t ServiceHash(std::string_view service);
std::string FormatFileName(const FileName& name);
// None for every string that FormatFileName does not give.
std::optional<FileName> ParseFileName(std::string_view text);

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_FILE_NAME_H_
