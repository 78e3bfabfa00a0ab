// SPDX-License-Identifier: Apache-2.0
// What stands in a flame-graph page. How it looks and behaves: tests/page, in a browser.
#include "encode/flame_page.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "encode/flame_json.h"
#include "model/profile_builder.h"

namespace podo::encode {
namespace {

using model::LocationId;
using model::Profile;
using model::ProfileBuilder;
using nlohmann::json;

size_t CountOf(std::string_view text, std::string_view part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) ++n;
  return n;
}

// The JSON document of a page.
json DocumentOf(const std::string& page) {
  constexpr std::string_view kOpen = "<script type=\"application/json\" id=\"document\">";
  const size_t begin = page.find(kOpen);
  REQUIRE(begin != std::string::npos);
  const size_t end = page.find("</script>", begin);
  return json::parse(page.substr(begin + kOpen.size(), end - begin - kOpen.size()));
}

// Reads a packed column as flame_json.h describes it.
std::vector<uint64_t> Unpack(const json& column) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<uint64_t> numbers;
  uint64_t number = 0;
  int shift = 0;
  for (const char c : column.get<std::string>()) {
    const size_t digit = kDigits.find(c);
    REQUIRE(digit != std::string_view::npos);
    number |= uint64_t{digit & 31} << shift;
    shift += 5;
    if (digit < 32) numbers.push_back(number), number = 0, shift = 0;
  }
  return numbers;
}

int64_t Signed(uint64_t zigzag) {
  return static_cast<int64_t>(zigzag >> 1) ^ -static_cast<int64_t>(zigzag & 1);
}

// " [k=v] [l=w]" of each label set; that of set 0 is empty.
std::vector<std::string> LabelTexts(const json& doc) {
  std::vector<std::string> texts = {""};
  const auto numbers = Unpack(doc["labelSets"]);
  for (size_t at = 0; at < numbers.size();) {
    std::string& text = texts.emplace_back();
    for (uint64_t left = numbers[at++]; left > 0; --left, at += 2) {
      text += " [" + doc["strings"][numbers[at]].get<std::string>() + "=" +
              doc["strings"][numbers[at + 1]].get<std::string>() + "]";
    }
  }
  return texts;
}

// "main;~inlined;leaf [k=v] 1 10" for each sample of profile `number`: the whole decoding.
std::vector<std::string> Lines(const json& doc, size_t number = 0) {
  const auto names = Unpack(doc["frames"]["name"]);
  const auto frames = Unpack(doc["nodes"]["frame"]);
  std::vector<size_t> parent(frames.size() + 1);
  for (size_t i = 1; i < parent.size(); ++i) parent[i] = i - 1;
  const auto branches = Unpack(doc["nodes"]["branches"]);
  for (size_t i = 0, node = 0; i + 1 < branches.size(); i += 2) {
    node += branches[i];
    parent[node] = node - branches[i + 1];
  }
  std::vector<bool> inlined(parent.size());
  size_t node = 0;
  for (const uint64_t gap : Unpack(doc["nodes"]["inlined"])) inlined[node += gap] = true;
  std::vector<std::string> lines;
  const auto samples = Unpack(doc["profiles"][number]["samples"]);
  const size_t width = doc["sampleTypes"].size();
  const auto labels = LabelTexts(doc);
  node = 0;
  for (size_t i = 0; i < samples.size(); i += 2 + width) {
    node += samples[i];
    std::string line;
    for (size_t n = node; n > 0; n = parent[n]) {
      const std::string name = doc["strings"][names[frames[n - 1]]];
      line = (inlined[n] ? "~" : "") + name + (line.empty() ? "" : ";") + line;
    }
    line += labels[samples[i + 1]];
    for (size_t v = 0; v < width; ++v) line += " " + std::to_string(Signed(samples[i + 2 + v]));
    lines.push_back(line);
  }
  return lines;
}

struct Program {
  ProfileBuilder builder{{{"samples", "count"}, {"cpu", "nanoseconds"}}};

