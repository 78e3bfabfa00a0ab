// SPDX-License-Identifier: Apache-2.0
// Sinks that speak HTTP: OTLP, Pyroscope's push.v1, and any receiver that takes a pprof by POST.
#ifndef PODO_LIB_EXPORT_HTTP_SINK_H_
#define PODO_LIB_EXPORT_HTTP_SINK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "export/http_poster.h"
#include "export/http_words.h"
#include "export/send_outcome.h"
#include "export/sink.h"

namespace podo::exporting {

struct HttpSinkOptions {
  // kOtlp, kPyroscope, or kPprof: decides the content type and what else the protocol wants.
  PayloadFormat format = PayloadFormat::kOtlp;
  std::string name;  // for the log, without secrets
  // Of the layout of OTLP requests, as the header OTLP-Profiles-Development-Version has it.
  std::string otlp_version;
  // The user's, beside the protocol's own. One that bears the name of a header of podo's (in any
  // case) replaces it, an empty one leaves it out; Content-Type and Content-Encoding say what the
  // body is and cannot be replaced.
  HttpHeaders headers;
  // How OTLP requests are to be compressed; the other formats hold gzip themselves.
  PayloadCoding coding = PayloadCoding::kGzip;
  // Path and query for a payload; without, the target's.
  std::function<std::string(const Payload&)> path;
  // The receiver's words in its own format. OTLP's reader belongs to another room, hence a
  // function.
  std::function<AnswerWords(const HttpResult&)> read_words = ReadPlainWords;
  int64_t (*wall_clock_ns)() = base::WallClockNs;
};

class HttpSink final : public Sink {
 public:
  HttpSink(std::unique_ptr<HttpPoster> poster, HttpSinkOptions options)
      : poster_(std::move(poster)), options_(std::move(options)) {}

  PayloadFormat format() const override { return options_.format; }
  PayloadScope scope() const override { return PayloadScope::kWindow; }
  PayloadCoding coding() const override {
    return options_.format == PayloadFormat::kOtlp ? options_.coding : PayloadCoding::kNone;
  }
  SinkManners manners() const override;
  const std::string& name() const override { return options_.name; }
  SendOutcome Send(const Payload& payload, int64_t timeout_ns) override;
  void Interrupt() override { poster_->Interrupt(); }

 private:
  const std::unique_ptr<HttpPoster> poster_;
  const HttpSinkOptions options_;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_HTTP_SINK_H_
