// SPDX-License-Identifier: Apache-2.0
#include "model/utf8.h"

#include <doctest/doctest.h>

#include <string>

namespace podo::model {
namespace {

TEST_CASE("ill-formed bytes become U+FFFD and well-formed text stays") {
  struct Case {
    std::string in, out;
  };
  const std::string bad = "\xEF\xBF\xBD";
  const Case cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"\xC3\xA9", "\xC3\xA9"},
      {"\xF0\x9F\x94\xA5", "\xF0\x9F\x94\xA5"},
      {"\xC3", bad},
      {"\xC0\xAF", bad + bad},                      // overlong
      {"\xED\xA0\x80", bad + bad + bad},            // surrogate
      {"\xF4\x90\x80\x80", bad + bad + bad + bad},  // beyond U+10FFFF
      {"a\xFFz", "a" + bad + "z"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.in);
    CHECK(ToValidUtf8(c.in) == c.out);
    CHECK(IsValidUtf8(c.in) == (c.in == c.out));
  }
}

}  // namespace
}  // namespace podo::model
