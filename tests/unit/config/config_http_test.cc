// SPDX-License-Identifier: Apache-2.0
#include "config_http.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config.h"

namespace podo {
namespace {

using exporting::HttpHeaders;
using exporting::PayloadCoding;
using Lines = std::vector<std::string>;

struct Parsed {
  Config config;
  Lines messages;
};

Parsed Parse(const Lines& environment) {
  std::vector<const char*> entries;
  for (const std::string& entry : environment) entries.push_back(entry.c_str());
  Parsed parsed;
  parsed.config = ParseConfig(entries, false, "exe", &parsed.messages);
  return parsed;
}

// Of the n-th sink.
HttpSettings Of(const Parsed& parsed, size_t n = 0) {
  REQUIRE(n < parsed.config.sinks.value.size());
  return HttpSettingsOf(parsed.config, parsed.config.sinks.value[n]);
}

TEST_CASE("without a word a sink gets gzip, ten seconds and nothing else") {
  const Parsed parsed = Parse({"PODO_EXPORT=otlp+http://h"});
  CHECK(parsed.messages == Lines{});
  const HttpSettings settings = Of(parsed);
  CHECK(settings.headers.empty());
  CHECK(settings.tls == exporting::TlsFiles{});
  CHECK(settings.coding == PayloadCoding::kGzip);
  CHECK(settings.timeout_ns == 10'000'000'000);
  CHECK(parsed.config.spool_dir.value.empty());
  CHECK(parsed.config.spool_bytes.value == 67'108'864);
}

TEST_CASE("what PODO_* say holds for every sink that speaks HTTP") {
  const Parsed parsed =
      Parse({"PODO_EXPORT=otlp+http://a,pyroscope+https://b,pprof+http://c/x",
             "PODO_HEADERS=Authorization=Bearer%20x%2Cy=, x-a = 1 ,X-A=2", "PODO_TENANT=team-1",
             "PODO_CERTIFICATE=/ca", "PODO_CLIENT_CERTIFICATE=/cert", "PODO_CLIENT_KEY=/key",
             "PODO_COMPRESSION=ZSTD", "PODO_SPOOL_DIR=/var/spool", "PODO_SPOOL_BYTES=1MiB",
             "OTEL_EXPORTER_OTLP_TIMEOUT=2500"});
  CHECK(parsed.messages == Lines{});
  for (size_t i = 0; i < 3; ++i) {
    const HttpSettings settings = Of(parsed, i);
    CHECK(settings.headers ==
          HttpHeaders{{"Authorization", "Bearer x,y="}, {"X-A", "2"}, {"X-Scope-OrgID", "team-1"}});
    CHECK(settings.tls == exporting::TlsFiles{"/ca", "/cert", "/key"});
    CHECK(settings.timeout_ns == 2'500'000'000);
    CHECK(settings.coding == (i == 0 ? PayloadCoding::kZstd : PayloadCoding::kNone));
  }
  CHECK(parsed.config.spool_dir.value == "/var/spool");
  CHECK(parsed.config.spool_bytes.value == 1 << 20);
}

TEST_CASE("a tenant replaces the header of the same name, and one PEM file may hold both") {
  const Parsed parsed = Parse({"PODO_EXPORT=otlp+http://a", "PODO_HEADERS=x-scope-orgid=old,b=c",
                               "PODO_TENANT=new", "PODO_CLIENT_KEY=/both"});
  CHECK(Of(parsed).headers == HttpHeaders{{"b", "c"}, {"X-Scope-OrgID", "new"}});
  CHECK(Of(parsed).tls == exporting::TlsFiles{"", "/both", "/both"});
}

TEST_CASE("what is no list of headers is refused as a whole") {
  for (const std::string text :
       {"a", "=v", "a=%zz", "a b=c", "a:=c", "a%0D%0Ab=c", "a=b%0Ac", "a=b%00c", "a=b%7Fc",
        "a=\x01", "Host=x", "content-length=1", "Content-Type=a/b", "Transfer-Encoding=chunked",
        "a=1,Connection=close", "\xC3\xA9=1"}) {
    CAPTURE(text);
    CHECK(base::IsInvalidArgument(ParseHeaders(text).status()));
  }
  CHECK(!ParseHeaders("a=" + std::string(17 << 10, 'x')).ok());
  CHECK(*ParseHeaders("a=\xC3\xA9 b") == HttpHeaders{{"a", "\xC3\xA9 b"}});
  CHECK(*ParseHeaders("api-key=c2VjcmV0==") == HttpHeaders{{"api-key", "c2VjcmV0=="}});
}

TEST_CASE("a secret that is refused is not shown, wherever it comes from") {
  const std::string pem = "-----BEGIN KEY-----\nhunter2\n";
  const Lines environment = {"PODO_HEADERS=a%hunter2",
                             "PODO_TENANT=hunter2/x",
                             "PODO_CERTIFICATE=hunter2",
                             "PODO_CLIENT_CERTIFICATE=" + pem,
                             "PODO_CLIENT_KEY=" + pem,
                             "OTEL_EXPORTER_OTLP_HEADERS=hunter2",
                             "OTEL_EXPORTER_OTLP_PROFILES_HEADERS=hunter2",
                             "OTEL_EXPORTER_OTLP_CERTIFICATE=" + pem,
                             "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=" + pem,
                             "OTEL_EXPORTER_OTLP_CLIENT_KEY=" + pem,
                             "OTEL_EXPORTER_OTLP_ENDPOINT=https://u:hunter2@h"};
  const Parsed parsed = Parse(environment);
  CHECK(parsed.messages.size() == 10);
  for (const std::string& line : parsed.messages) {
    CAPTURE(line);
    CHECK(line.find("hunter2") == std::string::npos);
    CHECK(line.find("accepted: ") != std::string::npos);
  }
  CHECK(Of(parsed).headers.empty());
  CHECK(Of(parsed).tls == exporting::TlsFiles{});
}

TEST_CASE("an OpenTelemetry endpoint makes one OTLP sink unless PODO_EXPORT says otherwise") {
  const std::string generic = "OTEL_EXPORTER_OTLP_ENDPOINT=http://g:4318";
  const std::string signal = "OTEL_EXPORTER_OTLP_PROFILES_ENDPOINT=https://s/custom";
  struct Case {
    Lines environment;
    std::string url, source;
    size_t lines;
  };
  const Case cases[] = {
      {{generic}, "otlp+http://g:4318/v1development/profiles", "OTEL_EXPORTER_OTLP_ENDPOINT", 0},
      {{generic, signal}, "otlp+https://s:443/custom", "OTEL_EXPORTER_OTLP_PROFILES_ENDPOINT", 0},
      {{generic, "OTEL_EXPORTER_OTLP_PROFILES_ENDPOINT=rubbish"},
       "otlp+http://g:4318/v1development/profiles",
       "OTEL_EXPORTER_OTLP_ENDPOINT",
       1},
      {{"OTEL_EXPORTER_OTLP_ENDPOINT=h:4318"}, "", "default", 1},
      {{generic, "PODO_EXPORT=none"}, "", "PODO_EXPORT", 0},
      {{generic, "PODO_EXPORT=file:///a/"}, "file:///a/", "PODO_EXPORT", 0},
      {{"OTEL_EXPORTER_OTLP_ENDPOINT=rubbish", "PODO_EXPORT=none"}, "", "PODO_EXPORT", 0},
      {{generic, "PODO_EXPORT=nonsense"}, "", "PODO_EXPORT", 1},
      {{"OTEL_EXPORTER_OTLP_HEADERS=a=b"}, "", "default", 0},
  };
  for (const Case& c : cases) {
    CAPTURE(c.environment[0]);
    const Parsed parsed = Parse(c.environment);
    CHECK(parsed.messages.size() == c.lines);
    CHECK(parsed.config.sinks.source == c.source);
    REQUIRE(parsed.config.sinks.value.size() == (c.url.empty() ? 0 : 1));
    if (!c.url.empty()) CHECK(parsed.config.sinks.value[0].url == c.url);
  }
}

TEST_CASE("PODO_* beat OTEL_EXPORTER_OTLP_PROFILES_*, which beat OTEL_EXPORTER_OTLP_*") {
  const Lines otel = {
      "OTEL_EXPORTER_OTLP_ENDPOINT=https://h", "OTEL_EXPORTER_OTLP_HEADERS=g=1",
      "OTEL_EXPORTER_OTLP_COMPRESSION=none",   "OTEL_EXPORTER_OTLP_TIMEOUT=1",
      "OTEL_EXPORTER_OTLP_CERTIFICATE=g.pem",  "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=gc.pem",
      "OTEL_EXPORTER_OTLP_CLIENT_KEY=gk.pem"};
  CHECK(Of(Parse(otel)).headers == HttpHeaders{{"g", "1"}});
  CHECK(Of(Parse(otel)).coding == PayloadCoding::kNone);
  CHECK(Of(Parse(otel)).timeout_ns == 1'000'000);
  CHECK(Of(Parse(otel)).tls == exporting::TlsFiles{"g.pem", "gc.pem", "gk.pem"});

  Lines signal = otel;
  signal.insert(signal.end(), {"OTEL_EXPORTER_OTLP_PROFILES_HEADERS=s=2",
                               "OTEL_EXPORTER_OTLP_PROFILES_COMPRESSION=gzip",
                               "OTEL_EXPORTER_OTLP_PROFILES_TIMEOUT=600000",
                               "OTEL_EXPORTER_OTLP_PROFILES_CERTIFICATE=/s.pem",
                               "OTEL_EXPORTER_OTLP_PROFILES_CLIENT_CERTIFICATE=/sc.pem",
                               "OTEL_EXPORTER_OTLP_PROFILES_CLIENT_KEY=/sk.pem"});
  CHECK(Parse(signal).messages == Lines{});
  CHECK(Of(Parse(signal)).headers == HttpHeaders{{"s", "2"}});
  CHECK(Of(Parse(signal)).coding == PayloadCoding::kGzip);
  CHECK(Of(Parse(signal)).timeout_ns == 600'000'000'000);
  CHECK(Of(Parse(signal)).tls == exporting::TlsFiles{"/s.pem", "/sc.pem", "/sk.pem"});

  Lines own = signal;
  own.insert(own.end(), {"PODO_HEADERS=p=3", "PODO_COMPRESSION=none", "PODO_CERTIFICATE=/p.pem",
                         "PODO_CLIENT_CERTIFICATE=/pc.pem", "PODO_CLIENT_KEY=/pk.pem"});
  CHECK(Of(Parse(own)).headers == HttpHeaders{{"p", "3"}});
  CHECK(Of(Parse(own)).coding == PayloadCoding::kNone);
  CHECK(Of(Parse(own)).tls == exporting::TlsFiles{"/p.pem", "/pc.pem", "/pk.pem"});
}

TEST_CASE("OpenTelemetry's headers and certificates go to OpenTelemetry's endpoint, nowhere else") {
  struct Case {
    std::string endpoint, sinks;
    std::vector<bool> gets;
    size_t lines;
  };
  const Case cases[] = {
      {"https://vendor", "otlp+https://vendor/other/path", {true}, 0},
      {"https://vendor", "otlp+https://VENDOR:443", {true}, 0},
      {"https://vendor", "otlp+http://gateway:4318", {false}, 0},
      {"https://vendor", "otlp+http://vendor:443", {false}, 0},
      {"https://vendor", "otlp+https://vendor:8443", {false}, 0},
      {"https://vendor", "otlp+https://vendor.evil", {false}, 0},
      {"https://vendor", "otlp+https://vendor,otlp+http://gateway", {true, false}, 0},
      {"https://vendor",
       "otlp+unix:/x,pyroscope+https://vendor,pprof+https://vendor/x",
       {false, false, false},
       0},
      {"vendor:443", "otlp+https://gateway", {false}, 0},  // as gRPC has it
      {"vendor:443", "otlp+https://vendor,otlp+https://gateway", {false, false}, 0},
      {"", "otlp+https://vendor", {true}, 0},
      {"", "otlp+https://vendor,otlp+https://vendor/b,pyroscope+http://p", {true, true, false}, 0},
      {"", "otlp+https://vendor,otlp+https://other", {false, false}, 2},
      {"", "pyroscope+https://vendor", {false}, 0},
  };
  for (const Case& c : cases) {
    CAPTURE(c.endpoint);
    CAPTURE(c.sinks);
    const Parsed parsed =
        Parse({"OTEL_EXPORTER_OTLP_HEADERS=key=secret", "OTEL_EXPORTER_OTLP_CERTIFICATE=/ca",
               "OTEL_EXPORTER_OTLP_ENDPOINT=" + c.endpoint, "PODO_EXPORT=" + c.sinks});
    CHECK(parsed.messages.size() == c.lines);
    for (size_t i = 0; i < c.gets.size(); ++i) {
      CHECK(Of(parsed, i).headers == (c.gets[i] ? HttpHeaders{{"key", "secret"}} : HttpHeaders{}));
      CHECK(Of(parsed, i).tls.ca == (c.gets[i] ? "/ca" : ""));
    }
  }
}

TEST_CASE("a stronger endpoint that could not be read takes its secrets along") {
  const Parsed parsed = Parse({"OTEL_EXPORTER_OTLP_PROFILES_ENDPOINT=vendor:443",
                               "OTEL_EXPORTER_OTLP_PROFILES_HEADERS=key=secret",
                               "OTEL_EXPORTER_OTLP_ENDPOINT=http://gateway:4318"});
  CHECK(parsed.messages.size() == 1);
  CHECK(parsed.config.sinks.source == "OTEL_EXPORTER_OTLP_ENDPOINT");
  CHECK(Of(parsed).headers.empty());
}

TEST_CASE("what OpenTelemetry's variables hold is judged where an OTLP sink uses it") {
  const Lines rubbish = {"OTEL_EXPORTER_OTLP_HEADERS=x", "OTEL_EXPORTER_OTLP_COMPRESSION=lz4",
                         "OTEL_EXPORTER_OTLP_TIMEOUT=10s", "OTEL_EXPORTER_OTLP_PROFILES_TIMEOUT=0",
                         "OTEL_EXPORTER_OTLP_PROTOCOL=http/json"};
  const auto with = [&](const std::string& entry) {
    Lines all = rubbish;
    all.push_back(entry);
    return all;
  };
  CHECK(Parse(rubbish).messages.empty());
  CHECK(Parse(with("PODO_EXPORT=pyroscope+http://h")).messages.empty());
  CHECK(Parse(with("PODO_EXPORT=otlp+http://h")).messages.size() == 4);
  CHECK(Parse(with("OTEL_EXPORTER_OTLP_ENDPOINT=http://h")).messages.size() == 5);
  CHECK(Of(Parse(with("PODO_EXPORT=otlp+http://h"))).timeout_ns == 10'000'000'000);

  podo_options options = {};
  options.size = sizeof options;
  options.export_to = "otlp+http://h";
  Parsed parsed = Parse(rubbish);
  CHECK(ApplyOptions(options, &parsed.config, &parsed.messages).ok());
  CHECK(parsed.messages.size() == 4);
}

TEST_CASE("a protocol that podo does not speak is said with what is sent instead") {
  const std::string endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://h:";
  const Lines grpc = Parse({endpoint + "4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}).messages;
  CHECK(grpc == Lines{"OTEL_EXPORTER_OTLP_PROTOCOL=\"grpc\" is not accepted; accepted: "
                      "http/protobuf, which otlp+http://h:4317/v1development/profiles is sent",
                      "OTEL_EXPORTER_OTLP_ENDPOINT: otlp+http://h:4317/v1development/profiles "
                      "names the port of gRPC, which podo does not speak; OTLP over HTTP mostly is "
                      "at port 4318"});
  CHECK(Parse({endpoint + "4318", "OTEL_EXPORTER_OTLP_PROTOCOL=HTTP/protobuf"}).messages.empty());
  CHECK(Parse({endpoint + "4318", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
               "OTEL_EXPORTER_OTLP_PROFILES_PROTOCOL=http/protobuf"})
            .messages.empty());
  CHECK(Parse({endpoint + "4317"}).messages.size() == 1);
  CHECK(Parse({"PODO_EXPORT=otlp+http://h:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"})
            .messages.size() == 1);
}

TEST_CASE("proxies come in both cases but for HTTP_PROXY") {
  struct Case {
    Lines environment;
    std::string https, http, no;
  };
  const Case cases[] = {
      {{"https_proxy=a:1", "HTTPS_PROXY=b:1", "no_proxy=x", "NO_PROXY=y"}, "a:1", "", "x"},
      {{"HTTPS_PROXY=b:1", "NO_PROXY=y", "http_proxy=c:1"}, "b:1", "c:1", "y"},
      {{"HTTP_PROXY=evil:1"}, "", "", ""},
      {{"https_proxy=", "HTTPS_PROXY=b:1"}, "b:1", "", ""},
  };
  for (const Case& c : cases) {
    const Parsed parsed = Parse(c.environment);
    CHECK(parsed.messages == Lines{});
    CHECK(parsed.config.proxies.https_proxy == c.https);
    CHECK(parsed.config.proxies.http_proxy == c.http);
    CHECK(parsed.config.proxies.no_proxy == c.no);
  }
}

TEST_CASE("values of the tenant and of paths") {
  CHECK(*ParseTenant(" team-1_(a)!.*' ") == "team-1_(a)!.*'");
  for (const std::string text : {"", "a b", "a|b", "a\r\nb", "..", "\xC3\xA9"}) {
    CHECK(!ParseTenant(text).ok());
  }
  CHECK(ParseTenant(std::string(150, 'a')).ok());
  CHECK(!ParseTenant(std::string(151, 'a')).ok());
  CHECK(*ParsePemPath("/a b/c.pem") == "/a b/c.pem");
  CHECK(!ParsePemPath("./c.pem").ok());
  CHECK(!ParsePemPath("/" + std::string(5000, 'x')).ok());
  CHECK(!ParseSpoolDir("spool").ok());
  CHECK(!ParseSpoolDir("/a\nb").ok());
}

}  // namespace
}  // namespace podo
