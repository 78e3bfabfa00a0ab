// SPDX-License-Identifier: Apache-2.0
#include "encode/process_context_encoder.h"

#include <doctest/doctest.h>

#include <protozero/pbf_reader.hpp>
#include <string>
#include <vector>

namespace podo::encode {
namespace {

TEST_CASE("a process context holds the resource and the keys of the thread records, in order") {
  const std::string bytes =
      EncodeProcessContext({{"service.name", "checkout"}, {"bad", "\xFF"}}, {"endpoint", "tenant"});
  std::vector<std::string> resource, keys;
  std::string schema;
  protozero::pbf_reader context(bytes);
  while (context.next()) {
    const auto tag = context.tag();
    protozero::pbf_reader message = context.get_message();
    if (tag == 1) {
      while (message.next(1)) {
        protozero::pbf_reader pair = message.get_message();
        REQUIRE(pair.next(1));
        std::string text = pair.get_string();
        REQUIRE(pair.next(2));
        protozero::pbf_reader any = pair.get_message();
        REQUIRE(any.next(1));
        resource.push_back(text + "=" + any.get_string());
      }
      continue;
    }
    REQUIRE(tag == 2);
    REQUIRE(message.next(1));
    const std::string key = message.get_string();
    REQUIRE(message.next(2));
    protozero::pbf_reader any = message.get_message();
    REQUIRE(any.next());
    const auto kind = any.tag();
    if (key == "threadlocal.schema_version") {
      REQUIRE(kind == 1);
      schema = any.get_string();
      continue;
    }
    CHECK(key == "threadlocal.attribute_key_map");
    REQUIRE(kind == 5);
    protozero::pbf_reader array = any.get_message();
    while (array.next(1)) {
      protozero::pbf_reader element = array.get_message();
      REQUIRE(element.next(1));
      keys.push_back(element.get_string());
    }
  }
  CHECK(resource == std::vector<std::string>{"service.name=checkout", "bad=\xEF\xBF\xBD"});
  CHECK(schema == "tlsdesc_v1_dev");
  CHECK(keys == std::vector<std::string>{"endpoint", "tenant"});
}

}  // namespace
}  // namespace podo::encode