  LocationId Frame(std::string_view name, int64_t line, uint64_t address,
                   std::string_view inlined = "", std::string_view file = "a.cc") {
    const auto function = [&](std::string_view n) {
      return builder.AddFunction(
          {.name = builder.AddString(n), .filename = builder.AddString(file)});
    };
    model::Location location{.address = address, .lines = {{function(name), line, 0}}};
    if (!inlined.empty()) {
      location.lines.insert(location.lines.begin(), {function(inlined), line + 1, 0});
    }
    return builder.AddLocation(location);
  }
  void Sample(std::vector<LocationId> leaf_first, int64_t count, model::LabelSetId labels = {}) {
    builder.AddSample(builder.AddStack(leaf_first), labels, {}, {count, count * 10});
  }
};

TEST_CASE("a page holds every stack with its values, inlined frames expanded and marked") {
  Program p;
  const LocationId main = p.Frame("main", 3, 16), work = p.Frame("work", 5, 32, "tiny");
  p.Sample({work, main}, 2);
  p.Sample({main}, 1);
  p.Sample({work, work, main}, 4);
  const Profile profile = p.builder.Take();
  const json doc = DocumentOf(FlameGraphPage(profile, {"t", ""}));
  CHECK(Lines(doc) == std::vector<std::string>{"main 1 10", "main;work;~tiny 2 20",
                                               "main;work;~tiny;work;~tiny 4 40"});
}

TEST_CASE("frames of two runs match by name and file, not by address") {
  Program before, after;
  before.Sample({before.Frame("leaf", 7, 0x1000), before.Frame("main", 3, 0x2000)}, 1);
  after.Sample({after.Frame("leaf", 9, 0x7f00), after.Frame("main", 3, 0x8f00)}, 5);
  after.Sample({after.Frame("leaf", 9, 0x7f00, "", "other.cc"), after.Frame("main", 3, 0x8f00)}, 6);
  const Profile a = before.builder.Take(), b = after.builder.Take();
  const json doc = DocumentOf(DiffPage(a, b, {}));
  CHECK(Unpack(doc["nodes"]["frame"]).size() == 3);  // main, leaf of a.cc, leaf of other.cc
  CHECK(Lines(doc, 0) == std::vector<std::string>{"main;leaf 1 10"});
  CHECK(Lines(doc, 1) == std::vector<std::string>{"main;leaf 5 50", "main;leaf 6 60"});
}

TEST_CASE("a frame without a name is module+0xoffset, whatever the load address") {
  for (const uint64_t base : {uint64_t{0x400000}, uint64_t{0x7f0000000000}}) {
    Program p;
    const auto mapping = p.builder.AddMapping({.start = base,
                                               .limit = base + 0x1000,
                                               .file_offset = 0x2000,
                                               .filename = p.builder.AddString("/lib/libx.so.1")});
    p.Sample({p.builder.AddLocation({.mapping = mapping, .address = base + 0x34})}, 1);
    p.Sample({p.builder.AddLocation({.address = 0xabc})}, 1);
    p.Sample({}, 1);
    const Profile profile = p.builder.Take();
    CHECK(Lines(DocumentOf(FlameGraphPage(profile, {}))) ==
          std::vector<std::string>{"libx.so.1+0x2034 1 10", "0xabc 1 10", "[no stack] 1 10"});
  }
}

TEST_CASE("samples keep their labels, and equal ones add up") {
  Program p;
  const auto label = [&](std::string_view value) {
    return p.builder.AddLabelSet(
        {{{.key = p.builder.AddString("endpoint"), .string = p.builder.AddString(value)}}});
  };
  const auto bytes = p.builder.AddLabelSet({{{.key = p.builder.AddString("size"),
                                              .number = 64,
                                              .number_unit = p.builder.AddString("bytes")}}});
  p.Sample({p.Frame("f", 1, 16)}, 1, label("/pay"));
  p.Sample({p.Frame("f", 2, 32)}, 2, label("/pay"));  // another address, the same function
  p.Sample({p.Frame("f", 1, 16)}, 3, label("/cart"));
  p.Sample({p.Frame("f", 1, 16)}, 4, bytes);
  const Profile profile = p.builder.Take();
  auto lines = Lines(DocumentOf(FlameGraphPage(profile, {})));
  std::sort(lines.begin(), lines.end());
  CHECK(lines == std::vector<std::string>{"f [endpoint=/cart] 3 30", "f [endpoint=/pay] 3 30",
                                          "f [size=64 bytes] 4 40"});
}

