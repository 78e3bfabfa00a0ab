// SPDX-License-Identifier: Apache-2.0
#include "capture/process_view.h"

#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "../in_child.h"

namespace podo::capture {
namespace {

// From now on process_vm_readv is answered with EPERM, as container runtimes' filters do.
bool ForbidRemoteReads() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {std::size(program), program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// 0, or the line of the first expectation that did not hold: a child has no doctest.
int ReadsOwnMemory(bool forbidden) {
  constexpr size_t kPage = 4096;
  auto* pages = static_cast<char*>(
      mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (pages == MAP_FAILED || munmap(pages + kPage, kPage) != 0) return __LINE__;
  std::memset(pages, 'x', kPage);
  const auto start = reinterpret_cast<uint64_t>(pages);
  if (forbidden && !ForbidRemoteReads()) return __LINE__;
  char to[kPage] = {};
  const iovec local{to, 1}, remote{pages, 1};
  if ((process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != 1) != forbidden) return __LINE__;

  LiveProcess process;
  std::memset(to, 0, kPage);
  if (!process.Read(start, to, kPage) || std::memcmp(to, pages, kPage) != 0) return __LINE__;
  if (!process.Read(start + kPage - 1, to, 1)) return __LINE__;
  if (process.Read(start + kPage - 8, to, 16)) return __LINE__;  // into what is not mapped
  if (process.Read(start + kPage, to, 1)) return __LINE__;
  if (process.Read(0, to, 1)) return __LINE__;
  ModuleIdentity identity;
  if (!process.FindObject(reinterpret_cast<uint64_t>(&ReadsOwnMemory), &identity)) return __LINE__;
  return 0;
}

}  // namespace

TEST_CASE("Memory that is mapped is read, and no other, also where process_vm_readv is forbidden") {
  CHECK(test::InChild([] { return ReadsOwnMemory(false); }) == 0);
  CHECK(test::InChild([] { return ReadsOwnMemory(true); }) == 0);
}

}  // namespace podo::capture
