// SPDX-License-Identifier: Apache-2.0
// Who may write a file whose name several live processes share.
//
// LD_PRELOAD and PODO_EXPORT are inherited by whole process trees, so a shell and the programs it
// runs are told to write the same file. The first one that is alive owns the name; the others write
// elsewhere. The claim must hold from a process's start (its first write may be its last act), end
// with the process however it dies, and leave no file behind. So it is a lock on something that is
// there anyway: the directory, by an open-file-description read lock on one byte whose offset is a
// hash of the file's name. (A lock on the file itself ends with every rename and needs an empty
// file before the first write; a lock file is litter; a POSIX lock ends when the host closes the
// same directory.) Reading locks are what a directory can have, and they do not exclude one
// another: the look at who holds the byte and the taking of it happen under a moment's flock of the
// directory.
//
// Holding the claim keeps one descriptor of the directory open, so its file system cannot be
// unmounted meanwhile. After fork the child shares the lock until CloseOwnedFdsInForkChild.
#ifndef PODO_LIB_EXPORT_NAME_CLAIM_H_
#define PODO_LIB_EXPORT_NAME_CLAIM_H_

#include <string>

#include "base/owned_fd.h"

namespace podo::exporting {

enum class ClaimResult {
  kOurs,
  kTaken,    // another live process has it
  kUnknown,  // the directory is missing or unreadable, or the file system has no locks
};

// Not thread-safe.
class NameClaim {
 public:
  // Claims `path`, or finds that the claim still holds. Cheap to repeat; does so before every
  // write, because the host may have closed our descriptor and the directory may have been made
  // anew. Waits at most some 10 ms, if others are claiming at the same moment.
  ClaimResult Claim(const std::string& path);

 private:
  bool Holds(const std::string& path) const;

  base::OwnedFd directory_;
  std::string path_;  // what is claimed; empty: nothing
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_NAME_CLAIM_H_
