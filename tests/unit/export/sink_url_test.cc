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
    const base::StatusOr<SinkSpec> spec = ParseSinkUrl(c.url);
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
    const base::Status status = ParseSinkUrl(c.url).status();
    CHECK(base::IsInvalidArgument(status));
    CHECK(std::string(status.message()).find(c.says) != std::string::npos);
  }
}

TEST_CASE("URLs of collectors give kind, address and the path to post to") {
  struct Case {
    std::string url;
    Kind kind;
    std::string address;
    bool tls;
    std::string path, printed;
  };
  const Case cases[] = {
      {"otlp+http://h:4318", Kind::kOtlp, "h:4318", false, "/v1development/profiles",
       "otlp+http://h:4318/v1development/profiles"},
      {" OTLP+HTTPS://H/ ", Kind::kOtlp, "h:443", true, "/v1development/profiles",
       "otlp+https://h:443/v1development/profiles"},
      {"otlp+http://[::1]:1/?key=v", Kind::kOtlp, "[::1]:1", false, "/v1development/profiles?key=v",
       "otlp+http://[::1]:1/v1development/profiles"},
      {"otlp+http://h/v1/profiles", Kind::kOtlp, "h:80", false, "/v1/profiles",
       "otlp+http://h:80/v1/profiles"},
      {"otlp+http://h/x/", Kind::kOtlp, "h:80", false, "/x/", "otlp+http://h:80/x/"},
      {"otlp+unix:/run/o.sock", Kind::kOtlp, "unix:/run/o.sock", false, "/v1development/profiles",
       "otlp+unix:/run/o.sock"},
      {"otlp+unix:///run/a%2Cb", Kind::kOtlp, "unix:/run/a,b", false, "/v1development/profiles",
       "otlp+unix:/run/a,b"},
      {"otlp+unix:@name", Kind::kOtlp, "unix:@name", false, "/v1development/profiles",
       "otlp+unix:@name"},
      {"pyroscope+http://h:4040", Kind::kPyroscope, "h:4040", false, "/push.v1.PusherService/Push",
       "pyroscope+http://h:4040/push.v1.PusherService/Push"},
      {"pyroscope+https://1:tok%3Aen@h/base/?x=y", Kind::kPyroscope, "h:443", true,
       "/base/push.v1.PusherService/Push?x=y",
       "pyroscope+https://h:443/base/push.v1.PusherService/Push"},
      {"pyroscope+http://h/push.v1.PusherService/Push", Kind::kPyroscope, "h:80", false,
       "/push.v1.PusherService/Push", "pyroscope+http://h:80/push.v1.PusherService/Push"},
      {"pprof+https://h/v1/pprof?token=t", Kind::kPprofPost, "h:443", true, "/v1/pprof?token=t",
       "pprof+https://h:443/v1/pprof"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.url);
    const base::StatusOr<SinkSpec> spec = ParseSinkUrl(c.url);
    REQUIRE(spec.ok());
    CHECK(spec->IsHttp());
    CHECK(spec->kind == c.kind);
    CHECK(AddressText(spec->target) == c.address);
    CHECK(spec->target.tls == c.tls);
    CHECK(spec->target.path == c.path);
    CHECK(spec->url == c.printed);
  }
  CHECK(ParseSinkUrl("pyroscope+https://1:tok%3Aen@h")->target.user == "1:tok:en");
  CHECK(ParseSinkUrl("otlp+http://h")->format == PayloadFormat::kOtlp);
  CHECK(ParseSinkUrl("pyroscope+http://h")->format == PayloadFormat::kPyroscope);
  CHECK(ParseSinkUrl("pprof+http://h/x")->format == PayloadFormat::kPprof);
}

TEST_CASE("URLs of collectors that cannot be used say why, and what is accepted") {
  struct Case {
    std::string url, says;
  };
  const Case cases[] = {
      {"otlp+http:", "otlp+http://host:4318/path; found no //"},
      {"otlp+http:h:4318", "found no //"},
      {"otlp+https://", "otlp+https://host:4318/path; found no host"},
      {"otlp+http://h:0", "found a port that is not 1 to 65535"},
      {"otlp+http://h:http", "found a port that is not 1 to 65535"},
      {"otlp+http://::1", "found an IPv6 address without brackets"},
      {"otlp+http://h/a b", "found a blank or control character"},
      {"otlp+http://h/{service}", "found a placeholder; a brace is written %7B"},
      {"otlp+unix:", "otlp+unix:/path or otlp+unix:@name; found no path of a socket"},
      {"otlp+unix:relative", "found no path of a socket"},
      {"otlp+unix:/x?token=hunter2", "found ? or #"},
      {"otlp+unix:/%zz", "found a percent sign that is not written %25"},
      {"otlp+unix:/a%0Ab", "found a blank or control character"},
      {"otlp+unix:/" + std::string(200, 'x'), "found a socket path above 107 bytes"},
      {"pyroscope+http://%zz@h", "found a user that is not percent-encoded"},
      {"pprof+http://{service}/x", "found a placeholder in the host"},
      {"pprof+http://h/{pid}", "found a placeholder other than {service}, {start}, {end}, {type}"},
      {"pprof+http://h/{start", "found a placeholder other than"},
      {"pprof+http://h/a}b", "found a brace that is not written %7B"},
      {"pprof+unix:/x", "otlp+unix:/path"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.url);
    const base::Status status = ParseSinkUrl(c.url).status();
    CHECK(base::IsInvalidArgument(status));
    CAPTURE(std::string(status.message()));
    CHECK(std::string(status.message()).find(c.says) != std::string::npos);
  }
}

