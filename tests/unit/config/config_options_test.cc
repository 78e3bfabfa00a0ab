// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "config.h"
#include "config_serve.h"

namespace podo {
namespace {

using Lines = std::vector<std::string>;

struct Applied {
  Config config;
  Lines messages;
  base::Status status;
};

Applied Apply(const podo_options& options, const std::vector<const char*>& environment = {}) {
  Applied applied;
  applied.config = ParseConfig(environment, false, "exe", &applied.messages);
  applied.status = ApplyOptions(options, &applied.config, &applied.messages);
  return applied;
}

podo_options Options() {
  podo_options options = {};
  options.size = sizeof options;
  return options;
}

TEST_CASE("a signal in code moves the clock off ITIMER_PROF, whoever chose that") {
  podo_options options = Options();
  options.signal = "RTMIN+5";
  const Applied asked = Apply(options, {"PODO_CLOCK=itimer"});
  CHECK(asked.config.signal.value == SIGRTMIN + 5);
  CHECK(asked.config.signal.source == "option signal");
  CHECK(asked.config.clock.value == Clock::kAuto);
  CHECK(asked.messages.size() == 1);
  options.signal = "PROF";
  options.clock = "itimer";
  CHECK(Apply(options, {"PODO_SIGNAL=RTMIN+5"}).config.clock.value == Clock::kItimer);
  CHECK(Apply(options, {"PODO_SIGNAL=RTMIN+5"}).messages.empty());
}

TEST_CASE("options without a field set change nothing") {
  podo_options options = Options();
  options.service_name = options.labels = options.export_to = options.symbolize = options.log = " ";
  const Applied applied = Apply(options, {"PODO_SAMPLE_HZ=7", "PODO_EXPORT=file:///a/"});
  CHECK(applied.status.ok());
  CHECK(applied.messages.empty());
  CHECK(applied.config.service_name.value == "unknown_service:exe");
  CHECK(applied.config.sample_hz.source == "PODO_SAMPLE_HZ");
  CHECK(applied.config.sinks.value.size() == 1);
}

TEST_CASE("a field that is set beats the environment and is remembered as the source") {
  podo_options options = Options();
  options.service_name = "code";
  options.labels = "a=1";
  options.export_to = "file:///x.html";
  options.sample_hz = 50;
  options.interval_ns = 1'000'000'000;
  options.max_frames = 32;
  options.max_threads = 8;
  options.symbolize = "none";
  options.fork = "child";
  options.symbol_bytes = 2 << 20;
  options.exit_timeout_ns = 5'000'000;
  options.log = "error";
  options.headers = "a=b";
  options.tenant = "t";
  options.certificate = "/ca";
  options.client_certificate = "/cert";
  options.client_key = "/key";
  options.compression = "none";
  options.spool_dir = "/spool";
  options.spool_bytes = 2 << 20;
  options.listen = "unix:@code";
  options.listen_token_file = "/token";
  options.history_bytes = 3 << 20;
  options.history_dir = "/history";
  const auto [config, messages, status] =
      Apply(options, {"PODO_HEADERS=x=y", "PODO_SPOOL_DIR=/env", "PODO_SERVICE_NAME=env",
                      "PODO_LABELS=b=2", "PODO_SAMPLE_HZ=7", "PODO_EXPORT=file:///a/,file:///b/",
                      "PODO_LOG=info", "OTEL_RESOURCE_ATTRIBUTES=team=x"});
  CHECK(status.ok());
  CHECK(messages == Lines{});
  CHECK(config.service_name.value == "code");
  CHECK(AllLabels(config) == Labels{{"team", "x"}, {"a", "1"}});
  REQUIRE(config.sinks.value.size() == 1);
  CHECK(config.sinks.value[0].url == "file:///x.html");
  CHECK(config.sample_hz.value == 50);
  CHECK(config.interval_ns.value == 1'000'000'000);
  CHECK(config.max_frames.value == 32);
  CHECK(config.max_threads.value == 8);
  CHECK(config.symbolize.value == Symbolize::kNone);
  CHECK(config.fork.value == ForkMode::kChild);
  CHECK(config.symbol_bytes.value == 2 << 20);
  CHECK(config.exit_timeout_ns.value == 5'000'000);
  CHECK(config.log.value == base::LogLevel::kError);
  CHECK(config.sample_hz.source == "option sample_hz");
  CHECK(config.headers.value == exporting::HttpHeaders{{"a", "b"}});
  CHECK(config.tenant.value == "t");
  CHECK(config.certificate.value == "/ca");
  CHECK(config.client_certificate.value == "/cert");
  CHECK(config.client_key.value == "/key");
  CHECK(config.compression.value == exporting::PayloadCoding::kNone);
  CHECK(config.spool_dir.value == "/spool");
  CHECK(config.spool_bytes.value == 2 << 20);
  CHECK(config.listen.value->Text() == "unix:@code");
  CHECK(config.listen_token_file.value == "/token");
  CHECK(HistoryBytes(config) == 3 << 20);
  CHECK(config.history_dir.value == "/history");
}

TEST_CASE("podo that is turned off by the environment stays off") {
  podo_options options = Options();
  options.sample_hz = 50;
  CHECK(!Apply(options, {"PODO_ENABLED=false"}).config.enabled.value);
  CHECK(!Apply(options, {"OTEL_SDK_DISABLED=true"}).config.enabled.value);
}

TEST_CASE("a value that is not accepted is reported and the environment's stays") {
  podo_options options = Options();
  options.labels = "oops";
  options.export_to = "nonsense";
  options.sample_hz = std::nan("");
  options.interval_ns = static_cast<uint64_t>(-5);
  options.max_frames = 5000;
  options.max_threads = UINT32_MAX;
  options.symbolize = "all";
  options.symbol_bytes = 5;
  options.exit_timeout_ns = UINT64_MAX;
  options.log = "loud";
  options.headers = "hunter2";
  options.tenant = "hunter 2";
  options.certificate = options.client_certificate = options.client_key = "hunter2.pem";
  options.compression = "lz4";
  options.spool_dir = "spool";
  options.spool_bytes = 5;
  options.listen = "here";
  options.listen_token_file = "token";
  options.history_bytes = 5;
  options.history_dir = "history";
  const auto [config, messages, status] =
      Apply(options, {"PODO_SAMPLE_HZ=7", "PODO_LABELS=b=2", "PODO_INTERVAL=1s"});
  CHECK(status.ok());
  CHECK(messages.size() == 22);
  for (const std::string& line : messages) {
    CHECK(line.starts_with("option "));
    CHECK(line.find("hunter") == std::string::npos);
  }
  const std::string rate = *std::find_if(messages.begin(), messages.end(), [](const auto& line) {
    return line.starts_with("option sample_hz");
  });
  CHECK(rate.starts_with("option sample_hz=\"nan\" is not accepted; accepted: a number"));
  CHECK(config.sample_hz.value == 7);
  CHECK(AllLabels(config) == Labels{{"b", "2"}});
  CHECK(config.interval_ns.value == 1'000'000'000);
  CHECK(config.max_frames.value == 256);
}

TEST_CASE("fields beyond the caller's size are not read, and a missing size is an error") {
  podo_options options = Options();
  options.service_name = "code";
  options.sample_hz = 50;
  options.log = "error";
  options.size = offsetof(podo_options, sample_hz);
  CHECK(Apply(options).config.service_name.value == "code");
  CHECK(Apply(options).config.sample_hz.value == 100);
  options.size = sizeof options + 64;  // a newer caller
  CHECK(Apply(options).config.log.value == base::LogLevel::kError);
  for (const size_t size : {size_t{0}, size_t{4}, sizeof options.size}) {
    options.size = size;
    const Applied applied = Apply(options);
    CHECK(base::IsInvalidArgument(applied.status));
    CHECK(applied.config.service_name.value == "unknown_service:exe");
  }
}

}  // namespace
}  // namespace podo
