// SPDX-License-Identifier: Apache-2.0
// A disk of 256 KiB for one test: a tmpfs in the mount namespace of a child process.
#ifndef PODO_TESTS_UNIT_EXPORT_SMALL_DISK_H_
#define PODO_TESTS_UNIT_EXPORT_SMALL_DISK_H_

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>

#include <string>

#include "../in_child.h"
#include "../scratch_directory.h"

namespace podo::test {

// What a body may return besides.
inline constexpr int kNotPermitted = 77;

// Mounts it at `path`, seen by this process only.
inline bool MountSmallDisk(const std::string& path) {
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("podo-test", path.c_str(), "tmpfs", 0, "size=256k,mode=700") == 0;
}

// Runs `body` there; what it returns is the number of the first demand that failed, or 0.
template <typename Body>
void OnSmallDisk(const ScratchDirectory& dir, Body body) {
  const int failed = InChild([&] { return MountSmallDisk(dir.path()) ? body() : kNotPermitted; });
  if (failed == kNotPermitted) {
    MESSAGE("SKIPPED: permission to mount a tmpfs");
    return;
  }
  CHECK(failed == 0);
}

}  // namespace podo::test

#endif  // PODO_TESTS_UNIT_EXPORT_SMALL_DISK_H_
