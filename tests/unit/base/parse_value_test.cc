// SPDX-License-Identifier: Apache-2.0
#include "base/parse_value.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace podo::base {
namespace {

// What a parser is expected to make of a text; nullopt: refused.
template <typename T>
struct Case {
  std::string text;
  std::optional<T> value;
};

template <typename T, typename Parse>
void CheckAll(const std::vector<Case<T>>& cases, Parse parse) {
  for (const Case<T>& c : cases) {
    CAPTURE(c.text);
    const base::StatusOr<T> parsed = parse(c.text);
    CHECK(parsed.ok() == c.value.has_value());
    if (parsed.ok() && c.value) CHECK(*parsed == *c.value);
    if (!parsed.ok()) CHECK(!parsed.status().message().empty());
  }
}

TEST_CASE("durations need a unit, except zero") {
  CheckAll<int64_t>({{"10s", 10'000'000'000},
                     {"500ms", 500'000'000},
                     {"250us", 250'000},
                     {"80ns", 80},
                     {"2m", 120'000'000'000},
                     {"1h", 3'600'000'000'000},
                     {"1.5s", 1'500'000'000},
                     {" 10 s ", 10'000'000'000},
                     {"0", 0},
                     {"0ms", 0},
                     {"10", std::nullopt},
                     {"", std::nullopt},
                     {"s", std::nullopt},
                     {"-1s", std::nullopt},
                     {"+1s", std::nullopt},
                     {"1e3s", std::nullopt},
                     {"1.2.3s", std::nullopt},
                     {".", std::nullopt},
                     {"10S", std::nullopt},
                     {"10 parsecs", std::nullopt},
                     {"1s1s", std::nullopt},
                     {"infs", std::nullopt},
                     {"2562047h", 2562047 * int64_t{3'600'000'000'000}},
                     {"2562048h", std::nullopt},
                     {std::string(400, '9') + "s", std::nullopt},
                     {std::string("1s\0", 3), std::nullopt}},
                    ParseDurationNs);
}

TEST_CASE("sizes are bytes or binary units and do not overflow") {
  CheckAll<uint64_t>({{"123", 123},
                      {"16KiB", 16384},
                      {"64MiB", 67108864},
                      {"1GiB", 1073741824},
                      {"2tib", uint64_t{2} << 40},
                      {"64 mib", 67108864},
                      {"0", 0},
                      {"18446744073709551615", std::numeric_limits<uint64_t>::max()},
                      {"18446744073709551616", std::nullopt},
                      {"18014398509481983KiB", uint64_t{18014398509481983} * 1024},
                      {"18014398509481984KiB", std::nullopt},
                      {"64MB", std::nullopt},
                      {"64M", std::nullopt},
                      {"1.5GiB", std::nullopt},
                      {"-1", std::nullopt},
                      {"MiB", std::nullopt},
                      {"", std::nullopt}},
                     ParseSizeBytes);
}

TEST_CASE("booleans are true, false, 1 and 0 in any case and nothing else") {
  CheckAll<bool>({{"true", true},
                  {"TRUE", true},
                  {" True ", true},
                  {"1", true},
                  {"false", false},
                  {"FaLsE", false},
                  {"0", false},
                  {"yes", std::nullopt},
                  {"on", std::nullopt},
                  {"2", std::nullopt},
                  {"", std::nullopt}},
                 ParseBool);
}

TEST_CASE("integers are whole and fit 64 bits") {
  CheckAll<int64_t>({{"256", 256},
                     {"-7", -7},
                     {" 8 ", 8},
                     {"9223372036854775807", std::numeric_limits<int64_t>::max()},
                     {"9223372036854775808", std::nullopt},
                     {"2.5", std::nullopt},
                     {"0x10", std::nullopt},
                     {"1 2", std::nullopt},
                     {"", std::nullopt}},
                    ParseInteger);
}

TEST_CASE("numbers are finite decimals") {
  CheckAll<double>({{"100", 100},
                    {"99.5", 99.5},
                    {"1e2", 100},
                    {"-0.5", -0.5},
                    {"inf", std::nullopt},
                    {"nan", std::nullopt},
                    {"1e999", std::nullopt},
                    {"1,5", std::nullopt},
                    {"", std::nullopt}},
                   ParseNumber);
}

TEST_CASE("a percentage needs its sign and lies in 0% to 100%") {
  CheckAll<double>({{"1%", 0.01},
                    {"100%", 1},
                    {"0%", 0},
                    {"0.5 %", 0.005},
                    {"1", std::nullopt},
                    {"101%", std::nullopt},
                    {"-1%", std::nullopt},
                    {"%", std::nullopt},
                    {"nan%", std::nullopt},
                    {"", std::nullopt}},
                   ParsePercent);
}

TEST_CASE("percent signs need two hex digits") {
  CheckAll<std::string>({{"", ""},
                         {"plain+text", "plain+text"},
                         {"a%2Cb%3dc%25", "a,b=c%"},
                         {"%00", std::string(1, '\0')},
                         {"%", std::nullopt},
                         {"%2", std::nullopt},
                         {"%2g", std::nullopt},
                         {"%%41", std::nullopt}},
                        PercentDecode);
}

TEST_CASE("key=value lists are percent-decoded and any error discards the whole list") {
  using List = std::vector<KeyValue>;
  CheckAll<List>({{"", List{}},
                  {" , ,", List{}},
                  {"a=1", List{{"a", "1"}}},
                  {"a=1,b=2", List{{"a", "1"}, {"b", "2"}}},
                  {" a = 1 ,b=2,", List{{"a", "1"}, {"b", "2"}}},
                  {"a=1%2C2,b%3D=%20x%20", List{{"a", "1,2"}, {"b=", " x "}}},
                  {"a=x=y", List{{"a", "x=y"}}},
                  {"a=", List{{"a", ""}}},
                  {"a=1,b=2,a=3", List{{"a", "3"}, {"b", "2"}}},
                  {"a", std::nullopt},
                  {"a=1,b", std::nullopt},
                  {"=1", std::nullopt},
                  {"a=1,b=%zz", std::nullopt}},
                 ParseKeyValueList);
}

TEST_CASE("a list of more than 256 pairs is refused") {
  std::string text;
  for (int i = 0; i < 256; ++i) text += "k" + std::to_string(i) + "=v,";
  CHECK(ParseKeyValueList(text)->size() == 256);
  CHECK(ParseKeyValueList(text + "k0=w").ok());
  CHECK(!ParseKeyValueList(text + "one_more=v").ok());
}

TEST_CASE("no parser repeats the text it refuses, since it may be a secret") {
  const std::string secret = "hunter2";
  for (const base::Status& status :
       {ParseDurationNs(secret).status(), ParseSizeBytes(secret).status(),
        ParseBool(secret).status(), ParseInteger(secret).status(), ParseNumber(secret).status(),
        ParsePercent(secret).status(), PercentDecode(secret + "%").status(),
        ParseKeyValueList(secret).status()}) {
    CHECK(!status.ok());
    CHECK(std::string(status.message()).find(secret) == std::string::npos);
  }
}

}  // namespace
}  // namespace podo::base
