// SPDX-License-Identifier: Apache-2.0
#include "export/spool_file.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/compress.h"
#include "export/spool_name.h"
#include "spool_payload.h"

namespace podo::exporting {
namespace {

using test::Key;
using test::MakePayload;
using test::Noise;

// Repeats what gzip cannot see any more (32 KiB) and zstd can; gzip of it repeats nothing.
std::string Text(size_t period, uint32_t seed = 1) {
  std::string text;
  for (const char byte : Noise(period, seed)) {
    const auto number = static_cast<uint8_t>(byte) % 97;
    text += number < 61 ? std::string(1, static_cast<char>('0' + number))
                        : "call_" + std::to_string(number) + ";main;";
  }
  return text + text + text;
}
std::string Gzip(const std::string& plain) { return base::GzipCompress(plain).value(); }
// A protobuf field of length-delimited bytes, as a Pyroscope push holds a profile.
std::string Field(const std::string& bytes) {
  std::string field = "\x0a";
  for (size_t rest = bytes.size();; rest >>= 7) {
    field += static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest <= 0x7f) break;
  }
  return field + bytes;
}
std::string File(const std::string& bytes) {
  return EncodeSpoolFile(Key(7), MakePayload(bytes)).value();
}

TEST_CASE("all that a payload is comes back from a file") {
  Payload payload = MakePayload("the bytes", -5);
  payload.format = PayloadFormat::kPyroscope;
  payload.coding = PayloadCoding::kGzip;
  for (size_t i = 0; i < payload.id.size(); ++i) payload.id[i] = static_cast<uint8_t>(200 + i);
  payload.window_seq = 1ull << 63;
  payload.duration_ns = 10'000'000'000;
  payload.samples = 123'456;
  payload.is_last = true;
  const auto read = DecodeSpoolFile(EncodeSpoolFile(Key(7), payload).value());
  REQUIRE(read.ok());
  CHECK(read->key == Key(7));
  CHECK(*read->payload.bytes == "the bytes");
  CHECK(read->payload.format == payload.format);
  CHECK(read->payload.coding == payload.coding);
  CHECK(read->payload.id == payload.id);
  CHECK(read->payload.window_seq == payload.window_seq);
  CHECK(read->payload.start_ns == -5);
  CHECK(read->payload.duration_ns == payload.duration_ns);
  CHECK(read->payload.samples == payload.samples);
  CHECK(read->payload.is_last);
}

TEST_CASE("bytes come back the same, and take less room if nobody compressed them before") {
  const std::string text = Text(40'000);
  struct Row {
    std::string what;
    std::string bytes;
    bool shrinks;  // to less than nine tenths
  };
  const std::vector<Row> rows = {
      {"nothing", "", false},
      {"one byte", "x", false},
      {"plain", text, true},
      {"noise", Noise(50'000), false},
      {"gzip", Gzip(text), false},
      {"gzip cut short", Gzip(text).substr(0, 4'000), false},
      {"a push", Field(Gzip(text)), false},
      {"zstd", base::ZstdCompress(text).value(), false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const std::string file = File(row.bytes);
    const auto read = DecodeSpoolFile(file);
    REQUIRE(read.ok());
    CHECK((*read->payload.bytes == row.bytes));
    CHECK(file.size() <= row.bytes.size() + kSpoolHeaderBytes);
    CHECK((file.size() < row.bytes.size() * 9 / 10) == row.shrinks);
  }
}

TEST_CASE("a file cut short or with one byte changed is damaged, wherever that is") {
  const std::string file = File("some payload that is not long");
  for (size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    CHECK(base::IsDataLoss(DecodeSpoolFile(file.substr(0, size)).status()));
  }
  CHECK(base::IsDataLoss(DecodeSpoolFile(file + "x").status()));
  for (size_t at = 12; at < file.size(); ++at) {
    CAPTURE(at);
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    CHECK(base::IsDataLoss(DecodeSpoolFile(changed).status()));
  }
}

TEST_CASE("foreign files, later versions and hostile ones with a right checksum are told apart") {
  std::string later = File("x"), no_format = later, wrapped = later, huge = later;
  later[8] = 2;
  no_format[12] = 9;
  wrapped[14] = 2;
  huge[14] = 1;
  huge[111] = 1;  // unpacks to 2^56 bytes, it says
  // Unpacks to more than it says.
  std::string bomb = File("x").substr(0, kSpoolHeaderBytes);
  bomb[14] = 1;
  bomb += base::ZstdCompress(std::string(1 << 20, 'x')).value();
  for (std::string* file : {&later, &no_format, &wrapped, &huge, &bomb}) SealSpoolFile(file);
  struct Row {
    std::string what;
    std::string bytes;
    base::StatusCode code;
  };
  const std::vector<Row> rows = {
      {"foreign", "hello", base::StatusCode::kInvalidArgument},
      {"long and foreign", std::string(1000, 'x'), base::StatusCode::kInvalidArgument},
      {"later", later, base::StatusCode::kUnimplemented},
      {"format", no_format, base::StatusCode::kDataLoss},
      {"wrap", wrapped, base::StatusCode::kDataLoss},
      {"huge", huge, base::StatusCode::kDataLoss},
      {"bomb", bomb, base::StatusCode::kDataLoss},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(DecodeSpoolFile(row.bytes).status().code() == row.code);
  }
}

TEST_CASE("a payload above the limit is refused with one message") {
  const auto file =
      EncodeSpoolFile(Key(1), MakePayload(std::string(kMaxSpoolPayloadBytes + 1, 'x')));
  CHECK(file.status().message() == "cannot spool a payload of more than 16 MiB");
}

TEST_CASE("names sort by age within a key, and what is not written so is none") {
  SpoolName name{.start_ns = 9'999, .key = 0xab, .instance = 0xcd, .seq = 99'999'999};
  const std::string text = "podo-00000000000000ab-00000000000000009999-000000cd-99999999.spool";
  CHECK(FormatSpoolName(name) == text);
  CHECK(ParseSpoolName(text) == name);
  SpoolName later = name;
  later.start_ns = 10'000;
  later.seq = 0;
  CHECK(FormatSpoolName(later) > text);
  CHECK(later > name);
  name.kind = SpoolKind::kTemporary;
  CHECK(ParseSpoolName(text + ".tmp") == name);
  name.start_ns = UINT64_MAX;
  CHECK(ParseSpoolName(FormatSpoolName(name)) == name);
  std::string capital = text, sign = text, overflow = text;
  capital[19] = 'A';
  sign[22] = '+';
  overflow.replace(22, 20, "18446744073709551616");
  for (const std::string& bad : {std::string(), std::string("podo-"), capital, sign, overflow,
                                 text + ".bad.foreign", text + "x", "x" + text.substr(1)}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseSpoolName(bad));
  }
}

}  // namespace
}  // namespace podo::exporting