TEST_CASE("an endpoint of OpenTelemetry is a base, or is taken as it is") {
  struct Case {
    std::string url;
    bool is_base;
    std::string printed;
  };
  const Case cases[] = {
      {"http://h:4318", true, "otlp+http://h:4318/v1development/profiles"},
      {"http://h:4318/", true, "otlp+http://h:4318/v1development/profiles"},
      {"https://h/otlp", true, "otlp+https://h:443/otlp/v1development/profiles"},
      {"https://h/otlp//?k=v", true, "otlp+https://h:443/otlp/v1development/profiles"},
      {"http://h:4318", false, "otlp+http://h:4318/"},
      {"https://h/v1/profiles/", false, "otlp+https://h:443/v1/profiles/"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.url);
    REQUIRE(ParseOtlpEndpoint(c.url, c.is_base).ok());
    CHECK(ParseOtlpEndpoint(c.url, c.is_base)->url == c.printed);
  }
  for (const std::string url : {"h:4318", "unix:/path", "grpc://h", "http://", "otlp+http://h"}) {
    CAPTURE(url);
    const base::Status status = ParseOtlpEndpoint(url, true).status();
    CHECK(
        std::string(status.message()).starts_with("http://host:4318 or https://host:4318; found"));
  }
}

TEST_CASE("in a list the good ones stay and each bad one gets a line") {
  const SinkList list = ParseSinkList(
      "file:///a/, file:///b.html,,nonsense,file:///a/,otlp+http://h:4318,"
      "otlp+http://H:4318/v1development/profiles,");
  REQUIRE(list.sinks.size() == 3);
  CHECK(list.sinks[0].url == "file:///a/");
  CHECK(list.sinks[1].url == "file:///b.html");
  CHECK(list.sinks[2].kind == Kind::kOtlp);
  REQUIRE(list.errors.size() == 3);
  CHECK(list.errors[0].starts_with("nonsense is not accepted; accepted: file:///"));
  CHECK(list.errors[1] == "file:///a/ is named twice");
  CHECK(list.errors[2] == "otlp+http://h:4318/v1development/profiles is named twice");
}

TEST_CASE("two sinks are the same if kind, place, path, query and user are") {
  CHECK(ParseSinkList("pyroscope+http://a:x@h,pyroscope+http://b:x@h").errors.empty());
  CHECK(ParseSinkList("pprof+http://h/x?t={type},pprof+http://h/x?t={hz}").errors.empty());
  CHECK(ParseSinkList("otlp+http://h/x,pprof+http://h/x").errors.empty());
  CHECK(ParseSinkList("pprof+http://h/x?t={type},pprof+http://h:80/x?t={type}").errors ==
        std::vector<std::string>{"pprof+http://h:80/x is named twice"});
  CHECK(ParseSinkList("otlp+unix:/a,otlp+unix:///a").errors.size() == 1);
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
       {"otlp+http://user:hunter2@h:x", "pprof+https://h/p{?token=hunter2", "bad://h/#hunter2",
        "otlp+http://user:a,hunter2,b@h", "pprof+https://h/p?token=a,hunter2", "u:hunter2@h",
        "pprof+https://u:hunter2@h/?t=hunter2,pprof+https://u:hunter2@h/?t=hunter2",
        "otlp+unix:@hunter2?hunter2 x", "hunter2://x@h", "file://u:hunter2@h/x/",
        "file:///x.html?hunter2", "otlp+http://u:hunter2,file:///a/@h"}) {
    CAPTURE(text);
    const SinkList list = ParseSinkList(text);
    CHECK(!list.errors.empty());
    for (const std::string& line : list.errors) CHECK(line.find("hunter2") == std::string::npos);
    for (const SinkSpec& sink : list.sinks) CHECK(sink.url.find("hunter2") == std::string::npos);
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
