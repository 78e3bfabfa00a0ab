// SPDX-License-Identifier: Apache-2.0
// File sinks on a disk that is full, read-only, and well again: a small tmpfs in a mount namespace
// of a child process's own.
#include <doctest/doctest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "../scratch_directory.h"
#include "export/failure_log.h"
#include "export/file_sink.h"
#include "small_disk.h"

namespace podo::exporting {
namespace {

using test::OnSmallDisk;
using test::ScratchDirectory;

struct Bench {
  explicit Bench(const std::string& path)
      : sink(MakeSink(*ParseSinkUrl("file://" + path), {"svc", 1, 0}, false)), log(sink->name()) {}
  // What became of it; its line, if any, is added to `lines`.
  SendVerdict Send(const std::string& bytes, uint64_t window_seq = 0) {
    Payload payload;
    payload.bytes = std::make_shared<const std::string>(bytes);
    payload.window_seq = window_seq;
    const SendOutcome outcome = sink->Send(payload, 0);
    const bool sent = outcome.verdict == SendVerdict::kDelivered;
    const auto line = sent ? log.ObserveSuccess() : log.ObserveFailure(outcome.reason, 0);
    if (line) lines.push_back(*line);
    return outcome.verdict;
  }
  bool Sends(const std::string& bytes, uint64_t window_seq = 0) {
    return Send(bytes, window_seq) == SendVerdict::kDelivered;
  }
  std::unique_ptr<Sink> sink;
  FailureLog log;
  std::vector<std::string> lines;
};

TEST_CASE("a full disk is one line, leaves no scrap, and is over when there is room again") {
  ScratchDirectory dir;
  for (const std::string file : {"", "x.html"}) {
    CAPTURE(file);
    OnSmallDisk(dir, [&] {
      Bench bench(dir / file);
      const std::string large(100 << 10, 'x');
      test::WriteFile(dir / "filler", std::string(200 << 10, 'f'));
      for (uint64_t seq = 0; seq < 5; ++seq) {
        if (bench.Send(large, seq) != SendVerdict::kRetry) return 1;
      }
      if (dir.Names() != std::vector<std::string>{"filler"}) return 2;
      if (bench.lines.size() != 1 || !bench.lines[0].ends_with("No space left on device")) return 3;
      unlink((dir / "filler").c_str());
      if (!bench.Sends(large, 5) || dir.Names().size() != 1) return 4;
      if (bench.lines.size() != 2 || !bench.lines[1].ends_with("after 5 failed attempts")) return 5;
      return 0;
    });
  }
}

TEST_CASE("a full disk does not harm the run file that is there") {
  ScratchDirectory dir;
  OnSmallDisk(dir, [&] {
    Bench bench(dir / "x.html");
    if (!bench.Sends("first state")) return 1;
    if (bench.Sends(std::string(300 << 10, 'x'))) return 2;
    return test::ReadFile(dir / "x.html") == "first state" ? 0 : 3;
  });
}

TEST_CASE("a read-only disk is a lasting error, told once") {
  ScratchDirectory dir;
  OnSmallDisk(dir, [&] {
    if (mount("none", dir.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) return 1;
    Bench bench(dir / "");
    for (uint64_t seq = 0; seq < 3; ++seq) {
      if (bench.Send("x", seq) != SendVerdict::kRefused) return 2;
    }
    return bench.lines.size() == 1 && bench.lines[0].ends_with("Read-only file system") ? 0 : 4;
  });
}

}  // namespace
}  // namespace podo::exporting
