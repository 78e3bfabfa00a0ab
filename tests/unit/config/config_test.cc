// SPDX-License-Identifier: Apache-2.0
#include "config.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config_variables.h"
#include "preload/environment.h"

namespace podo {
namespace {

using Lines = std::vector<std::string>;

struct Parsed {
  Config config;
  Lines messages;
};

Parsed Parse(const std::vector<std::string>& environment, bool secure = false) {
  std::vector<const char*> entries;
  for (const std::string& entry : environment) entries.push_back(entry.c_str());
  Parsed parsed;
  parsed.config = ParseConfig(entries, secure, "exe", &parsed.messages);
  return parsed;
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The one message; "" if there is not exactly one.
std::string OnlyLine(const Parsed& parsed) {
  CHECK(parsed.messages.size() == 1);
  return parsed.messages.size() == 1 ? parsed.messages[0] : "";
}

// Every setting as text, to see that nothing changed.
std::string Describe(const Config& c) {
  std::string text = c.service_name.value + "|";
  for (const base::KeyValue& label : AllLabels(c)) text += label.key + "=" + label.value + ",";
  for (const double value :
       {double(c.enabled.value), double(c.sinks.value.size()), c.sample_hz.value,
        double(c.max_frames.value), double(c.max_threads.value), double(c.interval_ns.value),
        double(int(c.symbolize.value)), double(c.symbol_bytes.value),
        double(c.flush_on_sigterm.value), double(c.exit_timeout_ns.value),
        double(int(c.log.value))}) {
    text += "|" + std::to_string(value);
  }
  return text;
}

TEST_CASE("an empty environment gives the documented defaults without a word") {
  const auto [config, messages] = Parse({});
  CHECK(messages.empty());
  CHECK(config.enabled.value);
  CHECK(config.service_name.value == "unknown_service:exe");
  CHECK(AllLabels(config).empty());
  CHECK(config.sinks.value.empty());
  CHECK(config.sample_hz.value == 100);
  CHECK(config.max_frames.value == 256);
  CHECK(config.max_overhead.value == 0.01);
  CHECK(config.max_threads.value == 1024);
  CHECK(config.interval_ns.value == 10'000'000'000);
  CHECK(config.symbolize.value == Symbolize::kFull);
  CHECK(config.symbol_bytes.value == 67'108'864);
  CHECK(config.fork.value == ForkMode::kOff);
  CHECK(!config.flush_on_sigterm.value);
  CHECK(config.exit_timeout_ns.value == 2'000'000'000);
  CHECK(config.log.value == base::LogLevel::kWarning);
  CHECK(config.log.source == "default");
}

TEST_CASE("every available variable is taken and remembered as the source") {
  const auto [config, messages] = Parse(
      {"PODO_ENABLED=TRUE", "PODO_SERVICE_NAME= pay ", "PODO_LABELS=a=1,b=x%2Cy",
       "PODO_EXPORT=file:///a/,file:///b.html", "PODO_SAMPLE_HZ=99.5", "PODO_MAX_FRAMES=64",
       "PODO_MAX_THREADS=16", "PODO_INTERVAL=500ms", "PODO_SYMBOLIZE=Functions",
       "PODO_SYMBOL_BYTES=1MiB", "PODO_FLUSH_ON_SIGTERM=1", "PODO_EXIT_TIMEOUT=0s", "PODO_LOG=info",
       "PODO_CLOCK=Thread", "PODO_PROFILES=cpu", "PODO_FORK=Child", "PODO_SIGNAL=PROF"});
  CHECK(messages == Lines{});
  CHECK(config.service_name.value == "pay");
  CHECK(AllLabels(config) == Labels{{"a", "1"}, {"b", "x,y"}});
  REQUIRE(config.sinks.value.size() == 2);
  CHECK(config.sinks.value[1].url == "file:///b.html");
  CHECK(config.sample_hz.value == 99.5);
  CHECK(config.clock.value == Clock::kThread);
  CHECK(config.fork.value == ForkMode::kChild);
  CHECK(config.max_frames.value == 64);
  CHECK(config.max_threads.value == 16);
  CHECK(config.interval_ns.value == 500'000'000);
  CHECK(config.symbolize.value == Symbolize::kFunctions);
  CHECK(config.symbol_bytes.value == 1'048'576);
  CHECK(config.flush_on_sigterm.value);
  CHECK(config.exit_timeout_ns.value == 0);
  CHECK(config.log.value == base::LogLevel::kInfo);
  CHECK(config.sample_hz.source == "PODO_SAMPLE_HZ");
  CHECK(config.sinks.source == "PODO_EXPORT");
}

TEST_CASE("PODO_SIGNAL names SIGPROF or a real-time signal, in any of the usual ways") {
  const std::pair<const char*, int> cases[] = {
      {"PROF", SIGPROF},
      {"sigprof", SIGPROF},
      {"27", SIGPROF},
      {"RTMIN", SIGRTMIN},
      {" rtmin+5 ", SIGRTMIN + 5},
      {"SIGRTMIN+30", SIGRTMIN + 30},
      {"RTMAX-2", SIGRTMAX - 2},
      {"RTMAX", SIGRTMAX},
      {"34", 34},
      {"64", 64},
      {"RTMIN+05", SIGRTMIN + 5},
  };
  for (const auto& [text, signal] : cases) {
    const std::string entry = std::string("PODO_SIGNAL=") + text;
    CAPTURE(entry);
    const Parsed parsed = Parse({entry});
    CHECK(parsed.messages == Lines{});
    CHECK(parsed.config.signal.value == signal);
    // The stub reads it by itself, before the engine is there.
    const char* const environment[] = {"PODO_SIGNAL", "PODO_SIGNALS=40", entry.c_str(),
                                       "PODO_SIGNAL=RTMIN+9", nullptr};
    CHECK(EnvironmentSignal(environment) == signal);
  }
  const char* const refused[] = {"PODO_SIGNAL=RTMIN+000000000000000001", nullptr};
  CHECK(EnvironmentSignal(refused) == SIGPROF);
  CHECK(Parse({refused[0]}).config.signal.value == SIGPROF);
  const char* const none[] = {nullptr};
  CHECK(EnvironmentSignal(none) == SIGPROF);
}

TEST_CASE("a real-time signal moves the clock off what sends SIGPROF only, and says so") {
  CHECK(Parse({"PODO_SIGNAL=RTMIN+5"}).config.clock.value == Clock::kAuto);
  CHECK(Parse({"PODO_SIGNAL=RTMIN+5"}).messages == Lines{});
  CHECK(Parse({"PODO_SIGNAL=RTMIN+5", "PODO_CLOCK=process"}).config.clock.value == Clock::kProcess);
  const Parsed asked = Parse({"PODO_SIGNAL=RTMIN+5", "PODO_CLOCK=itimer"});
  CHECK(asked.config.clock.value == Clock::kAuto);
  CHECK(OnlyLine(asked) ==
        "PODO_CLOCK=\"itimer\" sends SIGPROF only, which PODO_SIGNAL has replaced; auto is used");
  const Parsed perf = Parse({"PODO_SIGNAL=RTMIN+5", "PODO_CLOCK=perf"});
  CHECK(perf.config.clock.value == Clock::kAuto);
  CHECK(OnlyLine(perf) ==
        "PODO_CLOCK=\"perf\" sends SIGPROF only, which PODO_SIGNAL has replaced; auto is used");
  CHECK(Parse({"PODO_SIGNAL=PROF", "PODO_CLOCK=itimer"}).config.clock.value == Clock::kItimer);
  CHECK(Parse({"PODO_SIGNAL=PROF", "PODO_CLOCK=perf"}).config.clock.value == Clock::kPerf);
}

TEST_CASE("a handler behind podo's leaves no clock whose ticks look like the program's") {
  CHECK(Parse({"PODO_CLOCK=perf"}).config.signal_conflict.value == SignalConflict::kYield);
  const Parsed retake = Parse({"PODO_SIGNAL_CONFLICT=Retake", "PODO_CLOCK=itimer"});
  CHECK(retake.messages == Lines{});
  CHECK(retake.config.signal_conflict.value == SignalConflict::kRetake);
  CHECK(retake.config.clock.value == Clock::kItimer);
  for (const char* clock : {"itimer", "perf"}) {
    const std::string entry = std::string("PODO_CLOCK=") + clock;
    const Parsed chain = Parse({"PODO_SIGNAL_CONFLICT=chain", entry});
    CHECK(chain.config.clock.value == Clock::kAuto);
    CHECK(OnlyLine(chain) == std::string("PODO_CLOCK=\"") + clock +
                                 "\" has ticks that look like the program's own "
                                 "(PODO_SIGNAL_CONFLICT); auto is used");
  }
  CHECK(Parse({"PODO_SIGNAL_CONFLICT=chain", "PODO_CLOCK=thread"}).messages == Lines{});
}

TEST_CASE("empty is unset, and of equal names the first counts") {
  Lines empty;
  for (const Variable& variable : KnownVariables())
    empty.push_back(std::string(variable.name) + "=");
  empty.insert(empty.end(), {"OTEL_SERVICE_NAME=", "OTEL_RESOURCE_ATTRIBUTES=  ",
                             "OTEL_SDK_DISABLED=", "OTEL_EXPORTER_OTLP_ENDPOINT="});
  CHECK(Parse(empty).messages == Lines{});
  CHECK(Describe(Parse(empty).config) == Describe(Parse({}).config));
  CHECK(Parse({"PODO_SAMPLE_HZ=7", "PODO_SAMPLE_HZ=8"}).config.sample_hz.value == 7);
}

TEST_CASE("garbage is reported in one line with name, value and what is accepted, then unset") {
  struct Case {
    std::string name, value, accepted;
  };
  const Case cases[] = {
      {"PODO_ENABLED", "maybe", "true, false, 1 or 0"},
      {"PODO_LABELS", "a", "key=value"},
      {"PODO_LABELS", "a=%zz", "key=value"},
      {"PODO_EXPORT", "nonsense", "file:///directory/"},
      {"PODO_SAMPLE_HZ", "fast", "from 1 to 10000"},
      {"PODO_SAMPLE_HZ", "0", "from 1 to 10000"},
      {"PODO_SAMPLE_HZ", "10001", "from 1 to 10000"},
      {"PODO_SAMPLE_HZ", "nan", "from 1 to 10000"},
      {"PODO_CLOCK", "sundial", "auto, thread, perf, process or itimer"},
      {"PODO_PROFILES", "cpu,heap", "cpu (in this version)"},
      {"PODO_FORK", "parent", "off or child"},
      {"PODO_SIGNAL_CONFLICT", "fight", "yield, retake or chain"},
      {"PODO_SIGNAL", "USR1", "PROF, or a real-time signal: RTMIN+3"},
      {"PODO_SIGNAL", "33", "PROF, or a real-time signal: RTMIN+3"},
      {"PODO_SIGNAL", "65", "PROF, or a real-time signal: RTMIN+3"},
      {"PODO_SIGNAL", "RTMIN+31", "PROF, or a real-time signal: RTMIN+3"},
      {"PODO_SIGNAL", "RTMIN-1", "PROF, or a real-time signal: RTMIN+3"},
      {"PODO_SIGNAL", "RTMAX+1", "PROF, or a real-time signal: RTMIN+3"},
      {"PODO_SIGNAL", "RTMIN+3x", "PROF, or a real-time signal: RTMIN+3"},
      {"PODO_COMPRESSION", "lz4", "gzip, zstd or none"},
      {"PODO_SPOOL_DIR", "spool", "the absolute path of a directory"},
      {"PODO_SPOOL_BYTES", "1MB", "at least 1MiB"},
      {"PODO_SPOOL_BYTES", "1048575", "at least 1MiB"},
      {"PODO_LISTEN", "6060", "ADDRESS:PORT such as 127.0.0.1:6060"},
      {"PODO_LISTEN_TOKEN_FILE", "token", "the absolute path of a file"},
      {"PODO_HISTORY_BYTES", "16", "at least 1MiB, such as 16MiB, or 0"},
      {"PODO_HISTORY_BYTES", "16MB", "at least 1MiB, such as 16MiB, or 0"},
      {"PODO_HISTORY_DIR", "history", "the absolute path of a directory"},
      {"PODO_MAX_FRAMES", "7", "from 8 to 1024"},
      {"PODO_MAX_FRAMES", "1025", "from 8 to 1024"},
      {"PODO_MAX_FRAMES", "99.5", "from 8 to 1024"},
      {"PODO_MAX_THREADS", "0", "from 1 to 65536"},
      {"PODO_MAX_THREADS", "65537", "from 1 to 65536"},
      {"PODO_MAX_OVERHEAD", "0%", "from 0.001% to 100%, or off"},
      {"PODO_MAX_OVERHEAD", "1", "from 0.001% to 100%, or off"},
      {"PODO_MAX_OVERHEAD", "101%", "from 0.001% to 100%, or off"},
      {"PODO_LABEL_SETS", "0", "from 1 to 1000000"},
      {"PODO_LABEL_SETS", "many", "from 1 to 1000000"},
      {"PODO_THREAD_LABELS", "names", "none, name, id or name,id"},
      {"PODO_INTERVAL", "10", "from 100ms to 1h"},
      {"PODO_INTERVAL", "99ms", "from 100ms to 1h"},
      {"PODO_INTERVAL", "61m", "from 100ms to 1h"},
      {"PODO_SYMBOLIZE", "everything", "full, functions or none"},
      {"PODO_SYMBOL_BYTES", "64MB", "at least 1MiB"},
      {"PODO_SYMBOL_BYTES", "1048575", "at least 1MiB"},
      {"PODO_FLUSH_ON_SIGTERM", "yes", "true, false, 1 or 0"},
      {"PODO_EXIT_TIMEOUT", "61s", "from 0s to 60s"},
      {"PODO_EXIT_TIMEOUT", "-1s", "from 0s to 60s"},
      {"PODO_LOG", "verbose", "off, error, warning or info"},
      {"OTEL_SDK_DISABLED", "1", "true or false"},
      {"OTEL_RESOURCE_ATTRIBUTES", "service.name=x,oops", "key=value"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CAPTURE(c.value);
    const Parsed parsed = Parse({c.name + "=" + c.value});
    const std::string line = OnlyLine(parsed);
    CAPTURE(line);
    CHECK(line.starts_with(c.name));
    CHECK(Contains(line, c.value));
    CHECK(Contains(line, c.accepted));
    CHECK(Describe(parsed.config) == Describe(Parse({}).config));
  }
}

TEST_CASE("PODO_MAX_OVERHEAD is a percentage, and off is no limit") {
  CHECK(Parse({"PODO_MAX_OVERHEAD=2.5%"}).config.max_overhead.value == doctest::Approx(0.025));
  CHECK(Parse({"PODO_MAX_OVERHEAD=0.001%"}).config.max_overhead.value == doctest::Approx(0.00001));
  const Parsed off = Parse({"PODO_MAX_OVERHEAD=Off"});
  CHECK(off.messages == Lines{});
  CHECK(off.config.max_overhead.value == 0);
  CHECK(off.config.max_overhead.source == "PODO_MAX_OVERHEAD");
}

TEST_CASE("an unknown name is reported with the nearest known one, its value is not") {
  CHECK(OnlyLine(Parse({"PODO_INTERVALL=hunter2"})) ==
        "PODO_INTERVALL is not known and ignored; the nearest known name is PODO_INTERVAL");
  Lines many;
  for (int i = 0; i < 100; ++i) many.push_back("PODO_X" + std::to_string(i) + "=1");
  const Lines messages = Parse(many).messages;
  CHECK(messages.size() == 9);
  CHECK(messages.back() == "92 more PODO_ names are not known and ignored");
  CHECK(Parse({"PODOX=1", "podo_x=1", "=PODO_=", "MY_PODO_X=1", "x"}).messages.empty());
  CHECK(Parse({"PODO_NOVALUE"}).messages.size() == 1);
}

TEST_CASE("a line about a value stays short and valid text") {
  const std::string line = OnlyLine(Parse({"PODO_INTERVAL=\xFF" + std::string(100'000, 'x')}));
  CHECK(line.size() < 300);
  CHECK(Contains(line, "\xEF\xBF\xBD"));
  CHECK(OnlyLine(Parse({"PODO_" + std::string(100'000, 'X') + "=1"})).size() < 300);
}

TEST_CASE("the service name comes from the strongest source that is set") {
  struct Case {
    Lines environment;
    std::string name, source;
  };
  const std::string attributes = "OTEL_RESOURCE_ATTRIBUTES=service.name=att,team=x";
  const Case cases[] = {
      {{"PODO_SERVICE_NAME=podo", "OTEL_SERVICE_NAME=otel", attributes},
       "podo",
       "PODO_SERVICE_NAME"},
      {{"OTEL_SERVICE_NAME=otel", attributes}, "otel", "OTEL_SERVICE_NAME"},
      {{attributes}, "att", "OTEL_RESOURCE_ATTRIBUTES"},
      {{"PODO_SERVICE_NAME=", "OTEL_SERVICE_NAME=", attributes}, "att", "OTEL_RESOURCE_ATTRIBUTES"},
      {{"OTEL_RESOURCE_ATTRIBUTES=service.name="}, "unknown_service:exe", "default"},
      {{"PODO_SERVICE_NAME=a\xFF"}, "a\xEF\xBF\xBD", "PODO_SERVICE_NAME"},
      {{"PODO_SERVICE_NAME=" + std::string(5000, 'n')}, std::string(255, 'n'), "PODO_SERVICE_NAME"},
  };
  for (const Case& c : cases) {
    const auto [config, messages] = Parse(c.environment);
    CHECK(config.service_name.value == c.name);
    CHECK(config.service_name.source == c.source);
    CHECK(messages.empty());
    for (const base::KeyValue& label : AllLabels(config)) CHECK(label.key != "service.name");
  }
}

TEST_CASE("a cut name ends with a whole character") {
  const std::string e = "\xC3\xA9";
  std::string name = "x";
  for (int i = 0; i < 200; ++i) name += e;
  CHECK(Parse({"PODO_SERVICE_NAME=" + name}).config.service_name.value == name.substr(0, 255));
  CHECK(Parse({"PODO_SERVICE_NAME=x" + name}).config.service_name.value ==
        "x" + name.substr(0, 253));
}

TEST_CASE("labels stand beside resource attributes, win over them, and are no service name") {
  CHECK(AllLabels(Parse({"OTEL_RESOURCE_ATTRIBUTES=a=1,b=2", "PODO_LABELS=b=3,c=4"}).config) ==
        Labels{{"a", "1"}, {"b", "3"}, {"c", "4"}});
  const Parsed named = Parse({"PODO_LABELS=service.name=x,c=4"});
  CHECK(OnlyLine(named) == "PODO_LABELS: service.name is left out; use PODO_SERVICE_NAME");
  CHECK(AllLabels(named.config) == Labels{{"c", "4"}});
  CHECK(named.config.service_name.value == "unknown_service:exe");
  const Labels cut = AllLabels(
      Parse({"PODO_LABELS=" + std::string(999, 'k') + "=" + std::string(9999, 'v')}).config);
  REQUIRE(cut.size() == 1);
  CHECK(cut[0].key.size() == 256);
  CHECK(cut[0].value.size() == 1024);
}

TEST_CASE("what turns podo off, and that it is silent then") {
  struct Case {
    Lines environment;
    bool enabled;
  };
  const Case cases[] = {
      {{"PODO_ENABLED=false"}, false},
      {{"PODO_ENABLED=0"}, false},
      {{"OTEL_SDK_DISABLED=true"}, false},
      {{"OTEL_SDK_DISABLED=TRUE"}, false},
      {{"OTEL_SDK_DISABLED=false"}, true},
      {{"PODO_ENABLED=true", "OTEL_SDK_DISABLED=true"}, true},  // PODO_* beats OTEL_*
      {{"PODO_ENABLED=false", "PODO_TYPO=1", "PODO_LISTEN=x", "PODO_INTERVAL=x"}, false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.environment[0]);
    CHECK(Parse(c.environment).config.enabled.value == c.enabled);
    CHECK(Parse(c.environment).messages == Lines{});
  }
  CHECK(!Parse({"PODO_ENABLED=maybe", "OTEL_SDK_DISABLED=true"}).config.enabled.value);
}

TEST_CASE("one bad sink leaves the others, and no password of a URL is printed") {
  const Parsed parsed = Parse({"PODO_EXPORT=file:///a/,otlp+http://u:hunter2@h:x"});
  CHECK(parsed.config.sinks.value.size() == 1);
  CHECK(OnlyLine(parsed) ==
        "PODO_EXPORT: otlp+http:... is not accepted; accepted: otlp+http://host:4318/path; found a "
        "port that is not 1 to 65535; left out");
}

TEST_CASE("a secure execution ignores everything and says so in one line") {
  const Parsed parsed = Parse({"PODO_ENABLED=false", "PODO_EXPORT=file:///etc/x.html",
                               "PODO_TYPO=1", "OTEL_SERVICE_NAME=x"},
                              /*secure=*/true);
  CHECK(Contains(OnlyLine(parsed), "are ignored"));
  CHECK(Describe(parsed.config) == Describe(Parse({}).config));
  CHECK(Parse({"PATH=/bin", "HOME=/root"}, /*secure=*/true).messages.empty());
}

TEST_CASE("the configuration of this process comes from its environment or a copy of it") {
  Lines messages;
  CHECK(setenv("PODO_SAMPLE_HZ", "42", 1) == 0);
  const Config config = ReadProcessConfig(nullptr, &messages);
  const char* const copy[] = {"PODO_SAMPLE_HZ=43", nullptr};
  const Config config_of_copy = ReadProcessConfig(copy, &messages);
  unsetenv("PODO_SAMPLE_HZ");
  CHECK(config.sample_hz.value == 42);
  CHECK(config_of_copy.sample_hz.value == 43);
  CHECK(config.service_name.value == "unknown_service:podo_unit_config");
}

}  // namespace
}  // namespace podo
