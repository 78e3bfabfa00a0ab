// SPDX-License-Identifier: Apache-2.0
#include "export/file_sink.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "../scratch_directory.h"
#include "base/owned_fd.h"

namespace podo::exporting {
namespace {

using test::ReadFile;
using test::ScratchDirectory;
using Names = std::vector<std::string>;

const ProcessIdentity kProcess = {"svc", 4711, 0};

SinkSpec Spec(const std::string& path) { return *ParseSinkUrl("file://" + path); }
SendOutcome Send(Sink& sink, const std::string& bytes, uint64_t window_seq = 0) {
  Payload payload;
  payload.bytes = std::make_shared<const std::string>(bytes);
  payload.window_seq = window_seq;
  return sink.Send(payload, 0);
}
bool Sent(Sink& sink, const std::string& bytes, uint64_t window_seq = 0) {
  return Send(sink, bytes, window_seq).verdict == SendVerdict::kDelivered;
}
RunFileSink SharedSink(const std::string& path, int64_t pid) {
  return RunFileSink(Spec(path), {"svc", pid, 0}, /*shares_names=*/true);
}

// A process that holds what `take` made of the heap until it is told to end.
class Holder {
 public:
  template <typename Take>
  explicit Holder(Take take) {
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    pid_ = fork();
    if (pid_ == 0) {
      take();
      if (write(ready[1], "x", 1) != 1) _exit(1);
      for (;;) pause();
    }
    char byte;
    REQUIRE(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    close(ready[1]);
  }
  ~Holder() { Kill(); }
  void Kill() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    pid_ = -1;
  }

