// SPDX-License-Identifier: Apache-2.0
#include "symbolize/process_memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/format.h"
#include "base/owned_fd.h"

namespace podo::symbolize {
namespace {

constexpr uint64_t kMaxReadBytes = uint64_t{1} << 20;  // the vDSO has some pages

struct CloseFile {
  void operator()(FILE* file) const { fclose(file); }
};

// Some container profiles forbid process_vm_readv even on oneself; this file does the same.
bool ReadByProcMem(uint64_t start, std::string* bytes) {
  const base::OwnedFd file(open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC));
  const ssize_t got = pread(file.get(), bytes->data(), bytes->size(), static_cast<off_t>(start));
  return got == static_cast<ssize_t>(bytes->size());
}

bool ParseMapsLine(char* line, uint64_t* start, uint64_t* end, MappedFile* file) {
  unsigned major_number = 0;
  unsigned minor_number = 0;
  uint64_t inode = 0;
  int path_at = 0;
  if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*x %x:%x %" SCNu64 " %n", start, end,
             &major_number, &minor_number, &inode, &path_at) != 5) {
    return false;
  }
  line[strcspn(line, "\n")] = '\0';
  file->device = makedev(major_number, minor_number);
  file->inode = inode;
  file->path = path_at > 0 && static_cast<size_t>(path_at) < strlen(line) ? line + path_at : "";
  return true;
}

}  // namespace

base::StatusOr<std::string> ReadOwnMemory(uint64_t start, uint64_t end) {
  if (end <= start || end - start > kMaxReadBytes) {
    return base::InvalidArgumentError(
        base::StrFormat("[%x, %x) is not a range of 1 to %d bytes", start, end, kMaxReadBytes));
  }
  std::string bytes(end - start, '\0');
  const iovec into = {bytes.data(), bytes.size()};
  const iovec from = {reinterpret_cast<void*>(start), bytes.size()};
  const ssize_t got = process_vm_readv(gettid(), &into, 1, &from, 1, 0);
  if (got == static_cast<ssize_t>(bytes.size()) || ReadByProcMem(start, &bytes)) return bytes;
  return base::NotFoundError(base::StrFormat("[%x, %x) cannot be read", start, end));
}

std::optional<MappedFile> FindMappedFile(const std::string& maps_path, uint64_t start,
                                         uint64_t end) {
  std::unique_ptr<FILE, CloseFile> maps(fopen(maps_path.c_str(), "re"));
  if (maps == nullptr) return std::nullopt;
  char* line = nullptr;
  size_t capacity = 0;
  std::optional<MappedFile> found;
  while (!found.has_value() && getline(&line, &capacity, maps.get()) > 0) {
    uint64_t from = 0;
    uint64_t to = 0;
    MappedFile file;
    if (!ParseMapsLine(line, &from, &to, &file) || file.inode == 0) continue;
    if (from < end && to > start) found = std::move(file);
  }
  free(line);
  return found;
}

}  // namespace podo::symbolize
