// SPDX-License-Identifier: Apache-2.0
// What is on disk outlives the process, and never harms it.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "../export/small_disk.h"
#include "../in_child.h"
#include "../scratch_directory.h"
#include "base/log.h"
#include "base/owned_fd.h"
#include "history/history.h"
#include "synthetic.h"

namespace podo::history {
namespace {

using test::InChild;
using test::ScratchDirectory;

std::unique_ptr<History> Open(const std::string& directory, uint64_t max_bytes = 16 << 20,
                              const std::string& service = "shop") {
  return std::make_unique<History>(
      History::Options{.max_bytes = max_bytes, .directory = directory, .service = service});
}

model::Profile Window(int i, int ticks = 50) {
  MadeWindow window = BusyWindow(i, ticks, 500);
  window.begin_ns += i * 10 * kSecondNs;
  return Make(window);
}

model::Profile Merged(int from, int until, int ticks = 50) {
  std::vector<model::Profile> all;
  for (int i = from; i < until; ++i) all.push_back(Window(i, ticks));
  return MergeAll(all);
}

void AddAll(History* history, int from, int until, int ticks = 50) {
  for (int i = from; i < until; ++i) history->Add(Window(i, ticks));
}

Told Ask(const History& history, const Query& query = {}) {
  const base::StatusOr<ProfileAnswer> answer = history.Profile(query);
  REQUIRE_MESSAGE(answer.ok(), std::string(answer.status().message()));
  return Tell(answer->profile);
}

std::vector<std::string> Chapters(const ScratchDirectory& dir) {
  std::vector<std::string> names = dir.Names();
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(".chapter"); });
  return names;
}

uint64_t BytesIn(const ScratchDirectory& dir) {
  uint64_t bytes = 0;
  for (const std::string& name : dir.Names()) bytes += std::filesystem::file_size(dir / name);
  return bytes;
}

// The log's lines of `body`.
template <typename Body>
size_t LinesOf(Body body) {
  ScratchDirectory dir;
  const std::string path = dir / "stderr";
  const int kept = dup(2);
  FILE* file = fopen(path.c_str(), "w");
  struct stat status;
  fstat(fileno(file), &status);
  dup2(fileno(file), 2);
  base::SetFirstStderr(true, status.st_dev, status.st_ino);
  body();
  dup2(kept, 2);
  close(kept);
  fclose(file);
  fstat(2, &status);
  base::SetFirstStderr(true, status.st_dev, status.st_ino);
  const std::string lines = test::ReadFile(path);
  return static_cast<size_t>(std::count(lines.begin(), lines.end(), '\n'));
}

TEST_CASE("Windows survive a restart, and go on in order") {
  ScratchDirectory dir;
  {
    const auto history = Open(dir.path());
    AddAll(history.get(), 0, 10);
    CHECK(history->Stats().disk_bytes == BytesIn(dir));
  }
  const auto history = Open(dir.path());
  CHECK(Ask(*history) == Tell(Merged(0, 10)));  // before anything is added
  AddAll(history.get(), 10, 13);
  CHECK(Ask(*history) == Tell(Merged(0, 13)));
  CHECK(history->Stats().windows == 13);
  CHECK(history->Stats().begin_ns == kDayBeginNs);
  CHECK(history->Stats().windows_dropped == 0);
}

TEST_CASE("Nothing touches the disk before the first window or question") {
  ScratchDirectory dir;
  const auto history = Open(dir.path());
  CHECK(dir.Names().empty());
  history->Stats();
  CHECK(dir.Names().size() == 1);
}

