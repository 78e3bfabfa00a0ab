// SPDX-License-Identifier: Apache-2.0
#include "base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/owned_fd.h"

namespace podo::base {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

// Unique among processes, also those with equal pids in different pid namespaces that share a
// directory, and short whatever the final name's length.
std::string TemporaryName() {
  static std::atomic<uint32_t> g_counter{0};  // relaxed: only distinctness matters
  const uint32_t count = g_counter.fetch_add(1, std::memory_order_relaxed);
  return absl::StrCat(".podo-", getpid(), "-",
                      absl::Hex(static_cast<uint64_t>(WallClockNs()), absl::kZeroPad16), "-", count,
                      ".tmp");
}

OwnedFd OpenDirectory(const std::string& path) {
  return OwnedFd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

// Renames within `directory`; the errno, 0 on success.
int Rename(int directory, const std::string& from, const std::string& to, IfExists exists) {
  if (exists == IfExists::kRefuse) {
    if (syscall(SYS_renameat2, directory, from.c_str(), directory, to.c_str(), RENAME_NOREPLACE) ==
        0) {
      return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) return errno;
    // The file system (NFS, some FUSE) has no such flag: look first, which leaves a small gap.
    if (faccessat(directory, to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  }
  return renameat(directory, from.c_str(), directory, to.c_str()) == 0 ? 0 : errno;
}

bool MayPass(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case ENOENT:  // the directory is gone; a volume may be mounted again
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case EINTR:
    case EBUSY:
    case EIO:
    case ESTALE:
    case EBADF:  // the host closed our descriptor
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string BaseNameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Status FileError(std::string_view action, const std::string& path, int error) {
  // Not strerror: it takes the locale's lock, which a fork child would inherit locked.
  const char* cause = strerrordesc_np(error);
  const std::string message =
      absl::StrCat("cannot ", absl::string_view(action.data(), action.size()), " ", path, ": ",
                   cause != nullptr ? cause : "unknown error");
  if (MayPass(error)) return UnavailableError(message);
  if (error == EEXIST) return AlreadyExistsError(message);
  if (error == EACCES || error == EPERM || error == EROFS) {
    return PermissionDeniedError(message);
  }
  if (error == EFBIG) return ResourceExhaustedError(message);
  return FailedPreconditionError(message);
}

Status WriteFileAtomically(const std::string& path, std::string_view bytes, IfExists exists) {
  const std::string parent = ParentOf(path);
  OwnedFd directory = OpenDirectory(parent);
  if (directory.get() < 0 && errno == ENOENT &&
      (mkdir(parent.c_str(), kDirectoryMode) == 0 || errno == EEXIST)) {
    directory = OpenDirectory(parent);
  }
  if (directory.get() < 0) return FileError("open directory", parent, errno);

  const std::string temporary = TemporaryName();
  OwnedFd file(openat(directory.get(), temporary.c_str(),
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (file.get() < 0) return FileError("create a file in", parent, errno);
  const int write_error = WriteAll(file, bytes);
  const int close_error = file.Close();
  if (write_error != 0 || close_error != 0) {
    unlinkat(directory.get(), temporary.c_str(), 0);
    return FileError("write a file in", parent, write_error != 0 ? write_error : close_error);
  }
  const int rename_error = Rename(directory.get(), temporary, BaseNameOf(path), exists);
  if (rename_error == 0) return OkStatus();
  unlinkat(directory.get(), temporary.c_str(), 0);
  return FileError("put a file at", path, rename_error);
}

}  // namespace podo::base
