// SPDX-License-Identifier: Apache-2.0
#include "export/http_sink.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "podo/podo_c.h"

namespace podo::exporting {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = 784'111'777 * kSecond;  // Sun, 06 Nov 1994 08:49:37 GMT

// Keeps what it was given, gives what it was told to.
struct Script {
  HttpPost post;
  HttpResult answer;
  int interrupts = 0;
};

class ScriptedPoster : public HttpPoster {
 public:
  explicit ScriptedPoster(Script* script) : script_(script) {}
  HttpResult Post(const HttpPost& post) override {
    script_->post = post;
    return script_->answer;
  }
  void Interrupt() override { ++script_->interrupts; }

 private:
  Script* const script_;
};

HttpSinkOptions OptionsFor(PayloadFormat format, HttpHeaders headers = {}) {
  HttpSinkOptions options;
  options.format = format;
  options.otlp_version = "1";
  options.name = "test";
  options.headers = std::move(headers);
  options.wall_clock_ns = [] { return kNow; };
  return options;
}

Payload PayloadOf(PayloadFormat format, PayloadCoding coding) {
  Payload payload;
  payload.format = format;
  payload.coding = coding;
  payload.bytes = std::make_shared<const std::string>("bytes");
  return payload;
}

std::string HeadersSent(const HttpSinkOptions& options, PayloadCoding coding) {
  Script script;
  HttpSink sink(std::make_unique<ScriptedPoster>(&script), options);
  sink.Send(PayloadOf(options.format, coding), kSecond);
  std::string text;
  for (const auto& [name, value] : script.post.headers) text += name + ": " + value + "\n";
  return text;
}

const std::string kAgent = std::string("User-Agent: podo/") + podo_version() + "\n";

TEST_CASE("OTLP has the content type byte by byte, its development version and the coding") {
  const HttpSinkOptions options = OptionsFor(PayloadFormat::kOtlp);
  CHECK(HeadersSent(options, PayloadCoding::kNone) == "Content-Type: application/x-protobuf\n" +
                                                          kAgent +
                                                          "OTLP-Profiles-Development-Version: 1\n");
  CHECK(HeadersSent(options, PayloadCoding::kGzip) ==
        "Content-Type: application/x-protobuf\nContent-Encoding: gzip\n" + kAgent +
            "OTLP-Profiles-Development-Version: 1\n");
  CHECK(HeadersSent(options, PayloadCoding::kZstd) ==
        "Content-Type: application/x-protobuf\nContent-Encoding: zstd\n" + kAgent +
            "OTLP-Profiles-Development-Version: 1\n");
}

TEST_CASE("Pyroscope's push.v1 is Connect with protobuf") {
  CHECK(HeadersSent(OptionsFor(PayloadFormat::kPyroscope), PayloadCoding::kNone) ==
        "Content-Type: application/proto\n" + kAgent + "Connect-Protocol-Version: 1\n");
}

TEST_CASE("a pprof goes as the file it is: its gzip is no coding of the request") {
  CHECK(HeadersSent(OptionsFor(PayloadFormat::kPprof), PayloadCoding::kNone) ==
        "Content-Type: application/octet-stream\n" + kAgent);
}

TEST_CASE("headers of the user come along, replace podo's, and leave out what is empty") {
  const HttpHeaders given = {{"X-Scope-OrgID", "team"},
                             {"user-agent", "mine"},
                             {"OTLP-PROFILES-development-version", ""},
                             {"content-type", "text/plain"},
                             {"Content-Encoding", "br"},
                             {"X-Empty", ""}};
  CHECK(HeadersSent(OptionsFor(PayloadFormat::kOtlp, given), PayloadCoding::kNone) ==
        "Content-Type: application/x-protobuf\nX-Scope-OrgID: team\nuser-agent: mine\n");
}

TEST_CASE("body and time go on as they are, the path is the target's or the function's") {
  Script script;
  HttpSinkOptions options = OptionsFor(PayloadFormat::kPprof);
  const Payload payload = PayloadOf(PayloadFormat::kPprof, PayloadCoding::kNone);
  HttpSink plain(std::make_unique<ScriptedPoster>(&script), options);
  plain.Send(payload, 7 * kSecond);
  CHECK(script.post.body.get() == payload.bytes.get());  // not copied
  CHECK(script.post.timeout_ns == 7 * kSecond);
  CHECK(script.post.path.empty());
  options.path = [](const Payload& p) { return "/at?seq=" + std::to_string(p.window_seq); };
  HttpSink filled(std::make_unique<ScriptedPoster>(&script), options);
  filled.Send(payload, kSecond);
  CHECK(script.post.path == "/at?seq=0");
}

TEST_CASE("what Pyroscope answers is read as it means it") {
  struct Case {
    int status;
    const char* body;
    SendVerdict verdict;
    const char* reason;
  };
  constexpr Case kCases[] = {
      {200, "{}", SendVerdict::kDelivered, ""},
      {200, "", SendVerdict::kDelivered, ""},
      {400, R"({"code":"invalid_argument","message":"profile is too old"})", SendVerdict::kRefused,
       "400 Bad Request: profile is too old"},
      {401, R"({"code":"unauthenticated","message":"no org id"})", SendVerdict::kRefused,
       "401 Unauthorized: no org id"},
      {422, "cannot parse\n", SendVerdict::kRefused, "422 Unprocessable Content: cannot parse"},
      {429, R"({"code":"resource_exhausted","message":"rate limit 4MB"})", SendVerdict::kRetry,
       "429 Too Many Requests: rate limit 4MB"},
      // So says Pyroscope where it cannot convert OTLP: it never will.
      {500, "dictionary is missing", SendVerdict::kRefused,
       "500 Internal Server Error: dictionary is missing"},
      {503, R"({"code":"unavailable"})", SendVerdict::kRetry,
       R"(503 Service Unavailable: {"code":"unavailable"})"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.status);
    Script script;
    script.answer.status = c.status;
    script.answer.body = c.body;
    HttpSink sink(std::make_unique<ScriptedPoster>(&script), OptionsFor(PayloadFormat::kPyroscope));
    const SendOutcome outcome =
        sink.Send(PayloadOf(PayloadFormat::kPyroscope, PayloadCoding::kNone), kSecond);
    CHECK(outcome.verdict == c.verdict);
    CHECK(outcome.reason == c.reason);
  }
}

TEST_CASE("the given reader's words and the given clock make the outcome") {
  Script script;
  script.answer.status = 200;
  HttpSinkOptions options = OptionsFor(PayloadFormat::kOtlp);
  options.read_words = [](const HttpResult&) { return AnswerWords{3, "no room"}; };
  HttpSink sink(std::make_unique<ScriptedPoster>(&script), options);
  const Payload payload = PayloadOf(PayloadFormat::kOtlp, PayloadCoding::kGzip);
  SendOutcome outcome = sink.Send(payload, kSecond);
  CHECK(outcome.verdict == SendVerdict::kPartial);
  CHECK(outcome.rejected == 3);
  CHECK(outcome.reason == "3 profiles rejected: no room");
  script.answer.status = 503;
  script.answer.retry_after = "Sun, 06 Nov 1994 08:49:47 GMT";
  outcome = sink.Send(payload, kSecond);
  CHECK(outcome.verdict == SendVerdict::kRetry);
  CHECK(outcome.retry_after_ns == 10 * kSecond);
}

TEST_CASE("no answer is the poster's words and another attempt") {
  Script script;
  script.answer.error = "connecting to c:4318: Connection refused";
  HttpSink sink(std::make_unique<ScriptedPoster>(&script), OptionsFor(PayloadFormat::kOtlp));
  const SendOutcome outcome = sink.Send(PayloadOf(PayloadFormat::kOtlp, {}), kSecond);
  CHECK(outcome.verdict == SendVerdict::kRetry);
  CHECK(outcome.reason == script.answer.error);
}

TEST_CASE("an interrupt is handed on to the exchange") {
  Script script;
  HttpSink sink(std::make_unique<ScriptedPoster>(&script), OptionsFor(PayloadFormat::kOtlp));
  sink.Interrupt();
  CHECK(script.interrupts == 1);
}

TEST_CASE("OTLP is compressed as the user says, the others by their format") {
  HttpSinkOptions options = OptionsFor(PayloadFormat::kOtlp);
  CHECK(HttpSink(nullptr, options).coding() == PayloadCoding::kGzip);
  options.coding = PayloadCoding::kZstd;
  CHECK(HttpSink(nullptr, options).coding() == PayloadCoding::kZstd);
  options.format = PayloadFormat::kPyroscope;
  CHECK(HttpSink(nullptr, options).coding() == PayloadCoding::kNone);
}

TEST_CASE("a remote sink retries, is spread out, and knows how late Pyroscope takes profiles") {
  for (const auto format : {PayloadFormat::kOtlp, PayloadFormat::kPyroscope}) {
    const HttpSink sink(nullptr, OptionsFor(format));
    CHECK(sink.format() == format);
    CHECK(sink.scope() == PayloadScope::kWindow);
    CHECK(sink.manners().retries);
    CHECK(sink.manners().is_remote);
    CHECK(sink.manners().max_age_ns ==
          (format == PayloadFormat::kPyroscope ? 55 * 60 * kSecond : 0));
  }
}

}  // namespace
}  // namespace podo::exporting
