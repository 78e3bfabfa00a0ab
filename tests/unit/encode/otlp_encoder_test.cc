// SPDX-License-Identifier: Apache-2.0
#include "encode/otlp_encoder.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "encode/pprof_encoder.h"
#include "encode/pprof_reader.h"
#include "known_profile.h"
#include "otlp_decode.h"

namespace podo::encode {
namespace {

using otlp_test::Message;
using otlp_test::Request;
using Texts = std::vector<std::string>;

constexpr OtlpProfileId kId = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

std::string IdText(const OtlpProfileId& id) { return {id.begin(), id.end()}; }

OtlpOptions KnownOptions() {
  OtlpOptions options;
  options.resource = {{"service.name", "checkout"}, {"process.pid", int64_t{42}}};
  options.scope_version = "0.1.0";
  options.profile_id = kId;
  return options;
}

Request EncodeOne(const model::Profile& profile, const OtlpOptions& options = KnownOptions()) {
  const std::vector<OtlpRequest> requests = EncodeOtlp(profile, options);
  REQUIRE(requests.size() == 1);
  return Request(requests[0].bytes);
}

TEST_CASE("CPU goes out as samples with the measured period, one value each") {
  const Request request = EncodeOne(KnownProfile());
  CHECK(request.Faults() == Texts{});
  REQUIRE(request.profiles().size() == 1);
  const Message profile = request.profiles()[0];
  CHECK(request.TypeText(profile, 1) == "samples/count");
  CHECK(request.TypeText(profile, 5) == "cpu/nanoseconds");
  CHECK(profile.Int(6) == kKnownPeriodNs);
  CHECK(profile.Int(3) == 1'700'000'000'000'000'000);
  CHECK(profile.Int(4) == 10'000'000'000);
  CHECK(profile.Bytes(7) == IdText(kId));
  REQUIRE(profile.Ints(11).size() == 1);
  CHECK(request.AttributeText(profile.Ints(11)[0]) == "pprof.profile.comment=[a known profile;]");
  CHECK(request.SampleTexts(profile) ==
        Texts{
            "1280 Serve:40 main:12 | | | 80",
            "Escape:15 Serialize:88 Serialize:90 Serve:40 main:12 | | "
            "ab010200000000000000000000000000cd09000000000000 | 5",
            "Escape:15 Serialize:88 Serve:40 main:12 | endpoint=/pay body=i:4096bytes | | 10",
            "[threads blocking SIGPROF]:0 | | | 5",
        });
}

TEST_CASE("resource, scope and schema stand inline") {
  const Request request = EncodeOne(KnownProfile());
  CHECK(request.ResourceTexts() == Texts{"service.name=checkout", "process.pid=i:42"});
  const Message scope(request.scope_profiles().Bytes(1));
  CHECK(scope.Bytes(1) == "podo");
  CHECK(scope.Bytes(2) == "0.1.0");
  CHECK(request.scope_profiles().Bytes(3) == request.resource_profiles().Bytes(3));
  CHECK(request.resource_profiles().Bytes(3).find("opentelemetry.io/schemas/") !=
        std::string::npos);
}

TEST_CASE("mappings carry their addresses and both build ids") {
  model::Profile known = KnownProfile();
  known.mappings[1].htlhash = static_cast<model::StringId>(known.strings.size());
  known.strings.push_back("00112233445566778899aabbccddeeff");
  const Request request = EncodeOne(known);
  CHECK(request.Faults() == Texts{});
  REQUIRE(request.Table(1).size() == 3);
  const Message program(request.Table(1)[1], {5});
  CHECK(program.Int(1) == 0x55d000000000);
  CHECK(program.Int(2) == 0x55d000010000);
  CHECK(program.Int(3) == 0x1000);
  CHECK(request.String(program.Int(4)) == kKnownProgram);
  Texts attributes;
  for (const uint64_t index : program.Ints(5)) attributes.push_back(request.AttributeText(index));
  CHECK(attributes ==
        Texts{"process.executable.build_id.gnu=c0ffee01",
              "process.executable.build_id.htlhash=00112233445566778899aabbccddeeff"});
}

TEST_CASE("a location of a mapping is a native frame, a named one is none") {
  const Request request = EncodeOne(KnownProfile());
  for (const std::string& bytes : request.Table(2)) {
    const Message location(bytes, {4});
    if (location.Int(1) == 0) {
      CHECK(location.Ints(4).empty());
    } else {
      REQUIRE(location.Ints(4).size() == 1);
      CHECK(request.AttributeText(location.Ints(4)[0]) == "profile.frame.type=native");
    }
  }
}

TEST_CASE("the seven zero values are the first bytes of their tables, used or not") {
  model::ProfileBuilder builder({{"", ""}});
  builder.AddSample({}, {}, {}, {1});
  const std::string bytes = EncodeOtlp(builder.Take(), {})[0].bytes;
  const std::string zeros("\x0A\x00\x12\x00\x1A\x00\x22\x00\x2A\x00\x32\x00\x3A\x00", 14);
  CHECK(bytes.substr(bytes.size() - 16) == std::string("\x12\x0E", 2) + zeros);
  CHECK(Request(bytes).Faults() == Texts{});
}

TEST_CASE("a profile without a value goes out as nothing") {
  model::ProfileBuilder builder({{"samples", "count"}});
  CHECK(EncodeOtlp(builder.profile(), KnownOptions()).empty());
  builder.AddSample({}, {}, {}, {0});
  CHECK(EncodeOtlp(builder.profile(), KnownOptions()).empty());
}

TEST_CASE("other profiles have a message for each type, the default first, ids of their own") {
  model::ProfileBuilder builder({{"alloc_space", "bytes"}, {"inuse_space", "bytes"}});
  const auto f = AddKnownLocation(builder, {}, 1, {{"f", "f.cc", 1}});
  const auto g = AddKnownLocation(builder, {}, 2, {{"g", "g.cc", 2}});
  builder.AddSample(builder.AddStack({f}), {}, {}, {100, 0});
  builder.AddSample(builder.AddStack({g}), {}, {}, {50, 7});
  builder.profile().default_sample_type = builder.AddString("inuse_space");
  const Request request = EncodeOne(builder.Take());
  CHECK(request.Faults() == Texts{});
  const std::vector<Message> profiles = request.profiles();
  REQUIRE(profiles.size() == 2);
  CHECK(request.TypeText(profiles[0], 1) == "inuse_space/bytes");
  CHECK(request.SampleTexts(profiles[0]) == Texts{"g:2 | | | 7"});
  CHECK(request.TypeText(profiles[1], 1) == "alloc_space/bytes");
  CHECK(request.SampleTexts(profiles[1]) == Texts{"f:1 | | | 100", "g:2 | | | 50"});
  CHECK(profiles[0].Bytes(7) == IdText(kId));
  CHECK(profiles[1].Bytes(7) == IdText(DeriveProfileId(kId, 1)));
}

TEST_CASE("CPU time that is not count x period is not left out") {
  model::Profile known = KnownProfile();
  known.values[1] += 1;
  const Request request = EncodeOne(known);
  REQUIRE(request.profiles().size() == 2);
  CHECK(request.TypeText(request.profiles()[0], 1) == "cpu/nanoseconds");
  CHECK(request.Total(request.profiles()[0]) == 100 * kKnownPeriodNs + 1);
}

TEST_CASE("equal samples become one, whatever ids the file gave them") {
  // Two copies of everything, as a reader of foreign files may make them.
  model::Profile twice = model::Profile::Empty();
  twice.strings = {"", "samples", "count", "f", "f", "k", "k", "v", "v"};
  twice.sample_types = {{model::StringId{1}, model::StringId{2}}};
  for (uint32_t i = 0; i < 2; ++i) {
    twice.functions.push_back({.name = model::StringId{3 + i}});
    twice.locations.push_back({.address = 9, .lines = {{.function = model::FunctionId{1 + i}}}});
    twice.stacks.push_back({{model::LocationId{1 + i}}});
    twice.label_sets.push_back({{{model::StringId{5 + i}, model::StringId{7 + i}, 0, {}}}});
    twice.samples.push_back({model::StackId{1 + i}, model::LabelSetId{1 + i}, {}});
  }
  twice.values = {3, 4};
  const Request request = EncodeOne(twice);
  CHECK(request.Faults() == Texts{});
  CHECK(request.SampleTexts(request.profiles()[0]) == Texts{"f:0 | k=v | | 7"});

  twice.values = {3, -3};
  const Request cancelled = EncodeOne(twice);
  CHECK(cancelled.Faults() == Texts{});
  CHECK(cancelled.SampleTexts(cancelled.profiles()[0]) == Texts{"f:0 | k=v | | 0"});
}

TEST_CASE("of equal keys in one list the first counts; the sample's own before those of all") {
  model::ProfileBuilder builder({{"samples", "count"}});
  const auto k = builder.AddString("k");
  model::LabelSet labels{{{.key = k, .string = builder.AddString("1")}, {.key = k, .number = 2}}};
  builder.AddSample({}, builder.AddLabelSet(labels), {}, {1});
  OtlpOptions options = KnownOptions();
  options.every_sample = {{"k", "3"}, {"service.name", "checkout"}, {"", "no key"}};
  options.resource.push_back({"service.name", "again"});
  const Request request = EncodeOne(builder.Take(), options);
  CHECK(request.Faults() == Texts{});
  CHECK(request.SampleTexts(request.profiles()[0]) == Texts{"| k=1 service.name=checkout | | 1"});
  CHECK(request.ResourceTexts() == Texts{"service.name=checkout", "process.pid=i:42"});
}

TEST_CASE("numbers of a label may be 0 and negative, folded locations are flagged") {
  model::ProfileBuilder builder({{"samples", "count"}});
  model::LabelSet labels{{{.key = builder.AddString("zero")},
                          {.key = builder.AddString("less"), .number = INT64_MIN}}};
  const auto folded = builder.AddLocation({.address = 1, .is_folded = true});
  builder.AddSample(builder.AddStack({folded}), builder.AddLabelSet(labels), {}, {INT64_MAX});
  const Request request = EncodeOne(builder.Take());
  CHECK(request.SampleTexts(request.profiles()[0]) ==
        Texts{"1 | zero=i:0 less=i:-9223372036854775808 | | 9223372036854775807"});
  CHECK(request.AttributeText(Message(request.Table(2)[1], {4}).Int(4)) ==
        "pprof.location.is_folded=b:1");
}

// Many samples of some size, each with a stack and a name of its own.
model::Profile LargeProfile(int samples) {
  model::ProfileBuilder builder({{"samples", "count"}, {"cpu", "nanoseconds"}});
  const auto main = AddKnownLocation(builder, {}, 1, {{"main", "main.cc", 1}});
  for (int i = 0; i < samples; ++i) {
    const std::string name = "function_" + std::to_string(i);
    const auto leaf = AddKnownLocation(builder, {}, 2 + i, {{name.c_str(), "leaf.cc", i}});
    builder.AddSample(builder.AddStack({leaf, main}), {}, {}, {1 + i % 3, (1 + i % 3) * 10});
  }
  builder.profile().period_type = builder.profile().sample_types[1];
  builder.profile().period = 10;
  return builder.Take();
}

TEST_CASE("a profile above a limit goes out in parts; nothing is lost or sent twice") {
  const model::Profile profile = LargeProfile(5000);
  const auto whole = EncodeOtlp(profile, KnownOptions());
  REQUIRE(whole.size() == 1);
  const Texts all = Request(whole[0].bytes).SampleTexts(Request(whole[0].bytes).profiles()[0]);
  struct Limit {
    size_t max_bytes;
    size_t max_samples;
  };
  for (const Limit& limit : {Limit{20'000, 1 << 20}, Limit{1 << 30, 700}, Limit{50'000, 1000}}) {
    CAPTURE(limit.max_bytes);
    OtlpOptions options = KnownOptions();
    options.max_bytes = limit.max_bytes;
    options.max_samples = limit.max_samples;
    const std::vector<OtlpRequest> parts = EncodeOtlp(profile, options);
    CHECK(parts.size() >= 5000 / limit.max_samples + (limit.max_samples < 5000 ? 1 : 8));
    Texts together;
    std::set<std::string> ids;
    for (const OtlpRequest& part : parts) {
      CHECK(part.bytes.size() <= limit.max_bytes);
      CHECK(part.samples <= limit.max_samples);
      const Request request(part.bytes);
      CHECK(request.Faults() == Texts{});
      REQUIRE(request.profiles().size() == 1);
      CHECK(request.profiles()[0].Bytes(7) == IdText(part.profile_id));
      ids.insert(IdText(part.profile_id));
      for (const std::string& text : request.SampleTexts(request.profiles()[0])) {
        together.push_back(text);
      }
    }
    std::sort(together.begin(), together.end());
    CHECK(together == all);
    CHECK(ids.size() == parts.size());
    CHECK(parts[0].profile_id == kId);
  }
}

TEST_CASE("a sample larger than the limit goes out alone") {
  OtlpOptions options = KnownOptions();
  options.max_bytes = 1;
  CHECK(EncodeOtlp(KnownProfile(), options).size() == 4);
}

TEST_CASE("equal profiles give equal bytes, so that a retry is the same request") {
  const auto once = EncodeOtlp(LargeProfile(3000), {.profile_id = kId, .max_samples = 1000});
  const auto again = EncodeOtlp(LargeProfile(3000), {.profile_id = kId, .max_samples = 1000});
  REQUIRE(once.size() == again.size());
  for (size_t i = 0; i < once.size(); ++i) CHECK(once[i].bytes == again[i].bytes);
}

TEST_CASE("what a pprof file holds goes out as it was") {
  const auto read = ReadPprof(EncodePprof(KnownProfile()));
  REQUIRE(read.ok());
  const Request request = EncodeOne(*read);
  CHECK(request.Faults() == Texts{});
  CHECK(request.Total(request.profiles()[0]) == 100);
}

TEST_CASE("text that is no UTF-8 is mended") {
  OtlpOptions options;
  options.resource = {{"k\xff", "v\xff"}};
  CHECK(EncodeOne(KnownProfile(), options).ResourceTexts() == Texts{"k\xEF\xBF\xBD=v\xEF\xBF\xBD"});
}

}  // namespace
}  // namespace podo::encode
