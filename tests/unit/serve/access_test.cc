// SPDX-License-Identifier: Apache-2.0
#include "serve/access.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <string>

#include "../scratch_directory.h"

namespace podo::serve {
namespace {

using test::ScratchDirectory;

std::string Token(const ScratchDirectory& dir, const std::string& text, mode_t mode) {
  const std::string path = dir / "token";
  test::WriteFile(path, text);
  chmod(path.c_str(), mode);
  const base::StatusOr<std::string> token = ReadToken(path);
  if (token.ok()) return *token;
  const std::string message(token.status().message());
  REQUIRE(message.starts_with("the token file " + path + " "));
  return "! " + message.substr(("the token file " + path + " ").size());
}

TEST_CASE("a token is read from a file that only its owner or group may read") {
  ScratchDirectory dir;
  CHECK(Token(dir, "12345678", 0600) == "12345678");
  CHECK(Token(dir, " \n12345678\n", 0400) == "12345678");
  CHECK(Token(dir, std::string(4096, 'x'), 0440) == std::string(4096, 'x'));
  for (const mode_t mode : {0604, 0602, 0620, 0666}) {
    CAPTURE(mode);
    CHECK(Token(dir, "12345678", mode).starts_with("! may be read or written by others"));
  }
  for (const std::string& bad : {std::string(""), std::string("1234567"), std::string("12345 678"),
                                 std::string("1234567\xc3\xa4"), std::string(8, '\0')}) {
    CHECK(Token(dir, bad, 0600).starts_with("! holds no token; accepted: 8 or more"));
  }
  CHECK(Token(dir, std::string(4097, 'x'), 0600) == "! is above 4 KiB");
}

TEST_CASE("what is no file is no token, and nobody waits for it") {
  ScratchDirectory dir;
  const auto message = [](const std::string& path) {
    return std::string(ReadToken(path).status().message());
  };
  CHECK(message(dir / "none").ends_with("cannot be read: No such file or directory"));
  CHECK(message(dir.path()).ends_with("is not a regular file"));
  REQUIRE(mkfifo((dir / "fifo").c_str(), 0600) == 0);
  CHECK(message(dir / "fifo").ends_with("is not a regular file"));
}

TEST_CASE("a token is taken as a bearer's or as a browser's password, and only whole") {
  struct Case {
    const char* header;
    bool ok;
  };
  const Case cases[] = {
      {"Bearer s3cret-token", true},
      {"bearer s3cret-token", true},
      {"Bearer  s3cret-token ", true},
      {"Basic dXNlcjpzM2NyZXQtdG9rZW4=", true},
      {"basic OnMzY3JldC10b2tlbg==", true},  // no user
      {"", false},
      {"Bearer", false},
      {"Bearer ", false},
      {"Bearer s3cret-toke", false},
      {"Bearer s3cret-token2", false},
      {"Bearer S3cret-token", false},
      {"Bearer s3cret-tokens3cret-token", false},
      {"s3cret-token", false},
      {"Basic s3cret-token", false},
      {"Basic czNjcmV0LXRva2Vu", false},  // no colon
      {"Token s3cret-token", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.header);
    CHECK(IsAuthorized(c.header, "s3cret-token") == c.ok);
  }
}

TEST_CASE("a Host that is a name is another's, but localhost") {
  const ListenAddress tcp = *ParseListenAddress("127.0.0.1:6060");
  for (const char* own : {"127.0.0.1", "127.0.0.1:6060", "localhost", "LocalHost:1", "[::1]",
                          "[::1]:6060", "10.0.0.7:80"}) {
    CAPTURE(own);
    CHECK(IsOwnHost(own, tcp));
  }
  for (const char* foreign : {"", "evil.example", "evil.example:6060", "localhost.evil.example",
                              "127.0.0.1.nip.io", "[::1", "::1", "[evil]", "127.0.0.1@evil"}) {
    CAPTURE(foreign);
    CHECK_FALSE(IsOwnHost(foreign, tcp));
    CHECK(IsOwnHost(foreign, *ParseListenAddress("unix:@podo")));
  }
}

TEST_CASE("a page of another site may be followed from, and no more") {
  CHECK_FALSE(IsCrossSite("", ""));  // no browser
  CHECK_FALSE(IsCrossSite("same-origin", "cors"));
  CHECK_FALSE(IsCrossSite("none", "navigate"));
  CHECK_FALSE(IsCrossSite("cross-site", "navigate"));
  CHECK(IsCrossSite("cross-site", "no-cors"));
  CHECK(IsCrossSite("same-site", "cors"));
  CHECK(IsCrossSite("something-new", ""));
}

}  // namespace
}  // namespace podo::serve
