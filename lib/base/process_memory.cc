// SPDX-License-Identifier: Apache-2.0
#include "base/process_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "base/owned_fd.h"

namespace podo::base {
namespace {

constexpr size_t kPage = 4096;

// process_vm_readv only promises partial transfers between elements, so the request is cut at page
// boundaries; kBatch elements a call keep the array small.
ssize_t ReadBatch(uint64_t address, char* to, size_t bytes) {
  constexpr size_t kBatch = 64;
  iovec from[kBatch];
  size_t pages = 0;
  size_t asked = 0;
  while (pages < kBatch && asked < bytes) {
    const uint64_t at = address + asked;
    const size_t size = std::min(bytes - asked, kPage - at % kPage);
    from[pages++] = {reinterpret_cast<void*>(at), size};
    asked += size;
  }
  iovec into = {to, asked};
  // This thread's id: after pthread_exit in main the process' own names a task without memory.
  return process_vm_readv(gettid(), &into, 1, from, pages, 0);
}

size_t ReadThroughProc(uint64_t address, char* to, size_t bytes) {
  const OwnedFd file(open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC));
  size_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        pread(file.get(), to + done, bytes - done, static_cast<off_t>(address + done));
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

}  // namespace

size_t ReadProcessMemory(uint64_t address, void* to, size_t bytes) {
  const int saved_errno = errno;
  char* out = static_cast<char*>(to);
  size_t done = 0;
  while (done < bytes) {
    const ssize_t got = ReadBatch(address + done, out + done, bytes - done);
    if (got < 0 && (errno == ENOSYS || errno == EPERM)) {
      done += ReadThroughProc(address + done, out + done, bytes - done);
      break;
    }
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  errno = saved_errno;
  return done;
}

}  // namespace podo::base
