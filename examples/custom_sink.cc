// SPDX-License-Identifier: Apache-2.0
// Profiles over a transport of one's own: podo encodes, queues and retries, the service sends.
#include <cmath>
#include <cstdio>
#include <memory>

#include "podo/sink.h"

namespace {

// Stands for a message queue the service has anyway.
class QueueSink : public podo::Sink {
 public:
  podo::SendResult Send(const podo::Payload& payload) override {
    if (++attempts_ == 1) return podo::SendResult::Later("the queue is not connected yet");
    std::printf("sent %zu bytes of %s (%s)\n", payload.byte_count, payload.content_type,
                payload.content_encoding);
    return podo::SendResult::Delivered();
  }

 private:
  int attempts_ = 0;
};

}  // namespace

int main() {
  podo::AddSink("queue", podo::SinkFormat::kOtlp, std::make_shared<QueueSink>());
  podo::Options options;
  options.interval = std::chrono::milliseconds(500);
  podo::Start(options);
  double sum = 0;
  for (int i = 1; i < 200'000'000; ++i) sum += std::sqrt(i);
  std::printf("work done: %g\n", sum);
  podo::Stop(std::chrono::seconds(2));
  const podo::Stats stats = podo::GetStats();
  std::printf("delivered %llu, retried %llu, lost %llu\n",
              static_cast<unsigned long long>(stats.profiles_written),
              static_cast<unsigned long long>(stats.profiles_retried),
              static_cast<unsigned long long>(stats.profiles_lost));
}
