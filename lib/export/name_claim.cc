// SPDX-License-Identifier: Apache-2.0
#include "export/name_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/atomic_file.h"

namespace podo::exporting {
namespace {

// FNV-1a, since the offset must be the same in every process, whatever built it. Two names with
// one hash would only give one of them a pid it did not need.
off_t OffsetOf(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return static_cast<off_t>(hash >> 2);  // positive, and offset + 1 fits too
}

struct flock OneByte(short type, off_t offset) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = offset;
  lock.l_len = 1;
  return lock;
}

// Takes the directory's flock for a moment. Others hold it for microseconds; a host that holds it
// for its own ends is not waited for.
bool LockDirectory(int directory) {
  constexpr int kTries = 20;
  constexpr timespec kPause = {.tv_sec = 0, .tv_nsec = 500'000};
  for (int i = 0; i < kTries; ++i) {
    if (flock(directory, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return false;
    nanosleep(&kPause, nullptr);
  }
  return false;
}

ClaimResult ClaimByte(int directory, off_t offset) {
  struct flock holder = OneByte(F_WRLCK, offset);  // would a writer be let in?
  if (fcntl(directory, F_OFD_GETLK, &holder) != 0) return ClaimResult::kUnknown;
  if (holder.l_type != F_UNLCK) return ClaimResult::kTaken;
  struct flock ours = OneByte(F_RDLCK, offset);
  return fcntl(directory, F_OFD_SETLK, &ours) == 0 ? ClaimResult::kOurs : ClaimResult::kUnknown;
}

}  // namespace

bool NameClaim::Holds(const std::string& path) const {
  if (path_ != path || !directory_.IsOurs()) return false;
  struct stat held, named;
  return fstat(directory_.get(), &held) == 0 && stat(base::ParentOf(path).c_str(), &named) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

ClaimResult NameClaim::Claim(const std::string& path) {
  if (Holds(path)) return ClaimResult::kOurs;
  directory_.Close();
  path_.clear();
  base::OwnedFd directory(
      open(base::ParentOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));
  if (directory.get() < 0 || !LockDirectory(directory.get())) return ClaimResult::kUnknown;
  const ClaimResult result = ClaimByte(directory.get(), OffsetOf(base::BaseNameOf(path)));
  flock(directory.get(), LOCK_UN);
  if (result != ClaimResult::kOurs) return result;
  directory_ = std::move(directory);
  path_ = path;
  return ClaimResult::kOurs;
}

}  // namespace podo::exporting
