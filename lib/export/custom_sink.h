// SPDX-License-Identifier: Apache-2.0
// Sinks that the service itself provides (podo/sink_c.h).
#ifndef PODO_LIB_EXPORT_CUSTOM_SINK_H_
#define PODO_LIB_EXPORT_CUSTOM_SINK_H_

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "export/sink.h"
#include "podo/sink_c.h"

namespace podo::exporting {

class CustomSink : public Sink {
 public:
  // `sink` was checked.
  explicit CustomSink(const podo_sink& sink);
  CustomSink(const CustomSink&) = delete;
  CustomSink& operator=(const CustomSink&) = delete;
  ~CustomSink() override;

  PayloadFormat format() const override { return format_; }
  PayloadScope scope() const override { return PayloadScope::kWindow; }
  PayloadCoding coding() const override { return PayloadCoding::kGzip; }
  SinkManners manners() const override {
    return {.retries = true, .is_remote = true, .max_age_ns = 0};
  }
  const std::string& name() const override { return name_; }
  SendOutcome Send(const Payload& payload, int64_t timeout_ns) override;

 private:
  const podo_sink sink_;  // its texts are not used: they end with the call that passed them
  const std::string name_;
  const PayloadFormat format_;
};

// For the next run. kInvalidArgument says what is wrong; then nothing was taken over. Thread-safe.
base::Status AddCustomSink(const podo_sink& sink);
// What was added since the last call.
std::vector<std::unique_ptr<Sink>> TakeCustomSinks();

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_CUSTOM_SINK_H_