 private:
  pid_t pid_;
};

// Another process that has claimed `path`.
Holder OtherOwner(const std::string& path) {
  return Holder([&] { (new RunFileSink(SharedSink(path, 1)))->Prepare(); });
}

TEST_CASE("a directory gets one file a window, and never loses one to a name that is taken") {
  ScratchDirectory dir;
  DirectorySink sink(Spec(dir / ""), kProcess);
  CHECK(Sent(sink, "first", 0));
  CHECK(Sent(sink, "second", 1));
  DirectorySink twin(Spec(dir / ""), kProcess);
  CHECK(Sent(twin, "twin", 1));
  const std::string stem = "svc-4711-19700101T000000.000Z-";
  CHECK(dir.Names() ==
        Names{stem + "000000.pb.gz", stem + "000001.2.pb.gz", stem + "000001.pb.gz"});
  CHECK(ReadFile(dir / (stem + "000001.pb.gz")) == "second");
  CHECK(ReadFile(dir / (stem + "000001.2.pb.gz")) == "twin");
}

TEST_CASE("a run file holds what was sent last") {
  ScratchDirectory dir;
  RunFileSink sink(Spec(dir / "{service}.html"), kProcess, /*shares_names=*/false);
  CHECK(sink.format() == PayloadFormat::kHtml);
  CHECK(sink.scope() == PayloadScope::kRun);
  CHECK(Sent(sink, "one window"));
  CHECK(Sent(sink, "two windows"));
  CHECK(ReadFile(dir / "svc.html") == "two windows");
  CHECK(dir.Names() == Names{"svc.html"});
}

TEST_CASE("sending goes on when a removed directory is there again") {
  ScratchDirectory dir;
  for (const bool shares_names : {false, true}) {
    RunFileSink sink(Spec(dir / "deep/sub/x.html"), kProcess, shares_names);
    CHECK(Send(sink, "x").verdict == SendVerdict::kRetry);
    std::filesystem::create_directories(dir / "deep");
    CHECK(Sent(sink, "x"));
    std::filesystem::remove_all(dir / "deep/sub");
    CHECK(Sent(sink, "y"));
    CHECK(ReadFile(dir / "deep/sub/x.html") == "y");
    std::filesystem::remove_all(dir / "deep");
  }
}

TEST_CASE("a name that another live process has gets the pid, and no file is left for the claim") {
  ScratchDirectory dir;
  Holder other = OtherOwner(dir / "x.html");
  RunFileSink sink = SharedSink(dir / "x.html", 4711);
  sink.Prepare();
  CHECK(dir.Names().empty());
  CHECK(Sent(sink, "ours"));
  CHECK(dir.Names() == Names{"x.4711.html"});
  other.Kill();
  CHECK(Sent(sink, "ours"));  // it keeps the name it has
  CHECK(dir.Names() == Names{"x.4711.html"});
}

TEST_CASE("a claim ends with its process, even by SIGKILL") {
  ScratchDirectory dir;
  OtherOwner(dir / "x.html").Kill();
  RunFileSink sink = SharedSink(dir / "x.html", 4711);
  CHECK(Sent(sink, "ours"));
  CHECK(dir.Names() == Names{"x.html"});
}

TEST_CASE("a claim survives replacing the file") {
  ScratchDirectory dir;
  RunFileSink first = SharedSink(dir / "x.html", 1);
  CHECK(Sent(first, "a"));
  CHECK(Sent(first, "b"));
  RunFileSink second = SharedSink(dir / "x.html", 2);
  second.Prepare();
  CHECK(second.path() == dir / "x.2.html");
}

TEST_CASE("other names in the directory, names with {pid} and linked podo are left as they are") {
  ScratchDirectory dir;
  Holder other = OtherOwner(dir / "x.html");
  Holder other_with_pid = OtherOwner(dir / "2.html");
  RunFileSink neighbour = SharedSink(dir / "y.html", 2);
  RunFileSink with_pid = SharedSink(dir / "{pid}.html", 2);
  RunFileSink linked(Spec(dir / "x.html"), kProcess, /*shares_names=*/false);
  for (RunFileSink* sink : {&neighbour, &with_pid, &linked}) sink->Prepare();
  CHECK(neighbour.path() == dir / "y.html");
  CHECK(with_pid.path() == dir / "2.html");
  CHECK(linked.path() == dir / "x.html");
}

TEST_CASE("a fork child that lives on does not keep the name of its dead parent") {
  ScratchDirectory dir;
  int child_ready[2];
  REQUIRE(pipe(child_ready) == 0);
  const pid_t parent = fork();
  if (parent == 0) {
    RunFileSink* sink = new RunFileSink(SharedSink(dir / "x.html", 1));
    sink->Prepare();
    if (const pid_t child = fork(); child == 0) {
      base::CloseOwnedFdsInForkChild();
      const pid_t self = getpid();
      if (write(child_ready[1], &self, sizeof self) != sizeof self) _exit(1);
      for (;;) pause();
    }
    _exit(0);
  }
  waitpid(parent, nullptr, 0);
  pid_t child = 0;
  REQUIRE(read(child_ready[0], &child, sizeof child) == sizeof child);
  RunFileSink next = SharedSink(dir / "x.html", 3);
  next.Prepare();
  CHECK(next.path() == dir / "x.html");
  kill(child, SIGKILL);
  close(child_ready[0]);
  close(child_ready[1]);
}

TEST_CASE("a claim is renewed after the host has closed all descriptors") {
  ScratchDirectory dir;
  const pid_t child = fork();
  if (child == 0) {
    RunFileSink sink = SharedSink(dir / "x.html", 1);
    sink.Prepare();
    closefrom(3);
    if (!Sent(sink, "a")) _exit(1);
    RunFileSink second = SharedSink(dir / "x.html", 2);
    second.Prepare();
    _exit(second.path() == dir / "x.2.html" ? 0 : 2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(status == 0);
}

TEST_CASE("a claim is renewed after the directory was removed and made again") {
  ScratchDirectory dir;
  RunFileSink first = SharedSink(dir / "sub/x.html", 1);
  first.Prepare();
  std::filesystem::rename(dir / "sub", dir / "old");
  CHECK(Sent(first, "a"));
  RunFileSink second = SharedSink(dir / "sub/x.html", 2);
  second.Prepare();
  CHECK(second.path() == dir / "sub/x.2.html");
}

TEST_CASE("of many processes that claim at once exactly one gets the bare name") {
  ScratchDirectory dir;
  constexpr int kProcesses = 32;
  int go[2], done[2];
  REQUIRE(pipe(go) == 0);
  REQUIRE(pipe(done) == 0);
  std::vector<pid_t> children;
  for (int i = 1; i <= kProcesses; ++i) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    RunFileSink sink = SharedSink(dir / "x.html", i);
    close(go[1]);
    char byte;
    if (read(go[0], &byte, 1) != 0) _exit(1);  // until the parent closes the other end
    const bool sent = Sent(sink, "x");
    if (write(done[1], sent ? "1" : "0", 1) != 1) _exit(1);
    for (;;) pause();
  }
  close(go[1]);
  char answers[kProcesses];
  for (char& answer : answers) REQUIRE(read(done[0], &answer, 1) == 1);
  CHECK(std::string(answers, kProcesses) == std::string(kProcesses, '1'));
  const Names names = dir.Names();
  CHECK(names.size() == kProcesses);
  CHECK(std::count(names.begin(), names.end(), "x.html") == 1);
  for (const pid_t child : children) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  for (const int fd : {go[0], done[0], done[1]}) close(fd);
}

}  // namespace
}  // namespace podo::exporting
