// SPDX-License-Identifier: Apache-2.0
#include "base/status.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace podo::base {

TEST_CASE("A status is nothing, or a code with its words; a copy says the same") {
  const Status none = OkStatus();
  CHECK(none.ok());
  CHECK(none.code() == StatusCode::kOk);
  CHECK(none.message().empty());
  CHECK_FALSE(IsNotFound(none));

  Status error = NotFoundError("no such window");
  const Status copy = error;
  error = OkStatus();
  CHECK_FALSE(copy.ok());
  CHECK(IsNotFound(copy));
  CHECK_FALSE(IsDataLoss(copy));
  CHECK(copy.message() == "no such window");
  CHECK(copy == NotFoundError("no such window"));
  CHECK_FALSE(copy == NotFoundError("no such"));
  CHECK_FALSE(copy == DataLossError("no such window"));
  CHECK_FALSE(copy == error);
}

TEST_CASE("A value or an error: who asks an error for its value gets an exception, not memory") {
  StatusOr<std::unique_ptr<int>> value(std::make_unique<int>(7));
  REQUIRE(value.ok());
  CHECK(value.status().ok());
  CHECK(**value == 7);
  const std::unique_ptr<int> taken = *std::move(value);
  CHECK(*taken == 7);

  const StatusOr<std::string> error = UnavailableError("later");
  CHECK_FALSE(error.ok());
  CHECK(IsUnavailable(error.status()));
  CHECK(error.value_or("instead") == "instead");
  CHECK_THROWS_AS((void)error->size(), std::bad_optional_access);
  CHECK_THROWS_AS((void)error.value(), std::bad_optional_access);
}

TEST_CASE("No value and no error is an error") {
  const StatusOr<int> nothing{Status()};
  CHECK_FALSE(nothing.ok());
  CHECK(nothing.status().code() == StatusCode::kInternal);
}

}  // namespace podo::base
