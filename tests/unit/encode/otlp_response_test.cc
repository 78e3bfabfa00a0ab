// SPDX-License-Identifier: Apache-2.0
#include "encode/otlp_response.h"

#include <doctest/doctest.h>

#include <string>

#include "wire.h"

namespace podo::encode {
namespace {

TEST_CASE("partial success is read: profiles rejected and the receiver's words") {
  const std::string partial =
      wire::Number(1, 3) + wire::Bytes(2, "too old") + wire::Bytes(9, "new");
  const auto answer = ReadOtlpResponse(wire::Bytes(7, "new") + wire::Bytes(1, partial));
  REQUIRE(answer.ok());
  CHECK(answer->rejected_profiles == 3);
  CHECK(answer->message == "too old");
}

TEST_CASE("an empty body is a plain success, and so is an empty partial success") {
  for (const std::string& body : {std::string(), wire::Bytes(1, "")}) {
    const auto answer = ReadOtlpResponse(body);
    REQUIRE(answer.ok());
    CHECK(answer->rejected_profiles == 0);
    CHECK(answer->message.empty());
  }
}

TEST_CASE("a body that is no protobuf is an error of one line") {
  for (const std::string& body :
       {std::string("<html>"), wire::Bytes(1, "abc").substr(0, 3), wire::Number(1, 5),
        wire::Bytes(1, wire::Number(2, 1)), std::string("\xff\xff\xff", 3)}) {
    const auto answer = ReadOtlpResponse(body);
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.status().message().find('\n') == std::string::npos);
  }
}

TEST_CASE("the message of an error's status is read") {
  const std::string status =
      wire::Number(1, 3) + wire::Bytes(2, "bad wire type") + wire::Bytes(3, "x");
  CHECK(*ReadRpcStatusMessage(status) == "bad wire type");
  CHECK(*ReadRpcStatusMessage("") == "");
  CHECK_FALSE(ReadRpcStatusMessage("not protobuf at all").ok());
}

}  // namespace
}  // namespace podo::encode
