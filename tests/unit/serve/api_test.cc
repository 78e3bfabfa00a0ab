// SPDX-License-Identifier: Apache-2.0
#include "serve/api.h"

#include <doctest/doctest.h>

#include <string>

#include "encode/pprof_reader.h"
#include "fake_sources.h"

namespace podo::serve {
namespace {

using test::FakeProcess;
using test::HeaderOf;
using test::kNow;

constexpr char kResolution[] =
    "{\"windows\":2,\"from_ms\":1767225580000,\"until_ms\":1767225600000,"
    "\"longest_window_ms\":10000,\"folded\":false}";

Response Ask(FakeProcess* process, const std::string& target) {
  const base::StatusOr<Target> parsed = ParseTarget(target);
  REQUIRE(parsed.ok());
  return AnswerApi(*parsed, process->Sources());
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("the status says who the process is, and what is kept") {
  FakeProcess process;
  CHECK(Ask(&process, "/api/v1/status").body ==
        "{\"service\":\"checkout\",\"instance_id\":\"id-1\",\"version\":\"0.1.0\",\"pid\":4711,"
        "\"host\":\"shop-1\",\"started_ms\":1767225599000,\"now_ms\":1767225600000,"
        "\"state\":\"running\",\"window_ms\":10000,\"sample_hz\":100,\"sampling_ratio\":0.5,"
        "\"history\":{\"begin_ms\":null,\"end_ms\":null,\"windows\":0,\"bytes\":0,"
        "\"max_bytes\":16777216,\"disk_bytes\":0},\"note\":\"\"}\n");
  process.stopped = "taken";
  process.history_stats.begin_ns = kNow;
  const std::string body = Ask(&process, "/api/v1/status").body;
  CHECK(Contains(body, "\"state\":\"stopped\""));
  CHECK(Contains(body, "\"note\":\"taken\""));
  CHECK(Contains(body, "\"begin_ms\":1767225600000"));
}

TEST_CASE("a timeline has a number for each value, and one for the rest if there is one") {
  FakeProcess process;
  process.timeline.values = {"/pay", ""};
  process.timeline.points = {{kNow, 10'000'000'000, {5, 7, 0}}};
  process.timeline.resolution = process.resolution;
  Response answer = Ask(&process, "/api/v1/timeline?by=endpoint&points=7&from=now-3h");
  CHECK(answer.content_type == "application/json");
  CHECK(answer.body == std::string("{\"by\":\"endpoint\",\"values\":[\"/pay\",\"\"],\"rest\":false,"
                                   "\"points\":[{\"t\":1767225600000,\"d\":10000,\"cpu\":[5,7]}],"
                                   "\"resolution\":") +
                           kResolution + "}\n");
  CHECK(process.timeline_query.by == "endpoint");
  CHECK(process.timeline_query.max_points == 7);
  CHECK(process.timeline_query.query.from_ns == kNow - 3 * 3'600'000'000'000);
  process.timeline.points[0].cpu_ns[2] = 9;
  answer = Ask(&process, "/api/v1/timeline");
  CHECK(Contains(answer.body,
                 "\"rest\":true,\"points\":[{\"t\":1767225600000,\"d\":10000,"
                 "\"cpu\":[5,7,9]}]"));
}

TEST_CASE("labels are listed with their CPU time, text escaped") {
  FakeProcess process;
  process.labels = {{"endpoint", {{"/p\"", 9}, {"", 1}}, 3}};
  CHECK(Ask(&process, "/api/v1/labels").body ==
        "{\"labels\":[{\"key\":\"endpoint\",\"values\":[{\"value\":\"/p\\\"\",\"cpu_ns\":9},"
        "{\"value\":\"\",\"cpu_ns\":1}],\"more\":3}]}\n");
}

TEST_CASE("a profile comes in four forms, each with its resolution") {
  FakeProcess process;
  const Response json = Ask(&process, "/api/v1/profile");
  CHECK(json.body.starts_with(std::string("{\"resolution\":") + kResolution +
                              ",\"flame\":{\"format\":\"podo-flame-1\""));
  const Response folded = Ask(&process, "/api/v1/profile?format=folded");
  CHECK(folded.body == "main;Escape 5\n");
  CHECK(*HeaderOf(folded, "Podo-Windows") == "2");
  CHECK(*HeaderOf(folded, "Podo-Longest-Window-Ms") == "10000");
  const Response html = Ask(&process, "/api/v1/profile?format=html");
  CHECK(html.content_type == "text/html; charset=utf-8");
  CHECK(Contains(html.body, "podo-flame-1"));
  CHECK(Contains(*HeaderOf(html, "Content-Security-Policy"), "default-src 'none'"));
  const Response pprof = Ask(&process, "/api/v1/profile?format=pprof");
  CHECK(pprof.content_type == "application/octet-stream");
  CHECK(*HeaderOf(pprof, "Content-Disposition") == "attachment; filename=\"profile.pb.gz\"");
  const base::StatusOr<model::Profile> read = encode::ReadPprof(pprof.body);
  REQUIRE(read.ok());
  CHECK(read->values == std::vector<int64_t>{5, 50'000'000});
}

TEST_CASE("a difference holds both ranges") {
  FakeProcess process;
  const std::string ranges = "/api/v1/diff?base_from=now-3h&base_until=now-2h&label.a=b";
  const Response json = Ask(&process, ranges);
  CHECK(Contains(json.body, std::string("\"base_resolution\":") + kResolution));
  REQUIRE(process.queries.size() == 2);
  CHECK(process.queries[1].until_ns == kNow - 2 * 3'600'000'000'000);
  CHECK(process.queries[1].labels.at(0).key == "a");
  CHECK(Ask(&process, ranges + "&format=folded").body == "main;Escape 0 5\nmain;Parse 3 0\n");
  const base::StatusOr<model::Profile> read =
      encode::ReadPprof(Ask(&process, ranges + "&format=pprof").body);
  REQUIRE(read.ok());
  int64_t sum = 0;
  for (size_t i = 0; i < read->samples.size(); ++i) sum += read->ValuesOf(i)[0];
  CHECK(sum == 2);  // 5 later, 3 earlier
  CHECK(Ask(&process, ranges + "&format=html").content_type == "text/html; charset=utf-8");
}

TEST_CASE("a bad question is answered with the parameter and what is accepted") {
  FakeProcess process;
  struct Case {
    const char* target;
    int status;
    const char* body;
  };
  const Case cases[] = {
      {"/api/v1/profile?from=x", 400, "\"parameter\":\"from\""},
      {"/api/v1/profile?format=xml", 400, "accepted: json, pprof, folded, html\",\"parameter\":"},
      {"/api/v1/timeline?points=0", 400, "accepted: a whole number from 1 to 5000"},
      {"/api/v1/timeline?points=5001", 400, "\"parameter\":\"points\""},
      {"/api/v1/labels?label~.a=(", 400, "label~.a: no patterns here"},
      {"/api/v1/diff", 400, "base_from is missing"},
      {"/api/v1/", 404, "accepted: /api/v1/ with status, timeline, labels, profile, diff"},
      {"/api/v2/profile", 404, "no such question"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.target);
    const Response answer = Ask(&process, c.target);
    CHECK(answer.status == c.status);
    CHECK(answer.content_type == "application/json");
    CHECK(answer.body.starts_with("{\"error\":{\"message\":\""));
    CHECK(Contains(answer.body, c.body));
  }
}

TEST_CASE("what the history cannot answer is an error with its words") {
  FakeProcess process;
  process.failure = base::ResourceExhaustedError("too large");
  CHECK(Ask(&process, "/api/v1/profile").status == 503);
  process.failure = base::InternalError("broken");
  const Response answer = Ask(&process, "/api/v1/timeline");
  CHECK(answer.status == 500);
  CHECK(answer.body == "{\"error\":{\"message\":\"broken\"}}\n");
}

}  // namespace
}  // namespace podo::serve
