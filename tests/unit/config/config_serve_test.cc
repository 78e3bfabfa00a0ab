// SPDX-License-Identifier: Apache-2.0
#include "config_serve.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace podo {
namespace {

Config Parse(const std::vector<const char*>& environment) {
  std::vector<std::string> messages;
  Config config = ParseConfig(environment, false, "exe", &messages);
  CHECK(messages.empty());
  return config;
}

TEST_CASE("a history is kept if somebody can look at it, or if it was asked for") {
  struct Case {
    std::vector<const char*> environment;
    uint64_t bytes;
  };
  const Case cases[] = {
      {{}, 0},
      {{"PODO_LISTEN=127.0.0.1:6060"}, 16 << 20},
      {{"PODO_HISTORY_DIR=/var/lib/x"}, 16 << 20},
      {{"PODO_HISTORY_BYTES=1MiB"}, 1 << 20},
      {{"PODO_HISTORY_BYTES=0"}, 0},
      {{"PODO_LISTEN=unix:@x", "PODO_HISTORY_BYTES=0"}, 0},
      {{"PODO_LISTEN=unix:@x", "PODO_HISTORY_BYTES=64MiB"}, 64 << 20},
  };
  for (const Case& c : cases) CHECK(HistoryBytes(Parse(c.environment)) == c.bytes);
}

TEST_CASE("nothing listens unless it is asked for") {
  CHECK_FALSE(Parse({"PODO_HISTORY_DIR=/x"}).listen.value.has_value());
  CHECK(Parse({"PODO_LISTEN=[::1]:6060"}).listen.value->Text() == "[::1]:6060");
}

}  // namespace
}  // namespace podo
