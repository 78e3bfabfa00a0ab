// SPDX-License-Identifier: Apache-2.0
#include "serve/range.h"

#include <doctest/doctest.h>

#include <string>

namespace podo::serve {
namespace {

constexpr int64_t kNow = 1'767'225'600'000'000'000;
constexpr int64_t kHour = 3'600'000'000'000;

// Stands in for the module's regular expressions: "x*" takes what begins with x.
base::StatusOr<Predicate> Compile(std::string_view pattern) {
  if (!pattern.ends_with('*')) return base::InvalidArgumentError("no star");
  return Predicate([begin = std::string(pattern.substr(0, pattern.size() - 1))](
                       std::string_view value) { return value.starts_with(begin); });
}

struct Read {
  bool ok = false;
  history::Query query;
  BadRequest bad;
};

Read ReadText(const std::string& parameters, std::string_view prefix = "",
              const history::Query* otherwise = nullptr) {
  Read read;
  const base::StatusOr<Target> target = ParseTarget("/?" + parameters);
  REQUIRE(target.ok());
  read.ok = ReadQuery(*target, prefix, otherwise, kNow, Compile, &read.query, &read.bad);
  return read;
}

TEST_CASE("without parameters a question is about the last hour") {
  const Read read = ReadText("");
  REQUIRE(read.ok);
  CHECK(read.query.from_ns == kNow - kHour);
  CHECK(read.query.until_ns == kNow);
  CHECK(read.query.labels.empty());
}

TEST_CASE("values of one label are alternatives, different labels must all hold") {
  const Read read = ReadText("label.endpoint=/pay&label.endpoint=/cart&label.tenant=&type=cpu");
  REQUIRE(read.ok);
  REQUIRE(read.query.labels.size() == 2);
  CHECK(read.query.labels[0].key == "endpoint");
  CHECK(read.query.labels[0].values == std::vector<std::string>{"/pay", "/cart"});
  CHECK(read.query.labels[1].key == "tenant");
  CHECK(read.query.labels[1].values == std::vector<std::string>{""});
  CHECK(read.query.labels[1].pattern == nullptr);
}

TEST_CASE("patterns of one label are alternatives, too") {
  const Read read = ReadText("label~.endpoint=/p*&label~.endpoint=/c*&label.endpoint=/x");
  REQUIRE(read.ok);
  REQUIRE(read.query.labels.size() == 1);
  const history::LabelMatch& match = read.query.labels[0];
  CHECK(match.values == std::vector<std::string>{"/x"});
  CHECK(match.pattern("/pay"));
  CHECK(match.pattern("/cart"));
  CHECK_FALSE(match.pattern("/order"));
}

TEST_CASE(
    "the earlier range of a difference has parameters of its own, and the labels of the later") {
  const history::Query after = ReadText("label.endpoint=/pay").query;
  const Read same =
      ReadText("base_from=now-3h&base_until=now-2h&label.endpoint=/pay", "base_", &after);
  REQUIRE(same.ok);
  CHECK(same.query.from_ns == kNow - 3 * kHour);
  CHECK(same.query.until_ns == kNow - 2 * kHour);
  REQUIRE(same.query.labels.size() == 1);
  const Read own =
      ReadText("base_from=now-3h&base_until=now-2h&base_label.tenant=a", "base_", &after);
  REQUIRE(own.query.labels.size() == 1);
  CHECK(own.query.labels[0].key == "tenant");
}

TEST_CASE("what is not accepted is named with its parameter") {
  struct Case {
    const char* parameters;
    const char* prefix;
    const char* parameter;
    const char* begin;
  };
  const Case cases[] = {
      {"from=yesterday", "", "from", "from: \"yesterday\" is not a time; accepted: "},
      {"until=x", "", "until", "until: \"x\" is not a time; accepted: "},
      {"from=now&until=now-1h", "", "until", "until is not after from; accepted: "},
      {"type=heap", "", "type", "type: \"heap\" is not known; accepted: cpu"},
      {"label.=x", "", "label.", "label. names no label; accepted: "},
      {"label~.a=x", "", "label~.a", "label~.a: no star"},
      {"base_from=now-1h", "base_", "base_until", "base_until is missing"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.parameters);
    const Read read = ReadText(c.parameters, c.prefix);
    CHECK_FALSE(read.ok);
    CHECK(read.bad.parameter == c.parameter);
    CHECK(read.bad.message.starts_with(c.begin));
  }
  std::string many;
  for (int i = 0; i < 17; ++i) many += "label~.a=x*&";
  CHECK(ReadText(many).bad.message == "label~.a: too many patterns; accepted: at most 16");
}

TEST_CASE("numbers have bounds") {
  struct Case {
    const char* text;
    bool ok;
    int64_t value;
  };
  for (const Case& c : {Case{"", true, 7},
                        {"n=", true, 7},
                        {"n=1", true, 1},
                        {"n=9", true, 9},
                        {"n=0", false, 7},
                        {"n=10", false, 7},
                        {"n=2.5", false, 7},
                        {"n=99999999999999999999", false, 7}}) {
    CAPTURE(c.text);
    int64_t value = 0;
    BadRequest bad;
    CHECK(ReadNumber(*ParseTarget(std::string("/?") + c.text), "n", 1, 9, 7, &value, &bad) == c.ok);
    CHECK(value == c.value);
  }
}

}  // namespace
}  // namespace podo::serve
