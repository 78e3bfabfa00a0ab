// SPDX-License-Identifier: Apache-2.0
#include "encode/pyroscope_encoder.h"

#include <doctest/doctest.h>

#include <map>
#include <protozero/pbf_reader.hpp>
#include <set>
#include <string>
#include <vector>

#include "encode/pprof_reader.h"
#include "known_profile.h"

namespace podo::encode {
namespace {

using Labels = std::vector<LabelPair>;

// A PushRequest with one series of one sample, read by field numbers of push.proto.
struct Push {
  Labels labels;
  std::string raw_profile;
  std::string id;

  explicit Push(const std::string& bytes) {
    protozero::pbf_reader request(bytes);
    REQUIRE(request.next(1));
    protozero::pbf_reader series = request.get_message();
    while (series.next()) {
      const bool is_label = series.tag() == 1;  // forgotten once the message is taken
      protozero::pbf_reader message = series.get_message();
      std::map<uint32_t, std::string> fields;
      while (message.next()) {
        const uint32_t field = message.tag();
        fields[field] = message.get_string();
      }
      if (is_label) {
        labels.emplace_back(fields[1], fields[2]);
      } else {
        raw_profile = fields[1];
        id = fields[2];
      }
    }
    CHECK_FALSE(request.next());
  }
};

std::string Value(const Labels& labels, const std::string& name) {
  for (const auto& [n, value] : labels) {
    if (n == name) return value;
  }
  return "(none)";
}

TEST_CASE("a push holds the gzipped profile, its labels and a UUID") {
  PyroscopeOptions options{.labels = {{"service.name", "checkout"}, {"region", "eu"}}};
  options.push_id = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08};
  const auto pushes = EncodePyroscope(KnownProfile(), options);
  REQUIRE(pushes.ok());
  REQUIRE(pushes->size() == 1);
  CHECK((*pushes)[0].samples == 4);
  const Push push((*pushes)[0].bytes);
  CHECK(push.labels == Labels{{"__delta__", "false"},
                              {"__name__", "process_cpu"},
                              {"region", "eu"},
                              {"service_name", "checkout"}});
  CHECK(push.id == "01020304-0506-0708-0000-000000000000");
  CHECK(push.raw_profile.substr(0, 2) == "\x1f\x8b");
  const auto profile = ReadPprof(push.raw_profile);
  REQUIRE(profile.ok());
  CHECK(profile->samples.size() == 4);
  CHECK(profile->period == kKnownPeriodNs);
}

TEST_CASE("names become Prometheus names, reserved ones and empty values are left out") {
  struct Case {
    const char* name;
    const char* value;
    const char* kept_as;
  };
  constexpr Case kCases[] = {
      {"k8s.pod.name", "p", "k8s_pod_name"},
      {"9lives", "v", "_9lives"},
      {"a-b/c", "v", "a_b_c"},
      {"Zone", "v", "Zone"},
      {"__name__", "evil", ""},
      {"__x", "v", ""},
      {"empty", "", ""},
      {"", "v", ""},
      {"\xc3\xa9t", "v", ""},
  };
  const model::Profile profile = KnownProfile();
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const Labels labels = SeriesLabels(profile, {{"service.name", "s"}, {c.name, c.value}});
    CHECK(labels.size() == 3 + (*c.kept_as != '\0'));
    if (*c.kept_as != '\0') CHECK(Value(labels, c.kept_as) == c.value);
    CHECK(Value(labels, "__name__") == "process_cpu");
  }
}

TEST_CASE("the service is always named and never given twice") {
  const model::Profile profile = KnownProfile();
  CHECK(Value(SeriesLabels(profile, {}), "service_name") == "unknown_service");
  const Labels labels = SeriesLabels(profile, {{"service_name", "a"}, {"service.name", "b"}});
  CHECK(Value(labels, "service_name") == "a");
  CHECK(labels.size() == 3);
}

TEST_CASE("a series has at most 30 labels, the service among them wherever it stood") {
  Labels many;
  for (int i = 0; i < 50; ++i) many.emplace_back("k" + std::to_string(i), "v");
  many.emplace_back("service.name", "checkout");
  const Labels labels = SeriesLabels(KnownProfile(), many);
  CHECK(labels.size() == 30);
  CHECK(Value(labels, "service_name") == "checkout");
  CHECK(Value(labels, "k0") == "v");
  CHECK(Value(labels, "k49") == "(none)");
  CHECK(std::is_sorted(labels.begin(), labels.end()));
}

