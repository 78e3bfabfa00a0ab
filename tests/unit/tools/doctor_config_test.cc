// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_config.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "config_variables.h"

namespace podo::doctor {
namespace {

struct Shown {
  Section section;
  std::string text;

  std::vector<std::string> Row(const std::string& name) const {
    for (const auto& row : section.table.rows) {
      if (row[0] == name) return row;
    }
    return {};
  }
  Mark MarkOf(const std::string& part) const {
    for (const Finding& finding : section.findings) {
      if (finding.text.find(part) != std::string::npos) return finding.mark;
    }
    FAIL("no finding with: " << part);
    return Mark::kOk;
  }
};

Shown Show(const std::vector<std::string>& environment, bool secure = false) {
  std::vector<const char*> entries;
  for (const std::string& entry : environment) entries.push_back(entry.c_str());
  Shown shown;
  shown.section = ConfigSection(ReadEffectiveConfig(entries, secure, "exe"), entries);
  shown.text = ReportText({shown.section});
  return shown;
}

TEST_CASE("every PODO_ variable has a row, and what it accepts shows in it") {
  const Shown bare = Show({});
  for (const Variable& variable : KnownVariables()) {
    CAPTURE(variable.name);
    REQUIRE(bare.Row(std::string(variable.name)).size() == 3);
    CHECK(bare.Row(std::string(variable.name))[1] ==
          (variable.is_available ? "default" : "this version"));
  }
  struct Case {
    std::string name, value, shown;
  };
  const Case cases[] = {
      {"PODO_ENABLED", "1", "true"},
      {"PODO_SERVICE_NAME", "checkout", "checkout"},
      {"PODO_LABELS", "a=b,c=d", "a=b,c=d"},
      {"PODO_EXPORT", "file:///x/", "file:///x/"},
      {"PODO_COMPRESSION", "zstd", "zstd"},
      {"PODO_SAMPLE_HZ", "99.5", "99.5"},
      {"PODO_CLOCK", "auto", "auto"},
      {"PODO_MAX_FRAMES", "64", "64"},
      {"PODO_MAX_THREADS", "7", "7"},
      {"PODO_INTERVAL", "2s", "2s"},
      {"PODO_SYMBOLIZE", "functions", "functions"},
      {"PODO_SYMBOL_BYTES", "32MiB", "32MiB"},
      {"PODO_SPOOL_DIR", "/spool", "/spool"},
      {"PODO_SPOOL_BYTES", "1GiB", "1GiB"},
      {"PODO_HISTORY_BYTES", "8MiB", "8MiB"},
      {"PODO_HISTORY_DIR", "/history", "/history"},
      {"PODO_LISTEN", "127.0.0.1:6060", "127.0.0.1:6060"},
      {"PODO_LISTEN_TOKEN_FILE", "/token", "/token"},
      {"PODO_CERTIFICATE", "/ca.pem", "/ca.pem"},
      {"PODO_CLIENT_CERTIFICATE", "/c.pem", "/c.pem"},
      {"PODO_CLIENT_KEY", "/k.pem", "/k.pem"},
      {"PODO_LABEL_SETS", "5", "5"},
      {"PODO_THREAD_LABELS", "name,id", "name,id"},
      {"PODO_FLUSH_ON_SIGTERM", "true", "true"},
      {"PODO_EXIT_TIMEOUT", "500ms", "500ms"},
      {"PODO_LOG", "info", "info"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    const Shown set = Show({one.name + "=" + one.value});
    CHECK(set.Row(one.name) == std::vector<std::string>{one.name, "environment", one.shown});
  }
}

TEST_CASE("a value that OpenTelemetry's variable gave says which one") {
  const Shown shown = Show({"OTEL_SERVICE_NAME=cart", "OTEL_EXPORTER_OTLP_ENDPOINT=http://h:4318",
                            "OTEL_EXPORTER_OTLP_COMPRESSION=zstd"});
  CHECK(shown.Row("PODO_SERVICE_NAME")[1] == "OTEL_SERVICE_NAME");
  CHECK(shown.Row("PODO_EXPORT")[1] == "OTEL_EXPORTER_OTLP_ENDPOINT");
  CHECK(shown.Row("PODO_COMPRESSION")[2] == "zstd");
  CHECK(shown.Row("OTEL_SERVICE_NAME")[2] == "cart");
  CHECK(shown.Row("OTEL_EXPORTER_OTLP_HEADERS").empty());
}

TEST_CASE("no secret is printed, accepted or refused") {
  const std::vector<std::string> with_secrets = {
      "PODO_HEADERS=authorization=SESAME",
      "PODO_HEADERS=SESAME",
      "PODO_TENANT=SESAME",
      "PODO_EXPORT=otlp+http://user:SESAME@host:4318/?token=SESAME",
      "PODO_EXPORT=nonsense://user:SESAME@host",
      "PODO_CLIENT_KEY=SESAME\n",
      "OTEL_EXPORTER_OTLP_HEADERS=x=SESAME",
      "OTEL_EXPORTER_OTLP_PROFILES_HEADERS=x=SESAME",
      "OTEL_EXPORTER_OTLP_ENDPOINT=http://u:SESAME@host",
      "OTEL_EXPORTER_OTLP_CLIENT_KEY=SESAME",
      "https_proxy=http://u:SESAME@proxy:3128",
      "http_proxy=http://u:SESAME@proxy:3128",
  };
  for (const std::string& entry : with_secrets) {
    CAPTURE(entry);
    CHECK(Show({entry}).text.find("SESAME") == std::string::npos);
    CHECK(Show({entry, "PODO_EXPORT=otlp+http://h:4318"}).text.find("SESAME") == std::string::npos);
  }
  CHECK(Show({"PODO_HEADERS=a=b"}).Row("PODO_HEADERS")[2] == "set (not shown)");
}

TEST_CASE("what podo would complain of is a finding with podo's own words") {
  const Shown shown = Show({"PODO_INTERVAL=10", "PODO_SAMPEL_HZ=1", "PODO_FORK=perf",
                            "PODO_MAX_OVERHEAD=1", "PODO_EXPORT=ftp://x,otlp+http://h:4317"});
  CHECK(shown.MarkOf("PODO_INTERVAL=\"10\" is not accepted; accepted: a duration from 100ms to 1h, "
                     "such as 10s; treated as unset") == Mark::kProblem);
  CHECK(shown.MarkOf("PODO_SAMPEL_HZ is not known and ignored") == Mark::kNote);
  CHECK(shown.MarkOf("PODO_FORK=\"perf\" is not accepted") == Mark::kProblem);
  CHECK(shown.MarkOf("PODO_MAX_OVERHEAD=\"1\" is not accepted; accepted: a percentage") ==
        Mark::kProblem);
  CHECK(shown.MarkOf("; left out") == Mark::kProblem);
  CHECK(shown.MarkOf("names the port of gRPC") == Mark::kProblem);
  for (const Finding& finding : shown.section.findings) CHECK(!finding.advice.empty());
}

TEST_CASE("podo switched off, or ignored, is a problem; without a sink it is a note") {
  CHECK(Show({"PODO_ENABLED=false"}).MarkOf("switched off by PODO_ENABLED") == Mark::kProblem);
  CHECK(Show({"OTEL_SDK_DISABLED=true"}).MarkOf("switched off by OTEL_SDK_DISABLED") ==
        Mark::kProblem);
  CHECK(Show({"PODO_LOG=info"}, true).MarkOf("gained privileges") == Mark::kProblem);
  CHECK(Show({}).MarkOf("profiles go nowhere") == Mark::kNote);
  CHECK(Show({"PODO_LISTEN=127.0.0.1:0"}).MarkOf("kept in the process") == Mark::kNote);
  CHECK(Show({"PODO_EXPORT=file:///x/"}).MarkOf("every value is accepted") == Mark::kOk);
}

TEST_CASE("each of several sinks has a line of its own") {
  const Shown shown = Show({"PODO_EXPORT=file:///x/,file:///y/"});
  const auto& rows = shown.section.table.rows;
  const auto first = std::find_if(rows.begin(), rows.end(),
                                  [](const auto& row) { return row[0] == "PODO_EXPORT"; });
  REQUIRE(first + 1 < rows.end());
  CHECK((*first)[2] == "file:///x/");
  CHECK(*(first + 1) == std::vector<std::string>{"", "", "file:///y/"});
}

}  // namespace
}  // namespace podo::doctor
