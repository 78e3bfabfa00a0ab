// SPDX-License-Identifier: Apache-2.0
#include "serve/pprof_endpoints.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "encode/pprof_reader.h"
#include "fake_sources.h"

namespace podo::serve {
namespace {

using test::FakeProcess;
using test::HeaderOf;

struct Asked {
  std::optional<Response> answer;
  bool is_waiting = true;
};

void Ask(FakeProcess* process, Request request, Asked* asked) {
  const base::StatusOr<Target> target = ParseTarget(request.target);
  REQUIRE(target.ok());
  AnswerPprof(
      request, *target, process->Sources(), [asked] { return asked->is_waiting; },
      [asked](Response response) {
        REQUIRE_FALSE(asked->answer.has_value());
        asked->answer = std::move(response);
      });
}

Response Get(FakeProcess* process, const std::string& target) {
  Asked asked;
  Ask(process, {.method = "GET", .target = target}, &asked);
  REQUIRE(asked.answer.has_value());
  return *asked.answer;
}

TEST_CASE("a recording is answered when it is over, as Go does, gzip inside the body") {
  FakeProcess process;
  Asked asked;
  Ask(&process, {.method = "GET", .target = "/debug/pprof/profile?seconds=5&hz=1000"}, &asked);
  CHECK_FALSE(asked.answer.has_value());
  REQUIRE(process.recordings.size() == 1);
  CHECK(process.recordings[0].duration_ns == 5'000'000'000);
  CHECK_FALSE(process.recordings[0].given_up());
  asked.is_waiting = false;
  CHECK(process.recordings[0].given_up());
  process.recordings[0].finished(test::OneStack("Parse", 4));
  REQUIRE(asked.answer.has_value());
  CHECK(asked.answer->status == 200);
  CHECK(asked.answer->content_type == "application/octet-stream");
  CHECK(*HeaderOf(*asked.answer, "Content-Disposition") == "attachment; filename=\"profile\"");
  CHECK(HeaderOf(*asked.answer, "Content-Encoding") == nullptr);
  CHECK(asked.answer->body.starts_with("\x1f\x8b"));
  CHECK(encode::ReadPprof(asked.answer->body)->values.at(0) == 4);
}

TEST_CASE("a recording lasts 30 s unless another time is asked for") {
  FakeProcess process;
  process.max_recordings = 9;
  Asked none, zero, most;
  Ask(&process, {.method = "GET", .target = "/debug/pprof/profile"}, &none);
  Ask(&process, {.method = "GET", .target = "/debug/pprof/profile?seconds=0"}, &zero);
  Ask(&process, {.method = "GET", .target = "/debug/pprof/profile?seconds=300"}, &most);
  REQUIRE(process.recordings.size() == 3);
  CHECK(process.recordings[0].duration_ns == 30'000'000'000);
  CHECK(process.recordings[1].duration_ns == 30'000'000'000);
  CHECK(process.recordings[2].duration_ns == 300'000'000'000);
}

TEST_CASE("errors are text that the tools print") {
  FakeProcess process;
  process.max_recordings = 0;
  struct Case {
    const char* target;
    int status;
    const char* begin;
  };
  const Case cases[] = {
      {"/debug/pprof/profile?seconds=301", 400, "seconds: \"301\" is not accepted; accepted: "},
      {"/debug/pprof/profile?seconds=-1", 400, "seconds: "},
      {"/debug/pprof/profile?seconds=x", 400, "seconds: "},
      {"/debug/pprof/profile", 503, "too many recordings at once"},
      {"/debug/pprof/heap", 404, "no profile heap in this process; there is: profile (CPU)"},
      {"/debug/pprof/nothing", 404, "Unknown profile"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.target);
    const Response answer = Get(&process, c.target);
    CHECK(answer.status == c.status);
    CHECK(answer.content_type == "text/plain; charset=utf-8");
    CHECK(*HeaderOf(answer, "X-Go-Pprof") == "1");
    CHECK(answer.body.starts_with(c.begin));
  }
  process.stopped = "the program took SIGPROF";
  CHECK(Get(&process, "/debug/pprof/profile").body ==
        "profiling is off: the program took SIGPROF\n");
}

TEST_CASE("symbols are named by GET and POST; an address without a name has no line") {
  FakeProcess process;
  const char expected[] = "num_symbols: 1\n0x10 f16\n0x1f f31\n";
  CHECK(Get(&process, "/debug/pprof/symbol?0x10+0x20+0x1f").body == expected);
  Asked asked;
  Ask(&process,
      {.method = "POST", .target = "/debug/pprof/symbol", .body = "0x10+0x20+0x1f+nonsense+0x"},
      &asked);
  CHECK(asked.answer->body == expected);
  CHECK(Get(&process, "/debug/pprof/symbol").body == "num_symbols: 1\n");
}

TEST_CASE("a request for a million symbols is cut") {
  FakeProcess process;
  Asked asked;
  std::string body;
  for (int i = 0; i < 20'000; ++i) body += "0x10+";
  Ask(&process, {.method = "POST", .target = "/debug/pprof/symbol", .body = body}, &asked);
  CHECK(asked.answer->body.size() == std::string("num_symbols: 1\n").size() + 10'000 * 9);
}

TEST_CASE("the command line is the program alone, for arguments may be secrets") {
  FakeProcess process;
  CHECK(Get(&process, "/debug/pprof/cmdline").body == "/usr/bin/checkout");
}

TEST_CASE("the index links what there is, and stands behind the slash") {
  FakeProcess process;
  CHECK(Get(&process, "/debug/pprof/").body.find("profile?seconds=5") != std::string::npos);
  const Response moved = Get(&process, "/debug/pprof");
  CHECK(moved.status == 301);
  CHECK(*HeaderOf(moved, "Location") == "/debug/pprof/");
}

}  // namespace
}  // namespace podo::serve
