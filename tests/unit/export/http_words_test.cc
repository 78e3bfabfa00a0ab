// SPDX-License-Identifier: Apache-2.0
#include "export/http_words.h"

#include <doctest/doctest.h>

#include <string>

namespace podo::exporting {
namespace {

TEST_CASE("a string member of a JSON object is found, whatever stands around it") {
  struct Case {
    const char* json;
    const char* message;  // null: none
  };
  constexpr Case kCases[] = {
      {R"({"code":"invalid_argument","message":"too old"})", "too old"},
      {R"({"message":""})", ""},
      {" \r\n{ \"message\" :\t\"a b\" } trailing", "a b"},
      {R"({"details":[{"message":"inner"},"]}"],"message":"outer"})", "outer"},
      {R"({"n":-1.5e9,"t":true,"u":null,"message":"m"})", "m"},
      {R"({"a":"say \"message\":\"no\"","message":"yes"})", "yes"},
      {R"({"message":"\"\\\/\b\f\n\r\t"})", "\"\\/\b\f\n\r\t"},
      {R"({"message":"\u0041\u00e4\u20AC\ud83d\ude00"})", "A\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {R"({"message":"\ud83dx"})", "\xEF\xBF\xBDx"},
      {R"({"message":"\ud83d\u0041"})", nullptr},
      {R"({"message":"\u00g0"})", nullptr},
      {R"({"message":"\u00)", nullptr},
      {R"({"message":"\x"})", nullptr},
      {R"({"message":"cut off)", nullptr},
      {R"({"message":"cut off\)", nullptr},
      {R"({"message":7})", nullptr},
      {R"({"message":["m"]})", nullptr},
      {R"({"a":{"message":"inner"}})", nullptr},
      {R"({"a":[)", nullptr},
      {R"({"a":]})", nullptr},
      {R"({"a" "message":"m"})", nullptr},
      {R"(["message","m"])", nullptr},
      {R"("message")", nullptr},
      {"{", nullptr},
      {"", nullptr},
      {"<html>message</html>", nullptr},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.json);
    const auto message = JsonStringMember(c.json, "message");
    CHECK(message.has_value() == (c.message != nullptr));
    if (message.has_value() && c.message != nullptr) CHECK(*message == c.message);
  }
}

TEST_CASE("a thousand open brackets are no deeper for the reader than one") {
  const std::string deep(100'000, '[');
  CHECK(!JsonStringMember("{\"a\":" + deep, "message").has_value());
  CHECK(JsonStringMember("{\"a\":" + deep + std::string(deep.size(), ']') + ",\"message\":\"m\"}",
                         "message") == "m");
}

TEST_CASE("a NUL in a body ends nothing and is no end") {
  const std::string body("{\"message\":\"a\0b\"}", 17);
  CHECK(JsonStringMember(body, "message") == std::string("a\0b", 3));
  CHECK(!JsonStringMember(std::string("\0", 1), "message").has_value());
}

TEST_CASE("a refusal's words are its JSON message, or else its body; a success has none") {
  HttpResult result;
  result.status = 400;
  result.body = R"({"code":"invalid_argument","message":"profile is too old"})";
  CHECK(ReadPlainWords(result).message == "profile is too old");
  result.body = "plain words\n";
  CHECK(ReadPlainWords(result).message == "plain words\n");
  result.status = 200;
  CHECK(ReadPlainWords(result).message.empty());
  CHECK(ReadPlainWords(result).rejected == 0);
}

}  // namespace
}  // namespace podo::exporting