TEST_CASE("long names and values are cut at the receiver's limits, between characters") {
  std::string value(2047, 'x');
  value += "\xc3\xa9";  // two bytes, one too many
  const Labels labels =
      SeriesLabels(KnownProfile(), {{std::string(5000, 'n'), value}, {"bad", "\xff"}});
  for (const auto& [name, text] : labels) {
    CHECK(name.size() <= 1024);
    CHECK(text.size() <= 2048);
    if (name[0] == 'n') CHECK(text == std::string(2047, 'x'));
  }
  CHECK(Value(labels, "bad") == "\xEF\xBF\xBD");
}

TEST_CASE("the profile's name follows its sample types") {
  struct Case {
    const char* type;
    const char* name;
  };
  constexpr Case kCases[] = {{"cpu", "process_cpu"},   {"wall", "wall"},
                             {"off_cpu", "off_cpu"},   {"inuse_space", "memory"},
                             {"contentions", "mutex"}, {"own", "podo"}};
  for (const Case& c : kCases) {
    model::ProfileBuilder builder({{c.type, "count"}});
    CHECK(Value(SeriesLabels(builder.profile(), {}), "__name__") == c.name);
  }
}

TEST_CASE("what the receiver would drop in silence is mended: '-' in types, values below 0") {
  model::ProfileBuilder builder({{"odd-type", "count"}, {"cpu", "nanoseconds"}});
  const auto f = AddKnownLocation(builder, {}, 1, {{"f", "f.cc", 1}});
  const auto g = AddKnownLocation(builder, {}, 2, {{"g", "g.cc", 1}});
  builder.AddSample(builder.AddStack({f}), {}, {}, {5, -7});
  builder.AddSample(builder.AddStack({g}), {}, {}, {0, -1});
  const auto pushes = EncodePyroscope(builder.Take(), {});
  REQUIRE(pushes.ok());
  REQUIRE(pushes->size() == 1);
  const auto profile = ReadPprof(Push((*pushes)[0].bytes).raw_profile);
  REQUIRE(profile.ok());
  CHECK(profile->String(profile->sample_types[0].type) == "odd_type");
  CHECK(profile->values == std::vector<int64_t>{5, 0});
}

TEST_CASE("nothing is pushed for a profile without a value") {
  model::ProfileBuilder builder({{"cpu", "nanoseconds"}});
  builder.AddSample({}, {}, {}, {0});
  CHECK(EncodePyroscope(builder.Take(), {})->empty());
}

TEST_CASE("a profile above a limit is pushed in parts whose values add up") {
  model::ProfileBuilder builder({{"cpu", "nanoseconds"}});
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "function_" + std::to_string(i);
    const auto leaf = AddKnownLocation(builder, {}, 1 + i, {{name.c_str(), "x.cc", i}});
    builder.AddSample(builder.AddStack({leaf}), {}, {}, {i + 1});
  }
  const model::Profile profile = builder.Take();
  struct Limit {
    size_t samples, bytes;
  };
  for (const Limit& limit : {Limit{700, 1 << 30}, Limit{1 << 20, 20'000}}) {
    PyroscopeOptions options;
    options.max_samples = limit.samples;
    options.max_profile_bytes = limit.bytes;
    const auto pushes = EncodePyroscope(profile, options);
    REQUIRE(pushes.ok());
    CHECK(pushes->size() > 4);
    int64_t total = 0;
    size_t samples = 0;
    for (const PyroscopePush& push : *pushes) {
      const auto part = ReadPprof(Push(push.bytes).raw_profile, {.max_bytes = limit.bytes});
      REQUIRE(part.ok());
      CHECK(part->samples.size() <= limit.samples);
      CHECK(part->samples.size() == push.samples);
      samples += push.samples;
      for (const int64_t value : part->values) total += value;
    }
    CHECK(samples == 3000);
    CHECK(total == 3000 * 3001 / 2);
    const auto again = EncodePyroscope(profile, options);
    for (size_t i = 0; i < pushes->size(); ++i) CHECK((*again)[i].bytes == (*pushes)[i].bytes);
  }
}

TEST_CASE("parts have ids of their own") {
  model::ProfileBuilder builder({{"cpu", "nanoseconds"}});
  for (uint64_t i = 1; i < 5; ++i) {
    builder.AddSample(builder.AddStack({builder.AddLocation({.address = i})}), {}, {}, {1});
  }
  PyroscopeOptions options;
  options.push_id = {7};
  options.max_samples = 1;
  std::set<std::string> ids;
  const auto pushes = EncodePyroscope(builder.Take(), options);
  REQUIRE(pushes.ok());
  for (const PyroscopePush& push : *pushes) ids.insert(Push(push.bytes).id);
  CHECK(ids.size() == 4);
}

}  // namespace
}  // namespace podo::encode
