// SPDX-License-Identifier: Apache-2.0
#include "export/sink_url.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace podo::exporting {
namespace {

const ProcessIdentity kProcess = {"svc", 7, 0};
using Kind = SinkSpec::Kind;

TEST_CASE("file URLs say kind and format by how they end") {
  struct Case {
    std::string url;
    Kind kind;
    PayloadFormat format;
    std::string path;
  };
  const Case cases[] = {
      {"file:///var/podo/", Kind::kDirectory, PayloadFormat::kPprof, "/var/podo/"},
      {"file:///", Kind::kDirectory, PayloadFormat::kPprof, "/"},
      {"FILE:///x/", Kind::kDirectory, PayloadFormat::kPprof, "/x/"},
      {"file://localhost/x/", Kind::kDirectory, PayloadFormat::kPprof, "/x/"},
      {" file:///x/{service}.html ", Kind::kFile, PayloadFormat::kHtml, "/x/svc.html"},
      {"file:///x/{pid}.pb.gz", Kind::kFile, PayloadFormat::kPprof, "/x/7.pb.gz"},
      {"file:///x/a%2Cb.folded", Kind::kFile, PayloadFormat::kFolded, "/x/a,b.folded"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.url);
    const absl::StatusOr<SinkSpec> spec = ParseSinkUrl(c.url);
    REQUIRE(spec.ok());
    CHECK(spec->kind == c.kind);
    CHECK(spec->format == c.format);
    CHECK(spec->path.Expand(kProcess) == c.path);
  }
}

TEST_CASE("what is no sink is refused with what is accepted") {
  struct Case {
    std::string url, says;
  };
  const Case cases[] = {
      {"", "file:///directory/"},
      {"/tmp/x.html", "file:///directory/"},
      {"ftp://host/x", "file:///directory/"},
      {"http://host:4318", "file:///directory/"},
      {"file://host/x/", "three slashes"},
      {"file://", "three slashes"},
      {"file://tmp", "three slashes"},
      {"file:/x/", "file:///directory/"},
      {"file:", "file:///directory/"},
      {"file:///x", "name.html"},
      {"file:///x.svg", "name.html"},
      {"file:///x.pb", "name.html"},
      {"file:///x?.html", "%3F"},
      {"file:///x#.html", "%3F"},
      {"file:///{host}.html", "{service}, {pid} and {start}"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.url);
    const absl::Status status = ParseSinkUrl(c.url).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK(std::string(status.message()).find(c.says) != std::string::npos);
  }
}

TEST_CASE("sinks of later versions are known but not available") {
  for (const std::string url :
       {"otlp+http://h:4318", "otlp+https://h", "otlp+unix:/path", "otlp+unix:///path",
        "pyroscope+http://h:4040", "pprof+https://h/p?x=1"}) {
    CAPTURE(url);
    CHECK(absl::IsUnimplemented(ParseSinkUrl(url).status()));
  }
}

TEST_CASE("in a list the good ones stay and each bad one gets a line") {
  const SinkList list =
      ParseSinkList("file:///a/, file:///b.html,,nonsense,file:///a/,otlp+http://h:4318,");
  REQUIRE(list.sinks.size() == 2);
  CHECK(list.sinks[0].url == "file:///a/");
  CHECK(list.sinks[1].url == "file:///b.html");
  REQUIRE(list.errors.size() == 3);
  CHECK(list.errors[0].starts_with("nonsense is not accepted; accepted: file:///"));
  CHECK(list.errors[1] == "file:///a/ is named twice");
  CHECK(list.errors[2] == "otlp+http://h:4318 is a sink that is not available in this version");
}

TEST_CASE("none and nothing give no sink and no complaint") {
  for (const std::string text : {"", " ", ",", "none", " NONE "}) {
    CAPTURE(text);
    CHECK(ParseSinkList(text).sinks.empty());
    CHECK(ParseSinkList(text).errors.empty());
  }
}

TEST_CASE("the number of sinks and of complaints is bounded") {
  std::string sinks, nonsense;
  for (int i = 0; i < 100; ++i) {
    sinks += "file:///" + std::to_string(i) + "/,";
    nonsense += "x,";
  }
  CHECK(ParseSinkList(sinks).sinks.size() == 8);
  CHECK(ParseSinkList(sinks).errors.size() == 8);
  CHECK(ParseSinkList(nonsense).errors.size() == 8);
}

TEST_CASE("no password or token of a URL reaches the log, however it is torn apart") {
  for (const std::string text :
       {"otlp+http://user:hunter2@h:4318", "pprof+https://h/p?token=hunter2", "bad://h/#hunter2",
        "otlp+http://user:a,hunter2,b@h", "pprof+https://h/p?token=a,hunter2", "u:hunter2@h",
        "hunter2://x@h", "file://u:hunter2@h/x/", "file:///x.html?hunter2",
        "otlp+http://u:hunter2,file:///a/@h"}) {
    CAPTURE(text);
    const SinkList list = ParseSinkList(text);
    CHECK(!list.errors.empty());
    for (const std::string& line : list.errors) CHECK(line.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("what is printed of a URL is short and valid text") {
  CHECK(PrintableUrl("file:///x@y/", true) == "file:///x@y/");
  CHECK(PrintableUrl("/tmp/x", false) == "/tmp/x");
  CHECK(PrintableUrl("a\xFF", false) == "a\xEF\xBF\xBD");
  CHECK(PrintableUrl(std::string(5000, 'x'), false) == std::string(200, 'x') + "...");
}

}  // namespace
}  // namespace podo::exporting
