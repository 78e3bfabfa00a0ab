// SPDX-License-Identifier: Apache-2.0
// Files as podo-doctor reads them: without waiting for a FIFO, up to a limit.
#ifndef PODO_LIB_TOOLS_DOCTOR_FILE_H_
#define PODO_LIB_TOOLS_DOCTOR_FILE_H_

#include <cstddef>
#include <string>

#include "base/status.h"

namespace podo::doctor {

// The error is what the system says, without the path.
base::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

// Of /proc and /sys: at most 1 MiB; empty if it cannot be read.
std::string ReadSmallFile(const std::string& path);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_FILE_H_
