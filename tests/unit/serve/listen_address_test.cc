// SPDX-License-Identifier: Apache-2.0
#include "serve/listen_address.h"

#include <doctest/doctest.h>

#include <string>

namespace podo::serve {
namespace {

TEST_CASE("addresses are read, and written as they are read") {
  struct Case {
    const char* text;
    const char* written;
    bool is_loopback, is_unix;
  };
  const Case cases[] = {
      {"127.0.0.1:6060", "127.0.0.1:6060", true, false},
      {" 127.9.9.9:0 ", "127.9.9.9:0", true, false},
      {"localhost:80", "127.0.0.1:80", true, false},
      {"[::1]:6060", "[::1]:6060", true, false},
      {"0.0.0.0:6060", "0.0.0.0:6060", false, false},
      {"[::]:65535", "[::]:65535", false, false},
      {"10.0.0.7:6060", "10.0.0.7:6060", false, false},
      {"[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", false, false},  // the safe side
      {"unix:/run/podo.sock", "unix:/run/podo.sock", true, true},
      {"unix:@podo", "unix:@podo", true, true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const base::StatusOr<ListenAddress> address = ParseListenAddress(c.text);
    REQUIRE(address.ok());
    CHECK(address->Text() == c.written);
    CHECK(address->IsLoopback() == c.is_loopback);
    CHECK(address->IsUnix() == c.is_unix);
  }
}

TEST_CASE("what is no address is refused with what is accepted") {
  for (const std::string& bad : {std::string(""),
                                 std::string(":6060"),
                                 std::string("6060"),
                                 std::string("example.com:80"),
                                 std::string("127.0.0.1"),
                                 std::string("127.0.0.1:"),
                                 std::string("127.0.0.1:65536"),
                                 std::string("127.0.0.1:-1"),
                                 std::string("127.0.0.1:0x50"),
                                 std::string("127.1:80"),
                                 std::string("::1:80"),
                                 std::string("[127.0.0.1]:80"),
                                 std::string("[::1%lo]:80"),
                                 std::string("unix:"),
                                 std::string("unix:@"),
                                 std::string("unix:tmp/x"),
                                 std::string("unix:/tmp/"),
                                 std::string("unix:/tmp/\n"),
                                 "unix:/" + std::string(200, 'x'),
                                 "unix:@" + std::string(200, 'x')}) {
    CAPTURE(bad);
    CHECK(std::string(ParseListenAddress(bad).status().message()) ==
          "ADDRESS:PORT such as 127.0.0.1:6060 or [::1]:6060, unix:/path, or unix:@name");
  }
}

}  // namespace
}  // namespace podo::serve
