// SPDX-License-Identifier: Apache-2.0
#include "base/compress.h"

#include <doctest/doctest.h>

#include <string>

namespace podo::base {
namespace {

struct Codec {
  const char* name;
  base::StatusOr<std::string> (*compress)(std::string_view, int);
  base::StatusOr<std::string> (*decompress)(std::string_view, size_t);
  bool (*is)(std::string_view);
  int level;
};
constexpr Codec kCodecs[] = {{"gzip", GzipCompress, GzipDecompress, IsGzip, kGzipLevel},
                             {"zstd", ZstdCompress, ZstdDecompress, IsZstd, kZstdLevel}};

// Text that neither vanishes nor resists: numbers in words.
std::string Sample(size_t bytes) {
  std::string text;
  for (uint32_t i = 1; text.size() < bytes; i = i * 1664525 + 1013904223) {
    text += std::to_string(i % 100000) + ";";
  }
  text.resize(bytes);
  return text;
}

std::string Message(const base::StatusOr<std::string>& result) {
  return std::string(result.status().message());
}

TEST_CASE("what is compressed comes back, whatever its size") {
  for (const Codec& codec : kCodecs) {
    for (const size_t size : {0u, 1u, 100u, 65535u, 65536u, 65537u, 3000000u}) {
      CAPTURE(codec.name);
      CAPTURE(size);
      const std::string raw = Sample(size);
      const auto packed = codec.compress(raw, codec.level);
      REQUIRE(packed.ok());
      CHECK(codec.is(*packed));
      const auto unpacked = codec.decompress(*packed, size);  // a limit of exactly its size
      REQUIRE(unpacked.ok());
      CHECK(*unpacked == raw);
    }
  }
}

TEST_CASE("equal bytes compress to equal bytes, with no time and no machine in the gzip header") {
  const std::string raw = Sample(5000);
  for (const Codec& codec : kCodecs) {
    CHECK(*codec.compress(raw, codec.level) == *codec.compress(raw, codec.level));
  }
  const std::string header = GzipCompress(raw)->substr(0, 10);
  CHECK(header == std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10));
}

TEST_CASE("a bomb is refused at the limit, not after it has gone off") {
  for (const Codec& codec : kCodecs) {
    CAPTURE(codec.name);
    const std::string bomb = *codec.compress(std::string(size_t{64} << 20, '\0'), codec.level);
    CHECK(bomb.size() < 100000);
    for (const size_t limit : {size_t{0}, size_t{1}, (size_t{64} << 20) - 1}) {
      const auto result = codec.decompress(bomb, limit);
      CHECK(result.status().code() == base::StatusCode::kResourceExhausted);
      CHECK(Message(result) == std::string(codec.name) + " data unpacks to more than the " +
                                   std::to_string(limit) + " bytes accepted here");
    }
  }
}

TEST_CASE("cut data is an error at every length") {
  for (const Codec& codec : kCodecs) {
    CAPTURE(codec.name);
    const std::string packed = *codec.compress(Sample(2000), codec.level);
    for (size_t length = 0; length < packed.size(); ++length) {
      CAPTURE(length);
      const auto result = codec.decompress(packed.substr(0, length), 1 << 20);
      CHECK(result.status().code() == base::StatusCode::kInvalidArgument);
      if (length >= 18) CHECK(Message(result) == std::string(codec.name) + " data is cut short");
    }
  }
}

TEST_CASE("a flipped bit is found by the checksum") {
  for (const Codec& codec : kCodecs) {
    CAPTURE(codec.name);
    std::string packed = *codec.compress(Sample(2000), codec.level);
    packed[packed.size() / 2] ^= 1;
    const auto result = codec.decompress(packed, 1 << 20);
    REQUIRE(!result.ok());
    CHECK(Message(result).find("damaged " + std::string(codec.name)) == 0);
  }
}

TEST_CASE("members one after the other are one file, anything else behind is an error") {
  for (const Codec& codec : kCodecs) {
    CAPTURE(codec.name);
    const std::string two =
        *codec.compress("one,", codec.level) + *codec.compress("two", codec.level);
    CHECK(*codec.decompress(two, 100) == "one,two");
    CHECK(!codec.decompress(two + "garbage", 100).ok());
  }
}

TEST_CASE("bytes of another format are an error that names the expected one") {
  for (const Codec& codec : kCodecs) {
    for (const std::string& bytes :
         {std::string(), std::string("hello, world"), std::string(50, '\0')}) {
      CHECK(!codec.is(bytes));
      CHECK(Message(codec.decompress(bytes, 100)) ==
            "damaged " + std::string(codec.name) + " data: not in " + codec.name + " format");
    }
  }
}

TEST_CASE("a zstd frame that claims a huge window is refused") {
  // Magic, frame header without single segment, window descriptor of 2 GiB, an empty last block.
  const std::string frame("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9);
  CHECK(Message(ZstdDecompress(frame, 1 << 20)).find("Frame requires too much memory") !=
        std::string::npos);
}

TEST_CASE("a level outside the range is an error that names the range") {
  CHECK(Message(GzipCompress("x", 10)) == "gzip level 10; accepted: 1 to 9");
  CHECK(Message(ZstdCompress("x", 0)) == "zstd level 0; accepted: 1 to 19");
}

}  // namespace
}  // namespace podo::base
