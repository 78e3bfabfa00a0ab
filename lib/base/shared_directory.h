// SPDX-License-Identifier: Apache-2.0
// A directory that podo's processes share, by its descriptor: opened with suspicion, locked for
// moments, listed only after it has changed.
#ifndef PODO_LIB_BASE_SHARED_DIRECTORY_H_
#define PODO_LIB_BASE_SHARED_DIRECTORY_H_

#include <sys/stat.h>
#include <time.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/owned_fd.h"
#include "base/status.h"

namespace podo::base {

// An open file in the directory, locked for us alone until it is closed.
//
// The lock (flock) belongs to the open file: it ends with the process, however that dies. A fork
// child holds it too until base::CloseOwnedFdsInForkChild; one that never runs that (a raw clone)
// holds it until it execs or ends, so Unlock() takes the lock off rather than only closing.
struct FileClaim {
  OwnedFd file;
  std::string name;
  struct stat status = {};

  void Unlock();
};

enum class FileClaimResult {
  kOurs,
  kHeld,     // by somebody who writes, sends or removes it
  kGone,     // no such file of ours: removed, replaced, or no regular file
  kRefused,  // errno tells why: descriptors spent, read-only, ...
};

// Not thread-safe.
class SharedDirectory {
 public:
  // Others hold the lock while they write one file.
  static constexpr int64_t kLockWaitNs = 100'000'000;

  // Does nothing yet.
  explicit SharedDirectory(std::string path, int64_t lock_wait_ns = kLockWaitNs);

  // Before anything else, every time. Opens the directory, which is made (0700) if only it is
  // missing; cheap if the path still leads to the one that is open. Refused is what others could
  // play tricks with: a symbolic link, one that belongs to another user (root apart), one that
  // others may write to without the sticky bit.
  Status Open();
  // Differs after Open() has come to another directory.
  uint64_t generation() const { return generation_; }
  const std::string& path() const { return path_; }

  // Keeps podo's other processes from adding files. Waits at most `lock_wait_ns`; false if somebody
  // holds it longer, or there are no locks here.
  bool Lock();
  void Unlock();

  // False once anything was created, renamed or removed here since MarkSeen or MarkOwnChange.
  bool IsAsSeen() const;
  // To be called before a listing.
  void MarkSeen();
  // After a change of our own under Lock(), if IsAsSeen() held under the same lock before it.
  void MarkOwnChange();

  // Calls `visit` with each name.
  Status List(const std::function<void(std::string_view)>& visit);
  // Of an entry, links not followed. False if it is not a regular file of this user.
  bool StatOwn(const std::string& name, struct stat* status) const;

  // A new file of ours (0600), locked. The errno, or 0.
  int Create(const std::string& name, FileClaim* claim);
  FileClaimResult Claim(const std::string& name, FileClaim* claim);
  // True if the name still means the claimed file.
  bool IsAtItsName(const FileClaim& claim) const;
  // The errno, or 0. A file that is there already is not replaced: EEXIST.
  int Rename(const std::string& from, const std::string& to);
  int Remove(const std::string& name);

 private:
  Status Refusal(const struct stat& status) const;
  void Stamp();

  const std::string path_;
  const int64_t lock_wait_ns_;
  OwnedFd directory_;
  uint64_t generation_ = 0;
  timespec seen_ = {};  // time of the directory's last change known to us; tv_nsec -1: none
};

}  // namespace podo::base

#endif  // PODO_LIB_BASE_SHARED_DIRECTORY_H_