TEST_CASE("traces and spans are counted, and do not tell samples apart") {
  Program p;
  const auto labels = [&](std::string_view trace) {
    model::LabelSet set;
    set.labels.push_back(
        {.key = p.builder.AddString("endpoint"), .string = p.builder.AddString("/pay")});
    if (!trace.empty()) {
      set.labels.push_back(
          {.key = p.builder.AddString("trace_id"), .string = p.builder.AddString(trace)});
    }
    return p.builder.AddLabelSet(set);
  };
  const auto stack = p.builder.AddStack({p.Frame("f", 1, 16)});
  for (const uint8_t request : {1, 2}) {
    const auto link = p.builder.AddLink({.trace_id = {request}, .span_id = {7}});
    p.builder.AddSample(stack, labels(""), link, {1, 10});
  }
  p.builder.AddSample(stack, labels("not of the usual form"), {}, {1, 10});
  const json doc = DocumentOf(FlameGraphPage(p.builder.Take(), {}));
  CHECK(Lines(doc) == std::vector<std::string>{"f [endpoint=/pay] 3 30"});
  CHECK(doc["profiles"][0]["traces"] == 3);
  CHECK(doc["profiles"][0]["spans"] == 1);
}

TEST_CASE("label sets are one if only their order differs, and left out if no sample has them") {
  Program p;
  const auto label = [&](std::string_view key) {
    return model::Label{.key = p.builder.AddString(key), .string = p.builder.AddString("v")};
  };
  p.builder.AddLabelSet({{label("unused")}});
  p.Sample({p.Frame("f", 1, 16)}, 1, p.builder.AddLabelSet({{label("a"), label("b")}}));
  p.Sample({p.Frame("f", 1, 16)}, 2, p.builder.AddLabelSet({{label("b"), label("a")}}));
  const json doc = DocumentOf(FlameGraphPage(p.builder.Take(), {}));
  REQUIRE(Lines(doc).size() == 1);
  CHECK(Lines(doc)[0].ends_with(" 3 30"));
  CHECK(LabelTexts(doc).size() == 2);
  CHECK(doc.dump().find("unused") == std::string::npos);
}

TEST_CASE("a profile without labels carries next to nothing of them") {
  Program p;
  p.Sample({p.Frame("f", 1, 16)}, 1);
  const json doc = DocumentOf(FlameGraphPage(p.builder.Take(), {}));
  CHECK(doc["labelSets"] == "");
  CHECK_FALSE(doc["profiles"][0].contains("traces"));
}

TEST_CASE("a function's lines come most expensive first, recursion counted once") {
  Program p;
  const LocationId cheap = p.Frame("f", 11, 16), hot = p.Frame("f", 12, 32);
  p.Sample({cheap, cheap, cheap}, 3);
  p.Sample({hot}, 5);
  const Profile profile = p.builder.Take();
  const json doc = DocumentOf(FlameGraphPage(profile, {}));
  CHECK(Unpack(doc["frames"]["lines"]) == std::vector<uint64_t>{2, 12, 50, 11, 30});
}

TEST_CASE("hostile text cannot leave its place") {
  const std::string_view attack =
      "</script><!--<script>\"'&\\\x01\xe2\x80\xa8 @PODO_DOCUMENT@ \xff";
  Program p;
  p.Sample({p.Frame(attack, 1, 16, "", attack)}, 1);
  p.builder.profile().comments.push_back(p.builder.AddString(attack));
  const Profile profile = p.builder.Take();
  const std::string harmless = FlameGraphPage(Profile::Empty(), {"t", ""});
  for (const std::string& page : {FlameGraphPage(profile, {std::string(attack), ""}),
                                  DiffPage(profile, profile, {std::string(attack), ""})}) {
    for (const std::string_view tag : {"<script", "</script", "<!--"}) {
      CAPTURE(tag);
      CHECK(CountOf(page, tag) == CountOf(harmless, tag));
    }
    const json doc = DocumentOf(page);  // it still parses, and means what was said
    CHECK(doc["profiles"][0]["comments"][0] == profile.strings.back());
    CHECK(page.find("<title>&lt;/script&gt;&lt;!--") != std::string::npos);
  }
}

TEST_CASE("the page forbids itself to load anything") {
  const std::string page = FlameGraphPage(Profile::Empty(), {});
  CHECK(page.find("default-src 'none'; script-src 'sha256-") != std::string::npos);
  CHECK(page.find("unsafe-inline") == std::string::npos);
  CHECK(page.find("src=") == std::string::npos);
  CHECK(CountOf(page, "http://") + CountOf(page, "https://") == 0);
}

