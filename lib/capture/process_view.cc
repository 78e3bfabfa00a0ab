// SPDX-License-Identifier: Apache-2.0
#include "capture/process_view.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "base/owned_fd.h"
#include "capture/load_serial.h"

namespace podo::capture {
namespace {

// Opened and closed again for each read: podo's capture owns no descriptor that a service which
// closes all of them could hand to someone else.
bool ReadThroughProc(uint64_t address, void* to, size_t bytes) {
  const base::OwnedFd file(open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC));
  size_t done = 0;
  while (done < bytes) {
    const ssize_t got = pread64(file.get(), static_cast<char*>(to) + done, bytes - done,
                                static_cast<off64_t>(address + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  return done == bytes;
}

}  // namespace

LiveProcess::LiveProcess() {
  // Any address in a module of the main namespace; once is enough, glibc does not change.
  static const uint32_t offset = FindSerialOffset(*this, reinterpret_cast<uint64_t>(&environ));
  serial_offset_ = offset;
}

// By the calling thread's id: after pthread_exit in main the process' own names a task without
// memory.
bool LiveProcess::Read(uint64_t address, void* to, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    const iovec local{static_cast<char*>(to) + done, bytes - done};
    const iovec remote{reinterpret_cast<void*>(address + done), bytes - done};
    const ssize_t got = process_vm_readv(gettid(), &local, 1, &remote, 1, 0);
    if (got > 0) {
      done += static_cast<size_t>(got);  // short at 2 GiB, or before an unreadable page
      continue;
    }
    if (got == 0 || errno == EFAULT) return false;
    return ReadThroughProc(address + done, static_cast<char*>(to) + done, bytes - done);
  }
  return true;
}

bool LiveProcess::FindObject(uint64_t address, ModuleIdentity* identity) {
  dl_find_object found;
  if (_dl_find_object(reinterpret_cast<void*>(address), &found) != 0) return false;
  *identity = {.link_map = reinterpret_cast<uint64_t>(found.dlfo_link_map),
               .map_start = reinterpret_cast<uint64_t>(found.dlfo_map_start),
               .map_end = reinterpret_cast<uint64_t>(found.dlfo_map_end),
               .eh_frame_hdr = reinterpret_cast<uint64_t>(found.dlfo_eh_frame)};
  // Unloaded since: then the number is that of nobody, or not readable, and differs.
  if (serial_offset_ != 0 &&
      !Read(identity->link_map + serial_offset_, &identity->serial, sizeof(identity->serial))) {
    return false;
  }
  return true;
}

uint64_t LiveProcess::Auxiliary(uint64_t type) { return getauxval(type); }

std::string LiveProcess::MainPath() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/thread-self/exe", path, sizeof(path));
  return length > 0 ? std::string(path, static_cast<size_t>(length)) : std::string();
}

}  // namespace podo::capture