TEST_CASE("Files are for their owner alone") {
  ScratchDirectory dir;
  const std::string inner = dir / "made";
  const auto history = Open(inner);
  AddAll(history.get(), 0, 1);
  struct stat status;
  REQUIRE(stat(inner.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0700);
  for (const auto& entry : std::filesystem::directory_iterator(inner)) {
    REQUIRE(stat(entry.path().c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
  }
}

TEST_CASE("A killed process leaves every window it had recorded") {
  for (const int windows : {1, 7, 400}) {  // 400: beyond one chapter of an hour
    const ScratchDirectory fresh;
    const int how = InChild([&] {
      const auto history = Open(fresh.path());
      AddAll(history.get(), 0, windows);
      return raise(SIGKILL);
    });
    REQUIRE(how == 1000 + SIGKILL);
    const auto history = Open(fresh.path());
    CHECK(Ask(*history) == Tell(Merged(0, windows)));
  }
}

TEST_CASE("Killed at any moment of writing, a process leaves whole windows") {
  ScratchDirectory dir;
  const std::string source = dir / "source";
  InChild([&] {
    const auto history = Open(source);
    AddAll(history.get(), 0, 3);
    return raise(SIGKILL);
  });
  const std::string name = [&] {
    for (const auto& entry : std::filesystem::directory_iterator(source)) {
      if (entry.path().extension() == ".chapter") return entry.path().filename().string();
    }
    return std::string();
  }();
  REQUIRE(!name.empty());
  const std::string whole = test::ReadFile(source + "/" + name);
  const std::vector<Told> possible = {
      {}, Tell(Merged(0, 1)), Tell(Merged(0, 2)), Tell(Merged(0, 3))};
  size_t most = 0;
  for (size_t size = 36; size <= whole.size(); size += size + 7 < whole.size() ? 7 : 1) {
    const std::string cut = dir / ("cut" + std::to_string(size));
    std::filesystem::create_directory(cut);
    std::filesystem::permissions(cut, std::filesystem::perms::owner_all);
    test::WriteFile(cut + "/" + name, whole.substr(0, size));
    size_t lines = 0;
    lines = LinesOf([&] {
      const Told told = Ask(*Open(cut));
      const auto at = std::find(possible.begin(), possible.end(), told);
      REQUIRE(at != possible.end());
      const auto windows = static_cast<size_t>(at - possible.begin());
      CHECK(windows >= most);
      most = windows;
    });
    CHECK(lines == 0);  // that a process died is no news
  }
  CHECK(most == 3);
}

TEST_CASE("A damaged file is one line in the log and counted; the rest is read") {
  ScratchDirectory dir;
  { AddAll(Open(dir.path()).get(), 0, 5); }
  const std::string first = Chapters(dir).at(0);
  { AddAll(Open(dir.path()).get(), 5, 6); }
  std::string bytes = test::ReadFile(dir / Chapters(dir).at(0));
  REQUIRE(Chapters(dir).size() == 2);
  bytes[60] ^= 1;  // in the first record
  test::WriteFile(dir / Chapters(dir).at(0), bytes);
  std::unique_ptr<History> history;
  const size_t lines = LinesOf([&] {
    history = Open(dir.path());
    CHECK(Ask(*history) == Tell(Merged(5, 6)));
  });
  CHECK(lines == 1);
  CHECK(history->Stats().windows_dropped == 1);
  const std::vector<std::string> names = dir.Names();
  CHECK(std::any_of(names.begin(), names.end(),
                    [](const std::string& name) { return name.ends_with(".bad"); }));
}

TEST_CASE("Names that come after a restart hold for windows before it") {
  ScratchDirectory dir;
  MadeWindow window;
  window.stacks = {{{1, 2}, 3}};
  window.named = false;
  { Open(dir.path())->Add(Make(window)); }
  const auto history = Open(dir.path());
  window.begin_ns += 60 * kSecondNs;
  window.load_base = 0x7f1200000000;
  window.named = true;
  history->Add(Make(window));
  Query first;
  first.until_ns = kDayBeginNs + kSecondNs;
  CHECK(Ask(*history, first) == Told{{"f1:1;f2:2;", {3, 30'000'000}}});
}

TEST_CASE("Processes that share a directory keep to their own while both live") {
  ScratchDirectory dir;
  auto one = Open(dir.path());
  AddAll(one.get(), 0, 362);  // a chapter and a journal
  auto two = Open(dir.path());
  AddAll(two.get(), 362, 364);
  auto other = Open(dir.path(), 16 << 20, "cart");
  AddAll(other.get(), 8, 9);
  CHECK(Ask(*one) == Tell(Merged(0, 362)));
  CHECK(Ask(*two) == Tell(Merged(362, 364)));
  CHECK(Ask(*other) == Tell(Merged(8, 9)));
  one.reset();
  two.reset();
  CHECK(Ask(*Open(dir.path())) == Tell(Merged(0, 364)));
  CHECK(Ask(*other) == Tell(Merged(8, 9)));
}

TEST_CASE("What was put together on disk is there once") {
  ScratchDirectory dir;
  Told expected;
  {
    const auto history = Open(dir.path(), 256 << 10);
    AddAll(history.get(), 0, 600);
    REQUIRE(history->Stats().windows_merged > 0);
    REQUIRE(history->Stats().windows_dropped == 0);
    expected = Ask(*history);
    CHECK(Total(expected) == Total(Tell(Merged(0, 600))));
  }
  const auto history = Open(dir.path(), 256 << 10);
  CHECK(Ask(*history) == expected);
}

TEST_CASE("A replaced file that a killed process could not remove any more counts once") {
  ScratchDirectory dir;
  std::string name, bytes;
  {
    const auto history = Open(dir.path());
    AddAll(history.get(), 0, 359);
    REQUIRE(Chapters(dir).size() == 1);
    name = Chapters(dir)[0];
    bytes = test::ReadFile(dir / name);
    AddAll(history.get(), 359, 361);  // closes the chapter of the first hour
    REQUIRE(Chapters(dir)[0] != name);
  }
  test::WriteFile(dir / name, bytes);
  CHECK(Total(Ask(*Open(dir.path()))) == Total(Tell(Merged(0, 361))));
}

TEST_CASE("A directory holds no more than it may, whoever writes") {
  ScratchDirectory dir;
  constexpr uint64_t kBytes = 200 << 10;
  auto one = Open(dir.path(), kBytes);
  auto two = Open(dir.path(), kBytes);
  for (int i = 0; i < 900; ++i) {
    one->Add(Window(i, 100));
    two->Add(Window(i + 1000, 100));
    if (i % 10 == 0) REQUIRE(BytesIn(dir) <= kBytes);
  }
  CHECK(one->Stats().windows > 0);
  one.reset();
  two.reset();
  CHECK(Open(dir.path(), kBytes)->Stats().bytes <= kBytes);
  CHECK(BytesIn(dir) <= kBytes);
}

TEST_CASE("Many short runs become few files") {
  ScratchDirectory dir;
  for (int i = 0; i < 200; ++i) AddAll(Open(dir.path()).get(), i, i + 1);
  const auto history = Open(dir.path());
  CHECK(Ask(*history) == Tell(Merged(0, 200)));
  CHECK(dir.Names().size() < 80);
  CHECK(history->Stats().windows == 200);
}

TEST_CASE("A fork child writes nothing") {
  ScratchDirectory dir;
  const auto history = Open(dir.path());
  AddAll(history.get(), 0, 2);
  const uint64_t before = BytesIn(dir);
  CHECK(InChild([&] {
          base::CloseOwnedFdsInForkChild();
          AddAll(history.get(), 2, 4);
          return 0;
        }) == 0);
  CHECK(InChild([&] {
          AddAll(history.get(), 2, 4);
          return 0;
        }) == 0);
  CHECK(BytesIn(dir) == before);
  AddAll(history.get(), 2, 3);
  CHECK(Ask(*history) == Tell(Merged(0, 3)));
}

TEST_CASE("A host that closes all descriptors loses nothing") {
  ScratchDirectory dir;
  CHECK(InChild([&] {
          auto history = Open(dir.path());
          AddAll(history.get(), 0, 362);  // a chapter and a journal
          for (int fd = 3; fd < 256; ++fd) close(fd);
          AddAll(history.get(), 362, 364);
          const bool is_still_ours = Ask(*Open(dir.path())).empty();
          return is_still_ours ? raise(SIGKILL) : 1;
        }) == 1000 + SIGKILL);
  CHECK(Ask(*Open(dir.path())) == Tell(Merged(0, 364)));
}

TEST_CASE("A directory that cannot be used is one line in the log") {
  ScratchDirectory dir;
  std::filesystem::create_directory_symlink(dir.path(), dir / "link");
  for (const std::string& path : {dir / "link", dir / "not/there", std::string("/proc/self")}) {
    CHECK(LinesOf([&] {
            const auto history = Open(path);
            AddAll(history.get(), 0, 5);
            CHECK(Ask(*history) == Tell(Merged(0, 5)));
            CHECK(history->Stats().disk_bytes == 0);
          }) == 1);
  }
}

TEST_CASE("A full disk is one line in the log, memory goes on, and so does the disk when it can") {
  const ScratchDirectory dir;
  test::OnSmallDisk(dir, [&] {
    const auto history = Open(dir.path());
    test::WriteFile(dir / "ballast", std::string(240 << 10, 'x'));
    int failed = 0;
    const size_t lines = LinesOf([&] { AddAll(history.get(), 0, 40, 200); });
    if (lines != 1) failed = 1;
    if (Tell(history->Profile({})->profile) != Tell(Merged(0, 40, 200))) failed = 2;
    std::filesystem::remove(dir / "ballast");
    AddAll(history.get(), 40, 41, 200);
    const ScratchDirectory copy;  // what a process killed now would leave
    for (const std::string& name : Chapters(dir)) {
      std::filesystem::copy_file(dir / name, copy / name);
    }
    if (Tell(Open(copy.path())->Profile({})->profile) != Tell(Merged(0, 41, 200))) failed = 3;
    return failed;
  });
}

}  // namespace
}  // namespace podo::history
