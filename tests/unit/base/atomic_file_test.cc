// SPDX-License-Identifier: Apache-2.0
#include "base/atomic_file.h"

#include <doctest/doctest.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "../scratch_directory.h"

namespace podo::base {
namespace {

using test::ReadFile;
using test::ScratchDirectory;
using Names = std::vector<std::string>;

bool Says(const base::Status& status, const std::string& text) {
  return std::string(status.message()).find(text) != std::string::npos;
}

TEST_CASE("a file appears whole, readable by its owner only, with nothing beside it") {
  ScratchDirectory dir;
  const std::string bytes(3'000'000, 'x');  // several pieces
  const mode_t old_mask = umask(0);
  CHECK(WriteFileAtomically(dir / "a", bytes, IfExists::kReplace).ok());
  umask(old_mask);
  CHECK(ReadFile(dir / "a") == bytes);
  struct stat status;
  REQUIRE(stat((dir / "a").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(dir.Names() == Names{"a"});
}

TEST_CASE("replacing gives a new file, and a reader of the old one keeps the old bytes") {
  ScratchDirectory dir;
  REQUIRE(WriteFileAtomically(dir / "a", "old", IfExists::kReplace).ok());
  std::ifstream reader(dir / "a");
  REQUIRE(WriteFileAtomically(dir / "a", "new", IfExists::kReplace).ok());
  std::string seen;
  reader >> seen;
  CHECK(seen == "old");
  CHECK(ReadFile(dir / "a") == "new");
}

TEST_CASE("an existing file is refused on demand and stays as it was") {
  ScratchDirectory dir;
  test::WriteFile(dir / "a", "theirs");
  const base::Status status = WriteFileAtomically(dir / "a", "ours", IfExists::kRefuse);
  CHECK(base::IsAlreadyExists(status));
  CHECK(ReadFile(dir / "a") == "theirs");
  CHECK(dir.Names() == Names{"a"});
}

TEST_CASE("a symbolic link at the target is replaced, what it points to stays") {
  ScratchDirectory dir;
  test::WriteFile(dir / "precious", "theirs");
  REQUIRE(symlink("precious", (dir / "a").c_str()) == 0);
  CHECK(WriteFileAtomically(dir / "a", "ours", IfExists::kReplace).ok());
  CHECK(ReadFile(dir / "precious") == "theirs");
  CHECK(ReadFile(dir / "a") == "ours");
  CHECK(std::filesystem::is_regular_file(std::filesystem::symlink_status(dir / "a")));
}

TEST_CASE("a missing directory is created for its owner only, a missing grandparent is an error") {
  ScratchDirectory dir;
  CHECK(WriteFileAtomically(dir / "new/a", "x", IfExists::kReplace).ok());
  struct stat status;
  REQUIRE(stat((dir / "new").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0700);
  const base::Status refused = WriteFileAtomically(dir / "no/new/a", "x", IfExists::kReplace);
  CHECK(base::IsUnavailable(refused));
  CHECK(Says(refused, "No such file or directory"));
}

TEST_CASE("each obstacle is named and leaves nothing behind") {
  ScratchDirectory dir;
  test::WriteFile(dir / "file", "");
  REQUIRE(mkdir((dir / "directory").c_str(), 0700) == 0);
  struct Case {
    std::string path, says;
  };
  const Case cases[] = {
      {dir / "directory", "put a file at " + (dir / "directory") + ": Is a directory"},
      {dir / "file/x", "open directory " + (dir / "file") + ": Not a directory"},
      {dir / std::string(300, 'n'), "File name too long"},
      {dir / (std::string(5000, 'n') + "/x"), "File name too long"},
      {"/proc/x", "cannot create a file in /proc"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.path);
    const base::Status status = WriteFileAtomically(c.path, "x", IfExists::kReplace);
    CHECK(!status.ok());
    CAPTURE(status.message());
    CHECK(Says(status, c.says));
    CHECK(dir.Names() == Names{"directory", "file"});
  }
}

TEST_CASE("an error that may pass is told from one that stays") {
  for (const int error : {ENOSPC, EDQUOT, ENOENT, EMFILE, EIO}) {
    CHECK(base::IsUnavailable(FileError("write", "/x", error)));
  }
  for (const int error : {EACCES, EROFS, EISDIR, ENOTDIR, ENAMETOOLONG, EFBIG, ELOOP}) {
    CHECK(!base::IsUnavailable(FileError("write", "/x", error)));
  }
  CHECK(FileError("write", "/x", ENOSPC).message() == "cannot write /x: No space left on device");
}

// The limit kills by SIGXFSZ unless it is blocked, so this runs in a child.
TEST_CASE("a file size limit is an error that leaves no half-written file") {
  ScratchDirectory dir;
  const pid_t child = fork();
  if (child == 0) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    const rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    const base::Status status =
        WriteFileAtomically(dir / "a", std::string(10'000, 'x'), IfExists::kReplace);
    _exit(base::IsResourceExhausted(status) ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(dir.Names().empty());
}

}  // namespace
}  // namespace podo::base
