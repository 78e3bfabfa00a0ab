// SPDX-License-Identifier: Apache-2.0
// The spool on a disk that is full, read-only, and well again: a small tmpfs in a mount namespace
// of a child process's own.
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "../scratch_directory.h"
#include "export/spool.h"
#include "small_disk.h"
#include "spool_payload.h"

namespace podo::exporting {
namespace {

using podo::test::kNotPermitted;
using podo::test::OnSmallDisk;
using podo::test::ScratchDirectory;
using test::Key;
using test::MakePayload;
using test::Noise;

constexpr uint64_t kMaxBytes = 64 << 20;

bool Says(const base::Status& status, const std::string& end) {
  return std::string(status.message()).ends_with(end);
}

bool Remount(const std::string& path, unsigned long flags) {
  return mount("none", path.c_str(), nullptr, MS_REMOUNT | flags, nullptr) == 0;
}

TEST_CASE("a full disk has one message, costs nothing that is stored, and is over with room") {
  ScratchDirectory dir;
  OnSmallDisk(dir, [&] {
    Spool spool(dir.path(), kMaxBytes, Key(1));
    if (!spool.Put(MakePayload("kept", 1)).ok()) return 1;
    podo::test::WriteFile(dir / "filler", std::string(150 << 10, 'f'));
    const base::Status refused = spool.Put(MakePayload(Noise(200'000), 2));
    if (!base::IsUnavailable(refused)) return 2;
    if (!Says(refused, "No space left on device")) return 3;
    if (spool.Put(MakePayload(Noise(190'000, 2), 3)) != refused) return 4;
    if (dir.Names().size() != 2 || spool.dropped() != 0 || spool.count() != 1) return 5;
    unlink((dir / "filler").c_str());
    if (!spool.Put(MakePayload(Noise(200'000), 4)).ok()) return 6;
    if (*spool.TakeOldest()->bytes != "kept") return 7;
    spool.Release(true);
    return *spool.TakeOldest()->bytes == Noise(200'000) ? 0 : 8;
  });
}

TEST_CASE("on a read-only disk nothing is stored, nothing taken that would be sent for ever") {
  ScratchDirectory dir;
  OnSmallDisk(dir, [&] {
    Spool spool(dir.path(), kMaxBytes, Key(1));
    if (!spool.Put(MakePayload("a", 1)).ok() || !spool.Put(MakePayload("b", 2)).ok()) return 1;
    if (!Remount(dir.path(), MS_RDONLY)) return 2;
    const base::Status refused = spool.Put(MakePayload("c", 3));
    if (!base::IsPermissionDenied(refused) || refused != spool.Put(MakePayload("d"))) return 3;
    if (!Says(refused, "Read-only file system")) return 4;
    if (spool.TakeOldest() || spool.dropped() != 0) return 5;
    if (!Remount(dir.path(), 0)) return 6;
    if (*spool.TakeOldest()->bytes != "a") return 7;
    spool.Release(false);
    return *spool.TakeOldest()->bytes == "a" ? 0 : 8;
  });
}

TEST_CASE(
    "what was delivered but cannot be removed is not sent again, by this or another process") {
  ScratchDirectory dir;
  OnSmallDisk(dir, [&] {
    if (geteuid() != 0) return kNotPermitted;
    Spool spool(dir.path(), kMaxBytes, Key(1)), other(dir.path(), kMaxBytes, Key(1));
    if (!spool.Put(MakePayload("a", 1)).ok() || !spool.Put(MakePayload("b", 2)).ok()) return 1;
    if (!spool.TakeOldest()) return 2;
    // Not by remounting: a file open for writing forbids that. The directory's owner is an ordinary
    // user from here on, and may not write.
    if (chmod(dir.path().c_str(), 0500) != 0) return 3;
    for (const std::string& name : dir.Names()) {
      if (chown((dir / name).c_str(), 12345, 12345) != 0) return 4;
    }
    if (chown(dir.path().c_str(), 12345, 12345) != 0 || setresuid(12345, 12345, 0) != 0) return 5;
    spool.Release(true);
    if (spool.TakeOldest() || spool.TakeOldest()) return 6;
    if (*other.TakeOldest()->bytes != "b") return 7;
    other.Release(false);
    if (chmod(dir.path().c_str(), 0700) != 0) return 8;
    if (*spool.TakeOldest()->bytes != "b" || dir.Names().size() != 1) return 9;
    return 0;
  });
}

}  // namespace
}  // namespace podo::exporting
