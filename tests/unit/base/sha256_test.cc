// SPDX-License-Identifier: Apache-2.0
#include "base/sha256.h"

#include <doctest/doctest.h>

#include <string>

namespace podo::base {
namespace {

std::string Hex(const Sha256::Digest& digest) {
  std::string text;
  for (const uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

TEST_CASE("SHA-256 gives the digests of FIPS 180-4 and sha256sum, whatever the pieces") {
  struct Case {
    std::string text;
    const char* digest;
  };
  const Case cases[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1'000'000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const Case& c : cases) {
    for (const size_t piece : {1, 63, 64, 65, 4096}) {
      CAPTURE(piece);
      Sha256 sha;
      for (size_t at = 0; at < c.text.size(); at += piece) {
        sha.Add(std::string_view(c.text).substr(at, piece));
      }
      CHECK(Hex(sha.Finish()) == c.digest);
    }
  }
}

}  // namespace
}  // namespace podo::base
