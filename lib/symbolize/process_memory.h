// SPDX-License-Identifier: Apache-2.0
// What the kernel says about this process: bytes read with its check, and which file is mapped.
#ifndef PODO_LIB_SYMBOLIZE_PROCESS_MEMORY_H_
#define PODO_LIB_SYMBOLIZE_PROCESS_MEMORY_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"

namespace podo::symbolize {

// A copy of [start, end) of this process, at most 1 MiB. The kernel reads it, so a range that is
// not mapped is an error and no fault.
base::StatusOr<std::string> ReadOwnMemory(uint64_t start, uint64_t end);

struct MappedFile {
  dev_t device = 0;
  ino_t inode = 0;
  std::string path;  // ends in " (deleted)" if the name is gone
};

// The first file-backed mapping in `maps_path` (the format of /proc/self/maps) inside
// [start, end).
std::optional<MappedFile> FindMappedFile(const std::string& maps_path, uint64_t start,
                                         uint64_t end);

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_PROCESS_MEMORY_H_
