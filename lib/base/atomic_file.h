// SPDX-License-Identifier: Apache-2.0
// Writes a whole file so that a reader sees all of it or none of it.
#ifndef PODO_LIB_BASE_ATOMIC_FILE_H_
#define PODO_LIB_BASE_ATOMIC_FILE_H_

#include <string>
#include <string_view>

#include "base/status.h"

namespace podo::base {

enum class IfExists {
  kReplace,  // the old file, or a symbolic link of that name (the link, not what it points to)
  kRefuse,   // StatusCode::kAlreadyExists
};

// Puts a file of mode 0600 with `bytes` at `path` (absolute): written under a temporary name beside
// it (O_CREAT|O_EXCL|O_NOFOLLOW), then renamed. The parent directory is created (0700) if only it
// is missing. Nothing is left behind on failure, and nothing stays open.
//
// There is no fsync: rename makes the file whole for every reader as long as the machine runs, a
// profile is not worth more than that, and a sync could stall the service's own disk for seconds.
//
// Errors: kUnavailable if a later try may succeed (disk or quota full, directory gone, descriptors
// spent), else one that stays until somebody changes something. The message names the cause and the
// directory (the file only where the file is the cause), so that equal causes have equal messages.
// SIGXFSZ must be blocked in the calling thread (podo's threads block everything), or RLIMIT_FSIZE
// kills the process. Blocks on the disk. Thread-safe.
Status WriteFileAtomically(const std::string& path, std::string_view bytes, IfExists exists);

// The status of a failed system call on `path`: "cannot ACTION PATH: CAUSE", with the code above.
Status FileError(std::string_view action, const std::string& path, int error);

// "/a/b/c" -> "/a/b" and "c"; the parent of "/c" is "/".
std::string ParentOf(const std::string& path);
std::string BaseNameOf(const std::string& path);

}  // namespace podo::base

#endif  // PODO_LIB_BASE_ATOMIC_FILE_H_
