// SPDX-License-Identifier: Apache-2.0
#include "export/post_template.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

namespace podo::exporting {
namespace {

const PostValues kValues = {"pay/ment & co", 1'700'000'000'123'456'789, 1'700'000'010'000'000'001,
                            "cpu", 99.6};

TEST_CASE("placeholders are filled in and the rest stays as it is") {
  struct Case {
    std::string text, filled;
  };
  const Case cases[] = {
      {"/", "/"},
      {"", ""},
      {"/a%20b?x=%7By%7D", "/a%20b?x=%7By%7D"},
      {"/ingest?name={service}&from={start}&until={end}&sampleRate={hz}&format=pprof",
       "/ingest?name=pay%2Fment%20%26%20co&from=1700000000123456789&until=1700000010000000001"
       "&sampleRate=100&format=pprof"},
      {"/{service}/{type}", "/pay%2Fment%20%26%20co/cpu"},
      {"{type}{type}", "cpucpu"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const base::StatusOr<PostTemplate> post = PostTemplate::Parse(c.text);
    REQUIRE(post.ok());
    CHECK(post->Expand(kValues) == c.filled);
  }
}

TEST_CASE("a value cannot leave its place in the URL") {
  const base::StatusOr<PostTemplate> post = PostTemplate::Parse("/{service}?{type}");
  PostValues values;
  for (int c = 0; c < 256; ++c) values.service += static_cast<char>(c);
  values.type = values.service;
  const std::string filled = post->Expand(values);
  CHECK(filled.find('?') == filled.rfind('?'));
  CHECK(filled.find_first_of(" #&=+\r\n") == std::string::npos);
  CHECK(filled.find("%00%01") == 1);
  CHECK(filled.ends_with("%FE%FF"));
}

TEST_CASE("the rate is a whole number of at least 1, whatever it was") {
  const base::StatusOr<PostTemplate> post = PostTemplate::Parse("{hz}");
  for (const auto& [hz, text] :
       {std::pair(100.01, "100"), std::pair(0.2, "1"), std::pair(-5.0, "1"),
        std::pair(std::nan(""), "1"), std::pair(1e300, "1")}) {
    PostValues values;
    values.hz = hz;
    CHECK(post->Expand(values) == text);
  }
}

TEST_CASE("an unknown placeholder is an error that lists the known ones") {
  for (const std::string text :
       {"/{pid}", "/{}", "/{service", "/{Service}", "/{{service}}", "/{", "}", "/{service}}"}) {
    CAPTURE(text);
    const base::Status status = PostTemplate::Parse(text).status();
    CHECK(base::IsInvalidArgument(status));
    const std::string message(status.message());
    const bool lists = message.find("{service}, {start}, {end}, {type} and {hz}") != message.npos;
    CHECK((lists || message.find("%7D") != message.npos));
  }
}

}  // namespace
}  // namespace podo::exporting
