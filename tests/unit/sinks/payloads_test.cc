// SPDX-License-Identifier: Apache-2.0
#include "payloads.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "../encode/known_profile.h"
#include "base/compress.h"

namespace podo {
namespace {

using exporting::Payload;
using exporting::PayloadCoding;
using exporting::PayloadFormat;
using exporting::PayloadId;

PayloadSettings Settings(const std::string& instance = "one") {
  PayloadSettings settings;
  settings.title = "shop";
  settings.attributes = {{"service.name", "shop"}};
  settings.labels = {{"service.name", "shop"}};
  settings.version = "0";
  settings.instance_id = instance;
  return settings;
}

Payload Window(uint64_t seq) {
  Payload window;
  window.window_seq = seq;
  window.start_ns = 1'700'000'000'000'000'000;
  window.duration_ns = 10'000'000'000;
  return window;
}

std::vector<Payload> Encode(PayloadFormat format, PayloadCoding coding = PayloadCoding::kGzip,
                            uint64_t seq = 0, const std::string& instance = "one") {
  const auto payloads =
      EncodePayloads(encode::KnownProfile(), format, coding, Settings(instance), Window(seq));
  REQUIRE(payloads.ok());
  return *payloads;
}

constexpr PayloadFormat kFormats[] = {PayloadFormat::kPprof, PayloadFormat::kFolded,
                                      PayloadFormat::kHtml, PayloadFormat::kOtlp,
                                      PayloadFormat::kPyroscope};

TEST_CASE("the same window gives the same bytes and the same id, in every format") {
  for (const PayloadFormat format : kFormats) {
    CAPTURE(static_cast<int>(format));
    const std::vector<Payload> one = Encode(format), two = Encode(format);
    REQUIRE(one.size() == 1);
    REQUIRE(two.size() == 1);
    CHECK(*one[0].bytes == *two[0].bytes);
    CHECK(one[0].id == two[0].id);
    CHECK(one[0].format == format);
    CHECK(one[0].start_ns == 1'700'000'000'000'000'000);
    CHECK(one[0].duration_ns == 10'000'000'000);
    CHECK(one[0].samples == 4);
  }
}

TEST_CASE("windows and processes have ids of their own, none of them zero") {
  std::set<PayloadId> ids = {PayloadId{}};
  for (uint64_t seq = 0; seq < 10; ++seq) {
    for (const char* instance : {"one", "two"}) {
      ids.insert(Encode(PayloadFormat::kOtlp, PayloadCoding::kNone, seq, instance)[0].id);
    }
  }
  CHECK(ids.size() == 21);
}

TEST_CASE("an OTLP request is compressed as the sink wants it, and says so") {
  const std::string raw = *Encode(PayloadFormat::kOtlp, PayloadCoding::kNone)[0].bytes;
  const Payload gzip = Encode(PayloadFormat::kOtlp, PayloadCoding::kGzip)[0];
  const Payload zstd = Encode(PayloadFormat::kOtlp, PayloadCoding::kZstd)[0];
  CHECK(gzip.coding == PayloadCoding::kGzip);
  CHECK(zstd.coding == PayloadCoding::kZstd);
  CHECK(*base::GzipDecompress(*gzip.bytes, 1 << 20) == raw);
  CHECK(*base::ZstdDecompress(*zstd.bytes, 1 << 20) == raw);
}

TEST_CASE("a format that holds gzip itself is not compressed again") {
  for (const PayloadFormat format : {PayloadFormat::kPprof, PayloadFormat::kPyroscope}) {
    const Payload payload = Encode(format, PayloadCoding::kZstd)[0];
    CHECK(payload.coding == PayloadCoding::kNone);
    CHECK(base::IsGzip(*payload.bytes) == (format == PayloadFormat::kPprof));
  }
}

TEST_CASE("a profile above a receiver's limits becomes several payloads with ids of their own") {
  model::ProfileBuilder builder({{"samples", "count"}, {"cpu", "nanoseconds"}});
  constexpr int kStacks = 40'000;
  for (int i = 0; i < kStacks; ++i) {
    const auto leaf = encode::AddKnownLocation(builder, {}, 0x1000 + static_cast<uint64_t>(i), {});
    builder.AddSample(builder.AddStack({leaf}), {}, {}, {1, encode::kKnownPeriodNs});
  }
  builder.profile().period_type = builder.profile().sample_types[1];
  builder.profile().period = encode::kKnownPeriodNs;
  for (const PayloadFormat format : {PayloadFormat::kOtlp, PayloadFormat::kPyroscope}) {
    CAPTURE(static_cast<int>(format));
    const auto payloads =
        EncodePayloads(builder.profile(), format, PayloadCoding::kGzip, Settings(), Window(0));
    REQUIRE(payloads.ok());
    CHECK(payloads->size() >= 3);
    std::set<PayloadId> ids;
    uint64_t samples = 0;
    for (const Payload& payload : *payloads) {
      ids.insert(payload.id);
      samples += payload.samples;
    }
    CHECK(ids.size() == payloads->size());
    CHECK(samples == kStacks);
  }
}

TEST_CASE("a window without samples is not sent to collectors") {
  const model::Profile empty = model::Profile::Empty();
  for (const PayloadFormat format : {PayloadFormat::kOtlp, PayloadFormat::kPyroscope}) {
    const auto payloads =
        EncodePayloads(empty, format, PayloadCoding::kGzip, Settings(), Window(0));
    REQUIRE(payloads.ok());
    CHECK(payloads->empty());
  }
}

}  // namespace
}  // namespace podo
