// SPDX-License-Identifier: Apache-2.0
// The spool's directory in good and bad hands.
#include "export/spool.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "../in_child.h"
#include "../scratch_directory.h"
#include "base/owned_fd.h"
#include "spool_payload.h"

namespace podo::exporting {
namespace {

using podo::test::InChild;
using podo::test::ReadFile;
using podo::test::ScratchDirectory;
using podo::test::WriteFile;
using test::Key;
using test::MakePayload;
using test::Noise;

constexpr uint64_t kMany = 64 << 20;

// "-" if there is none.
std::string TakeAndRelease(Spool& spool, bool done = true) {
  const std::optional<Payload> payload = spool.TakeOldest();
  if (!payload) return "-";
  spool.Release(done);
  return *payload->bytes;
}
std::string OnlyName(const ScratchDirectory& dir) {
  const std::vector<std::string> names = dir.Names();
  REQUIRE(names.size() == 1);
  return names[0];
}
uint64_t BytesIn(const ScratchDirectory& dir) {
  uint64_t bytes = 0;
  for (const std::string& name : dir.Names()) bytes += std::filesystem::file_size(dir / name);
  return bytes;
}
TEST_CASE("what was put is taken oldest first, by whoever has the key, and goes when it is done") {
  ScratchDirectory dir;
  Spool writer(dir / "spool/", kMany, Key(1)), reader(dir / "spool", kMany, Key(1));
  CHECK(reader.TakeOldest() == std::nullopt);
  for (const int64_t start_ns : {30, 10, 20}) {
    REQUIRE(writer.Put(MakePayload(std::to_string(start_ns), start_ns)).ok());
  }
  CHECK(writer.count() == 3);
  CHECK(TakeAndRelease(reader, /*done=*/false) == "10");
  CHECK(reader.count() == 3);
  CHECK(reader.bytes() == 3 * 4096);
  for (const char* expected : {"10", "20", "30", "-"}) CHECK(TakeAndRelease(reader) == expected);
  CHECK(std::filesystem::is_empty(dir / "spool"));
  CHECK(writer.TakeOldest() == std::nullopt);
  CHECK(writer.count() == 0);
  CHECK(writer.dropped() + reader.dropped() == 0);
}

TEST_CASE("directory and files are for their user alone") {
  ScratchDirectory dir;
  Spool spool(dir / "spool", kMany, Key(1));
  REQUIRE(spool.Put(MakePayload("x")).ok());
  CHECK(std::filesystem::status(dir / "spool").permissions() == std::filesystem::perms::owner_all);
  for (const auto& entry : std::filesystem::directory_iterator(dir / "spool")) {
    CHECK(entry.status().permissions() == std::filesystem::perms(0600));
  }
}

TEST_CASE("a payload is taken by one at a time") {
  ScratchDirectory dir;
  Spool one(dir.path(), kMany, Key(1)), two(dir.path(), kMany, Key(1));
  REQUIRE(one.Put(MakePayload("a", 1)).ok());
  REQUIRE(one.Put(MakePayload("b", 2)).ok());
  CHECK(*one.TakeOldest()->bytes == "a");
  CHECK(one.TakeOldest() == std::nullopt);  // Release comes first
  CHECK(*two.TakeOldest()->bytes == "b");
  one.Release(false);
  two.Release(true);
  CHECK(TakeAndRelease(two) == "a");
}

TEST_CASE("a sink takes only what has its key") {
  ScratchDirectory dir;
  Spool one(dir.path(), kMany, Key(1)), two(dir.path(), kMany, Key(2));
  REQUIRE(one.Put(MakePayload("of one")).ok());
  CHECK(two.TakeOldest() == std::nullopt);
  CHECK(two.count() == 0);
  // Nor by a name that lies.
  SpoolName name = *ParseSpoolName(OnlyName(dir));
  name.key = 2ull << 56;
  std::filesystem::rename(dir / OnlyName(dir), dir / FormatSpoolName(name));
  CHECK(two.TakeOldest() == std::nullopt);
  CHECK(OnlyName(dir) == FormatSpoolName(name));
}

TEST_CASE("the oldest of all sinks are dropped and counted, and the bound holds at every step") {
  ScratchDirectory dir;
  Spool one(dir.path(), 64 << 10, Key(1)), two(dir.path(), 64 << 10, Key(2));
  for (int i = 0; i < 40; ++i) {
    REQUIRE((i % 2 == 0 ? one : two).Put(MakePayload(Noise(5'000, 100 + i), i)).ok());
    CHECK(BytesIn(dir) <= 64 << 10);
  }
  CHECK(dir.Names().size() == 8);  // of two blocks each
  CHECK(one.dropped() + two.dropped() == 32);
  CHECK(TakeAndRelease(one) == Noise(5'000, 132));
}

TEST_CASE("what somebody sends is not dropped to make room") {
  ScratchDirectory dir;
  Spool sender(dir.path(), 8 << 10, Key(1)), writer(dir.path(), 8 << 10, Key(1));
  REQUIRE(writer.Put(MakePayload("oldest", 1)).ok());
  REQUIRE(writer.Put(MakePayload("second", 2)).ok());
  CHECK(*sender.TakeOldest()->bytes == "oldest");
  REQUIRE(writer.Put(MakePayload("third", 3)).ok());
  CHECK(writer.dropped() == 1);
  sender.Release(false);
  CHECK(TakeAndRelease(sender) == "oldest");
  CHECK(TakeAndRelease(sender) == "third");
}

TEST_CASE("a payload larger than the spool is refused, and nothing is dropped for it") {
  ScratchDirectory dir;
  Spool spool(dir.path(), 8 << 10, Key(1));
  REQUIRE(spool.Put(MakePayload("small")).ok());
  CHECK(spool.Put(MakePayload(Noise(9'000))).message() ==
        "cannot spool a payload larger than all of the spool (8192 bytes)");
  CHECK(spool.dropped() == 0);
  CHECK(TakeAndRelease(spool) == "small");
}

TEST_CASE("damaged files are set aside, a few are kept, and the rest goes on") {
  ScratchDirectory dir;
  Spool spool(dir.path(), kMany, Key(1));
  for (int i = 0; i < 7; ++i) REQUIRE(spool.Put(MakePayload(Noise(100), i)).ok());
  for (const std::string& name : dir.Names()) truncate((dir / name).c_str(), 120);
  REQUIRE(spool.Put(MakePayload("good", 9)).ok());
  Spool next(dir.path(), kMany, Key(1));
  CHECK(TakeAndRelease(next) == "good");
  CHECK(next.dropped() == 7);
  CHECK(next.set_aside() == 7);
  REQUIRE(next.Put(MakePayload("another")).ok());
  const std::vector<std::string> names = dir.Names();
  CHECK(names.size() == 1 + Spool::kMaxSetAside);
  CHECK(std::count_if(names.begin(), names.end(),
                      [](const std::string& n) { return n.ends_with(".spool.bad"); }) == 4);
}

TEST_CASE("damaged files make room before any payload does") {
  ScratchDirectory dir;
  Spool spool(dir.path(), 8 << 10, Key(1));
  REQUIRE(spool.Put(MakePayload("damaged", 1)).ok());
  truncate((dir / OnlyName(dir)).c_str(), 0);
  CHECK(spool.TakeOldest() == std::nullopt);
  REQUIRE(spool.Put(MakePayload("a", 2)).ok());
  REQUIRE(spool.Put(MakePayload("b", 3)).ok());
  CHECK(spool.dropped() == 1);  // the damaged one
  CHECK(dir.Names().size() == 2);
}

TEST_CASE("a file of a later version is left for the later podo") {
  ScratchDirectory dir;
  Spool spool(dir.path(), kMany, Key(1));
  REQUIRE(spool.Put(MakePayload("later", 1)).ok());
  const std::string name = OnlyName(dir);
  std::string bytes = ReadFile(dir / name);
  bytes[8] = 2;
  SealSpoolFile(&bytes);
  WriteFile(dir / name, bytes);
  REQUIRE(spool.Put(MakePayload("ours", 2)).ok());
  CHECK(TakeAndRelease(spool) == "ours");
  CHECK(spool.TakeOldest() == std::nullopt);
  CHECK(OnlyName(dir) == name);
  CHECK(spool.dropped() == 0);
}

TEST_CASE("files that are not podo's are never removed, not even under a name of podo's") {
  ScratchDirectory dir;
  const std::string named = FormatSpoolName({.start_ns = 1, .key = 1ull << 56});
  const std::string dropped = FormatSpoolName({.start_ns = 2, .key = 5ull << 56});
  const std::vector<std::string> foreign = {"notes.txt", ".hidden",        "podo-x.spool",  named,
                                            dropped,     dropped + ".bad", dropped + ".tmp"};
  for (const std::string& name : foreign) WriteFile(dir / name, "precious " + name);
  Spool spool(dir.path(), 8 << 10, Key(1));
  CHECK(spool.TakeOldest() == std::nullopt);
  CHECK(spool.set_aside() == 1);
  CHECK(spool.dropped() == 0);
  for (int i = 0; i < 4; ++i) REQUIRE(spool.Put(MakePayload("x", 10 + i)).ok());
  CHECK(spool.dropped() == 2);  // of podo's own
  for (const std::string& name : foreign) {
    CAPTURE(name);
    const bool stayed = std::filesystem::exists(dir / name);
    CHECK(ReadFile(dir / (stayed ? name : name + ".foreign")) == "precious " + name);
  }
}

TEST_CASE("what is planted in the directory does no harm") {
  ScratchDirectory dir, outside;
  WriteFile(outside / "victim", "untouched");
  uint64_t start_ns = 0;
  const auto next = [&] {
    return dir / FormatSpoolName({.start_ns = ++start_ns, .key = 1ull << 56});
  };
  std::filesystem::create_symlink(outside / "victim", next());
  std::filesystem::create_symlink("/dev/zero", next());
  std::filesystem::create_symlink("/nowhere", next());
  std::filesystem::create_directory(next());
  REQUIRE(mkfifo(next().c_str(), 0600) == 0);
  std::filesystem::create_symlink(outside / "victim", next() + ".tmp");
  std::filesystem::create_symlink(outside / "victim", next() + ".bad");
  const std::vector<std::string> before = dir.Names();
  Spool spool(dir.path(), 8 << 10, Key(1));
  for (int i = 0; i < 4; ++i) REQUIRE(spool.Put(MakePayload("x", 10 + i)).ok());
  CHECK(TakeAndRelease(spool) == "x");
  CHECK(TakeAndRelease(spool) == "x");
  CHECK(spool.TakeOldest() == std::nullopt);
  CHECK(dir.Names() == before);
  CHECK(ReadFile(outside / "victim") == "untouched");
}

TEST_CASE("a file of another user is neither taken, removed nor counted") {
  if (geteuid() != 0) {
    MESSAGE("SKIPPED: root, who alone can give files away");
    return;
  }
  ScratchDirectory dir;
  Spool spool(dir.path(), 4 << 10, Key(1));
  REQUIRE(spool.Put(MakePayload("not ours any more", 1)).ok());
  const std::string name = OnlyName(dir);
  REQUIRE(chown((dir / name).c_str(), 12345, 12345) == 0);
  Spool next(dir.path(), 4 << 10, Key(1));
  CHECK(next.TakeOldest() == std::nullopt);
  REQUIRE(next.Put(MakePayload("ours", 2)).ok());
  CHECK(TakeAndRelease(next) == "ours");
  CHECK(OnlyName(dir) == name);
}

TEST_CASE("directories that others could play tricks with are refused, in words") {
  ScratchDirectory dir;
  const auto message = [&](const std::string& name) {
    Spool spool(dir / name, kMany, Key(1));
    CHECK(spool.TakeOldest() == std::nullopt);
    return std::string(spool.Put(MakePayload("x")).message());
  };
  const std::string begin = "cannot use directory " + dir.path();
  for (const char* name : {"open", "sticky", "real"}) std::filesystem::create_directory(dir / name);
  chmod((dir / "open").c_str(), 0777);
  CHECK(message("open") == begin + "/open: everybody may write to it, and it has no sticky bit");
  chmod((dir / "sticky").c_str(), 01777);
  CHECK(message("sticky").empty());
  std::filesystem::create_directory_symlink(dir / "real", dir / "link");
  CHECK(message("link") == begin + "/link: it is a symbolic link");
  CHECK(message("link/") == begin + "/link: it is a symbolic link");
  WriteFile(dir / "file", "x");
  CHECK(message("file") == begin + "/file: it is no directory");
  CHECK(message("no/such") ==
        "cannot open directory " + dir.path() + "/no/such: No such file or directory");
  if (geteuid() != 0) return;
  REQUIRE(chown((dir / "real").c_str(), 12345, 0) == 0);
  CHECK(message("real") == begin + "/real: it belongs to user 12345, this process is 0");
}

TEST_CASE("a directory removed, made again or replaced by a link while the spool is in use") {
  ScratchDirectory dir;
  Spool spool(dir / "spool", kMany, Key(1));
  REQUIRE(spool.Put(MakePayload("lost with the directory")).ok());
  std::filesystem::remove_all(dir / "spool");
  CHECK(spool.TakeOldest() == std::nullopt);
  REQUIRE(spool.Put(MakePayload("again")).ok());
  CHECK(spool.count() == 1);
  std::filesystem::rename(dir / "spool", dir / "moved");
  std::filesystem::create_directory_symlink(dir / "moved", dir / "spool");
  const base::Status refused = spool.Put(MakePayload("x"));
  CHECK(refused == spool.Put(MakePayload("y")));
  CHECK(std::string(refused.message()).ends_with("it is a symbolic link"));
  CHECK(spool.TakeOldest() == std::nullopt);
  unlink((dir / "spool").c_str());
  std::filesystem::rename(dir / "moved", dir / "spool");
  CHECK(TakeAndRelease(spool) == "again");
}

TEST_CASE("without descriptors the spool says so, loses nothing and works again") {
  ScratchDirectory dir;
  CHECK(InChild([&] {
          Spool spool(dir.path(), 8 << 10, Key(1));
          if (!spool.Put(MakePayload("a", 1)).ok() || !spool.Put(MakePayload("b", 2)).ok())
            return 1;
          rlimit limit;
          getrlimit(RLIMIT_NOFILE, &limit);
          const rlimit few = {3, limit.rlim_max};
          setrlimit(RLIMIT_NOFILE, &few);
          const base::Status refused = spool.Put(MakePayload("c", 3));
          const bool none = !spool.TakeOldest();
          const base::Status again = spool.Put(MakePayload("d", 4));
          setrlimit(RLIMIT_NOFILE, &limit);
          if (!base::IsUnavailable(refused) || refused != again) return 2;
          if (!std::string(refused.message()).ends_with("Too many open files")) return 3;
          if (!none || spool.dropped() != 0) return 4;
          if (TakeAndRelease(spool) != "a" || TakeAndRelease(spool) != "b") return 5;
          return 0;
        }) == 0);
}

TEST_CASE("a host that closes all descriptors takes nothing from the spool") {
  ScratchDirectory dir;
  CHECK(InChild([&] {
          Spool spool(dir.path(), kMany, Key(1));
          if (!spool.Put(MakePayload("a", 1)).ok() || !spool.TakeOldest()) return 1;
          closefrom(3);
          spool.Release(false);
          if (!spool.Put(MakePayload("b", 2)).ok()) return 2;
          if (TakeAndRelease(spool) != "a" || TakeAndRelease(spool) != "b") return 3;
          return 0;
        }) == 0);
  CHECK(dir.Names().empty());
}

TEST_CASE("temporary files of the dead go, those of the living stay") {
  ScratchDirectory dir;
  const std::string dead = FormatSpoolName({.key = 1, .kind = SpoolKind::kTemporary});
  const std::string alive = FormatSpoolName({.key = 2, .kind = SpoolKind::kTemporary});
  WriteFile(dir / dead, std::string("PODOSPL\x1a half", 13));
  base::SharedDirectory writer(dir.path());
  REQUIRE(writer.Open().ok());
  base::FileClaim claim;
  REQUIRE(writer.Create(alive, &claim) == 0);
  Spool spool(dir.path(), kMany, Key(1));
  REQUIRE(spool.Put(MakePayload("x")).ok());
  CHECK_FALSE(std::filesystem::exists(dir / dead));
  CHECK(std::filesystem::exists(dir / alive));
}

TEST_CASE("a claim ends with its process, although a fork child of it lives on") {
  ScratchDirectory dir;
  Spool spool(dir.path(), kMany, Key(1));
  REQUIRE(spool.Put(MakePayload("x")).ok());
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t parent = fork();
  if (parent == 0) {
    Spool* other = new Spool(dir.path(), kMany, Key(1));
    if (!other->TakeOldest()) _exit(1);
    if (const pid_t child = fork(); child == 0) {
      base::CloseOwnedFdsInForkChild();
      const pid_t self = getpid();
      if (write(ready[1], &self, sizeof self) != sizeof self) _exit(1);
      for (;;) pause();
    }
    for (;;) pause();
  }
  pid_t child = 0;
  REQUIRE(read(ready[0], &child, sizeof child) == sizeof child);
  CHECK(spool.TakeOldest() == std::nullopt);
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  CHECK(TakeAndRelease(spool) == "x");
  kill(child, SIGKILL);
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("a claim given back is free, although a child that never ran podo's code inherited it") {
  ScratchDirectory dir;
  Spool one(dir.path(), kMany, Key(1)), two(dir.path(), kMany, Key(1));
  REQUIRE(one.Put(MakePayload("x")).ok());
  REQUIRE(one.TakeOldest());
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  CHECK(two.TakeOldest() == std::nullopt);
  one.Release(false);
  CHECK(TakeAndRelease(two) == "x");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST_CASE("a clock that was stepped far ahead and back harms nothing") {
  ScratchDirectory dir;
  Spool spool(dir.path(), 16 << 10, Key(1));
  const int64_t future_ns = INT64_MAX;
  for (const int64_t start_ns : {future_ns, int64_t{-7}, int64_t{5}}) {
    REQUIRE(spool.Put(MakePayload(std::to_string(start_ns), start_ns)).ok());
  }
  CHECK(TakeAndRelease(spool) == "-7");
  CHECK(TakeAndRelease(spool) == "5");
  CHECK(TakeAndRelease(spool) == std::to_string(future_ns));
}

TEST_CASE("with 10,000 files one that is stored or taken costs no listing of all") {
  ScratchDirectory dir;
  Spool spool(dir.path(), kMany, Key(1));
  for (int i = 0; i < 10'000; ++i) {
    WriteFile(dir / FormatSpoolName({.start_ns = 1, .key = 9, .seq = static_cast<uint32_t>(i)}),
              "PODOSPL");
  }
  REQUIRE(spool.Put(MakePayload("first", 1)).ok());
  const uint64_t before = spool.listings();
  for (int i = 0; i < 100; ++i) {
    REQUIRE(spool.Put(MakePayload("x", 2 + i)).ok());
    CHECK(TakeAndRelease(spool) != "-");
  }
  CHECK(spool.listings() == before);
  Spool other(dir.path(), kMany, Key(1));
  REQUIRE(other.Put(MakePayload("y", 1)).ok());
  CHECK(TakeAndRelease(spool) == "y");
  CHECK(spool.listings() == before + 1);
}

}  // namespace
}  // namespace podo::exporting