TEST_CASE("the sample type shown first: the wish, else the profile's default, else the last") {
  for (const auto& [wish, preferred, shown] :
       std::vector<std::tuple<std::string, std::string, size_t>>{{"samples", "", 0},
                                                                 {"", "samples", 0},
                                                                 {"", "", 1},
                                                                 {"nonsense", "", 1},
                                                                 {"cpu", "samples", 1}}) {
    Program p;
    p.builder.profile().default_sample_type = p.builder.AddString(preferred);
    const Profile profile = p.builder.Take();
    const std::string sentence = "wish '" + wish + "', default '" + preferred + "'";
    CAPTURE(sentence);
    CHECK(DocumentOf(FlameGraphPage(profile, {"", wish}))["shown"] == shown);
  }
}

TEST_CASE("two profiles are compared in the types both have, wherever those stand") {
  ProfileBuilder before({{"cpu", "nanoseconds"}, {"wall", "nanoseconds"}});
  before.AddSample(before.AddStack({before.AddNamedFrame("f")}), {}, {}, {7, 8});
  ProfileBuilder after({{"samples", "count"}, {"cpu", "nanoseconds"}});
  after.AddSample(after.AddStack({after.AddNamedFrame("f")}), {}, {}, {1, 9});
  const Profile a = before.Take(), b = after.Take();
  const json doc = DocumentOf(DiffPage(a, b, {}));
  CHECK(doc["sampleTypes"] == json::parse(R"([["cpu","nanoseconds"]])"));
  CHECK(Lines(doc, 0) == std::vector<std::string>{"f 7"});
  CHECK(Lines(doc, 1) == std::vector<std::string>{"f 9"});
  CHECK(DocumentOf(DiffPage(a, Profile::Empty(), {}))["sampleTypes"].empty());
}

TEST_CASE("a profile whose ids and values make no sense still gives a page") {
  Profile p;  // not even zero elements
  CHECK(Lines(DocumentOf(FlameGraphPage(p, {}))).empty());
  p = Profile::Empty();
  const auto wild = std::numeric_limits<uint32_t>::max();
  p.sample_types = {{static_cast<model::StringId>(wild), {}}};
  p.locations.push_back({.mapping = static_cast<model::MappingId>(wild),
                         .address = 5,
                         .lines = {{static_cast<model::FunctionId>(wild), -1, 0}}});
  p.stacks.push_back({{static_cast<LocationId>(1), static_cast<LocationId>(wild)}});
  p.label_sets.push_back({{{.key = static_cast<model::StringId>(wild)}}});
  p.comments = {static_cast<model::StringId>(wild)};
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  for (const uint32_t stack : {1u, 1u, wild}) {
    p.samples.push_back({static_cast<model::StackId>(stack), static_cast<model::LabelSetId>(wild)});
    p.values.push_back(kMax);
  }
  p.samples.push_back({});  // its value is missing
  p.time_ns = p.duration_ns = p.period = std::numeric_limits<int64_t>::min();
  CHECK(Lines(DocumentOf(FlameGraphPage(p, {}))) ==
        std::vector<std::string>{"0x5 " + std::to_string(kMax),
                                 "[no stack] " + std::to_string(kMax)});
}

TEST_CASE("a stack deeper than 4096 frames is cut at the root and says so") {
  Program p;
  p.Sample(std::vector<LocationId>(5000, p.Frame("f", 1, 16)), 1);
  const Profile profile = p.builder.Take();
  const auto lines = Lines(DocumentOf(FlameGraphPage(profile, {})));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("[cut: deeper than 4096 frames];f;"));
  CHECK(CountOf(lines[0], ";f") == 4096);
}

TEST_CASE("packed numbers come back") {
  PackedColumn column;
  const std::vector<uint64_t> numbers = {0, 1, 31, 32, 1023, 1024, ~uint64_t{0}};
  for (const uint64_t n : numbers) column.Add(n);
  CHECK(Unpack(column.text()) == numbers);
  for (const int64_t n : {int64_t{0}, int64_t{-1}, int64_t{1}, std::numeric_limits<int64_t>::min(),
                          std::numeric_limits<int64_t>::max()}) {
    PackedColumn one;
    one.AddSigned(n);
    CHECK(Signed(Unpack(one.text())[0]) == n);
  }
}

}  // namespace
}  // namespace podo::encode
