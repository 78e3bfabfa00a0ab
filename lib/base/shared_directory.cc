// SPDX-License-Identifier: Apache-2.0
#include "base/shared_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/clock.h"

namespace podo::base {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr long kUnknown = -1;
// The kernel's clock for file times ticks every 1 to 10 ms: within this, two changes may bear the
// same time.
constexpr int64_t kTickNs = 50'000'000;

std::string WithoutTrailingSlashes(std::string path) {  // which would follow a symbolic link
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

bool IsSame(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

void FileClaim::Unlock() {
  if (file.IsOurs()) flock(file.get(), LOCK_UN);
  file.Close();
}

SharedDirectory::SharedDirectory(std::string path, int64_t lock_wait_ns)
    : path_(WithoutTrailingSlashes(std::move(path))), lock_wait_ns_(lock_wait_ns) {
  seen_.tv_nsec = kUnknown;
}

Status SharedDirectory::Refusal(const struct stat& status) const {
  std::string why;
  const uid_t user = geteuid();
  if (S_ISLNK(status.st_mode)) {
    why = "it is a symbolic link";
  } else if (!S_ISDIR(status.st_mode)) {
    why = "it is no directory";
  } else if (status.st_uid != user && status.st_uid != 0) {
    why = absl::StrCat("it belongs to user ", status.st_uid, ", this process is ", user);
  } else if ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0) {
    why = "everybody may write to it, and it has no sticky bit";
  } else {
    return OkStatus();
  }
  return FailedPreconditionError(absl::StrCat("cannot use directory ", path_, ": ", why));
}

Status SharedDirectory::Open() {
  struct stat named = {}, held = {};
  const bool is_there = lstat(path_.c_str(), &named) == 0;
  if (is_there) {
    if (Status refused = Refusal(named); !refused.ok()) return refused;
    if (directory_.IsOurs() && fstat(directory_.get(), &held) == 0 && IsSame(named, held)) {
      return OkStatus();
    }
  }
  directory_.Close();  // first: a host that closed it would have the number handed out again
  OwnedFd opened(open(path_.c_str(), kDirectoryFlags));
  if (opened.get() < 0 && errno == ENOENT &&
      (mkdir(path_.c_str(), kDirectoryMode) == 0 || errno == EEXIST)) {
    opened = OwnedFd(open(path_.c_str(), kDirectoryFlags));
  }
  if (opened.get() < 0 || fstat(opened.get(), &held) != 0) {
    return FileError("open directory", path_, errno);
  }
  if (Status refused = Refusal(held); !refused.ok()) return refused;
  directory_ = std::move(opened);
  ++generation_;
  seen_.tv_nsec = kUnknown;
  return OkStatus();
}

bool SharedDirectory::Lock() {
  constexpr timespec kPause = {.tv_sec = 0, .tv_nsec = 1'000'000};
  for (int64_t waited_ns = 0; waited_ns <= lock_wait_ns_; waited_ns += kPause.tv_nsec) {
    if (flock(directory_.get(), LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return false;
    nanosleep(&kPause, nullptr);
  }
  return false;
}

void SharedDirectory::Unlock() { flock(directory_.get(), LOCK_UN); }

bool SharedDirectory::IsAsSeen() const {
  struct stat now;
  return seen_.tv_nsec != kUnknown && fstat(directory_.get(), &now) == 0 &&
         now.st_mtim.tv_sec == seen_.tv_sec && now.st_mtim.tv_nsec == seen_.tv_nsec;
}

void SharedDirectory::MarkSeen() {
  struct stat now;
  if (fstat(directory_.get(), &now) != 0) return;
  seen_ = now.st_mtim;
  const int64_t changed_ns = int64_t{seen_.tv_sec} * 1'000'000'000 + seen_.tv_nsec;
  // A change in the next moment would bear this same time and go unseen.
  if (WallClockNs() - changed_ns < kTickNs) Stamp();
}

void SharedDirectory::MarkOwnChange() { Stamp(); }

// Gives the directory a time that no other change has: the clock's nanoseconds, where the kernel's
// own times move in ticks.
void SharedDirectory::Stamp() {
  seen_.tv_nsec = kUnknown;
  timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {}};
  clock_gettime(CLOCK_REALTIME, &times[1]);
  struct stat now;
  if (futimens(directory_.get(), times) != 0 || fstat(directory_.get(), &now) != 0) return;
  seen_ = now.st_mtim;
}

Status SharedDirectory::List(const std::function<void(std::string_view)>& visit) {
  // Not readdir: it would want a descriptor more, and there may be none.
  constexpr size_t kBufferBytes = 32 << 10;
  const auto buffer = std::make_unique<char[]>(kBufferBytes);
  if (lseek(directory_.get(), 0, SEEK_SET) != 0) {
    return FileError("read directory", path_, errno);
  }
  while (true) {
    const ssize_t bytes = getdents64(directory_.get(), buffer.get(), kBufferBytes);
    if (bytes < 0) return FileError("read directory", path_, errno);
    if (bytes == 0) return OkStatus();
    for (ssize_t at = 0; at < bytes;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.get() + at);
      visit(entry->d_name);
      at += entry->d_reclen;
    }
  }
}

bool SharedDirectory::StatOwn(const std::string& name, struct stat* status) const {
  return fstatat(directory_.get(), name.c_str(), status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(status->st_mode) && status->st_uid == geteuid();
}

int SharedDirectory::Create(const std::string& name, FileClaim* claim) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  claim->file = OwnedFd(openat(directory_.get(), name.c_str(), kFlags, kFileMode));
  if (claim->file.get() < 0) return errno;
  claim->name = name;
  if (flock(claim->file.get(), LOCK_EX | LOCK_NB) == 0) return 0;
  const int error = errno;  // no locks here: nobody could ever take it
  Remove(name);
  *claim = {};
  return error;
}

FileClaimResult SharedDirectory::Claim(const std::string& name, FileClaim* claim) {
  // For writing, because a lock over NFS asks for it, and because what cannot be removed after
  // sending must not be sent.
  constexpr int kFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  if (!StatOwn(name, &claim->status)) return FileClaimResult::kGone;
  claim->file = OwnedFd(openat(directory_.get(), name.c_str(), kFlags));
  claim->name = name;
  if (claim->file.get() < 0) {
    return errno == ENOENT || errno == ELOOP ? FileClaimResult::kGone : FileClaimResult::kRefused;
  }
  if (flock(claim->file.get(), LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    claim->file.Close();
    errno = error;
    return error == EWOULDBLOCK ? FileClaimResult::kHeld : FileClaimResult::kRefused;
  }
  // Whoever held it before us may have removed it.
  if (IsAtItsName(*claim) && fstat(claim->file.get(), &claim->status) == 0) {
    return FileClaimResult::kOurs;
  }
  claim->Unlock();
  return FileClaimResult::kGone;
}

bool SharedDirectory::IsAtItsName(const FileClaim& claim) const {
  struct stat held, named;
  return claim.file.IsOurs() && fstat(claim.file.get(), &held) == 0 && held.st_nlink > 0 &&
         StatOwn(claim.name, &named) && IsSame(held, named);
}

int SharedDirectory::Rename(const std::string& from, const std::string& to) {
  if (syscall(SYS_renameat2, directory_.get(), from.c_str(), directory_.get(), to.c_str(),
              RENAME_NOREPLACE) == 0) {
    return 0;
  }
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // The file system (NFS, some FUSE) has no such flag: look first, which leaves a small gap.
  if (faccessat(directory_.get(), to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  return renameat(directory_.get(), from.c_str(), directory_.get(), to.c_str()) == 0 ? 0 : errno;
}

int SharedDirectory::Remove(const std::string& name) {
  return unlinkat(directory_.get(), name.c_str(), 0) == 0 ? 0 : errno;
}

}  // namespace podo::base
