// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/compress.h"
#include "config_http.h"
#include "export/http_sink.h"
#include "export/net_poster.h"
#include "sinks.h"
#include "tools/doctor_sinks.h"

namespace podo::doctor {
namespace {

using exporting::SinkSpec;

// Lets the answer's status be seen, which a sink keeps to itself.
class StatusKeeper final : public exporting::HttpPoster {
 public:
  StatusKeeper(std::unique_ptr<exporting::HttpPoster> poster, int* status)
      : poster_(std::move(poster)), status_(status) {}

  exporting::HttpResult Post(const exporting::HttpPost& post) override {
    exporting::HttpResult result = poster_->Post(post);
    *status_ = result.status;
    return result;
  }

 private:
  const std::unique_ptr<exporting::HttpPoster> poster_;
  int* const status_;
};

// No bytes are a whole protobuf message with nothing in it; compressed as profiles would be, for a
// receiver may know one compression and not another.
exporting::Payload EmptyPayload(const exporting::HttpSinkOptions& options) {
  exporting::Payload payload;
  payload.format = options.format;
  payload.start_ns = base::WallClockNs();
  payload.duration_ns = 1'000'000'000;
  if (options.format != exporting::PayloadFormat::kOtlp) return payload;
  base::StatusOr<std::string> bytes = std::string();
  if (options.coding == exporting::PayloadCoding::kGzip) bytes = base::GzipCompress("");
  if (options.coding == exporting::PayloadCoding::kZstd) bytes = base::ZstdCompress("");
  if (!bytes.ok()) return payload;
  payload.coding = options.coding;
  payload.bytes = std::make_shared<const std::string>(*std::move(bytes));
  return payload;
}

}  // namespace

SinkFacts ProbeSink(const Config& config, const SinkSpec& sink) {
  constexpr int64_t kTimeoutNs = 5'000'000'000;
  SinkFacts facts;
  facts.kind = sink.kind;
  facts.url = sink.url;
  facts.tls = sink.target.tls;
  facts.sends_secret = !sink.target.user.empty() || !HttpSettingsOf(config, sink).headers.empty();
  const auto proxy = exporting::ChooseProxy(sink.target, config.proxies);
  if (proxy.ok() && proxy->has_value()) facts.proxy = exporting::AddressText(**proxy);
  auto poster = exporting::NetPoster::Make(PosterOptionsOf(config, sink));
  if (!poster.ok()) {
    facts.unusable = std::string(poster.status().message());
    return facts;
  }
  exporting::HttpSinkOptions options = HttpSinkOptionsOf(config, sink, config.sample_hz.value);
  const exporting::Payload payload = EmptyPayload(options);
  exporting::HttpSink http(std::make_unique<StatusKeeper>(*std::move(poster), &facts.status),
                           std::move(options));
  facts.reason = http.Send(payload, kTimeoutNs).reason;
  return facts;
}

}  // namespace podo::doctor
