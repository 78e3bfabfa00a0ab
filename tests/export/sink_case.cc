// SPDX-License-Identifier: Apache-2.0
// A service with a transport of its own, for test_custom_sink.py:
// `podo_sink_case FORMAT MILLISECONDS ANSWER...` burns CPU for so long under podo, answers the
// attempts in turn (the last answer again and again), and prints a line of JSON an attempt and one
// of statistics at the end.
#include <pthread.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "podo/sink.h"

namespace {

class TalkingSink : public podo::Sink {
 public:
  explicit TalkingSink(std::vector<std::string> answers) : answers_(std::move(answers)) {}
  ~TalkingSink() override { std::printf("{\"released\": true}\n"); }

  podo::SendResult Send(const podo::Payload& payload) override {
    const std::string answer = answers_[std::min(next_++, answers_.size() - 1)];
    const std::string_view bytes(static_cast<const char*>(payload.bytes), payload.byte_count);
    std::printf("{\"answer\": \"%s\", \"hash\": \"%zx\", \"id\": \"", answer.c_str(),
                std::hash<std::string_view>{}(bytes));
    for (const uint8_t byte : payload.id) std::printf("%02x", byte);
    std::printf(
        "\", \"type\": \"%s\", \"encoding\": \"%s\", \"begin\": \"%02x%02x\", \"start_ns\": "
        "%lld}\n",
        payload.content_type, payload.content_encoding, static_cast<unsigned char>(bytes[0]),
        static_cast<unsigned char>(bytes[1]), static_cast<long long>(payload.start_ns));
    if (answer == "later") return podo::SendResult::Later("the queue is away");
    if (answer == "refused") return podo::SendResult::Refused("no such\nqueue");
    if (answer == "stops") {
      return podo::SendResult::Refused(podo::Stop(std::chrono::seconds(1)).message());
    }
    if (answer == "throws") throw std::runtime_error("thrown words");
    if (answer == "hangs") std::this_thread::sleep_for(std::chrono::hours(1));
    return podo::SendResult::Delivered();
  }

 private:
  std::vector<std::string> answers_;
  size_t next_ = 0;
};

void Burn(int64_t ns) {
  timespec now;
  volatile double sum = 0;
  do {
    for (int i = 0; i < 10'000; ++i) sum = sum + i;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  } while (now.tv_sec * 1'000'000'000 + now.tv_nsec < ns);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const auto format =
      std::string_view(argv[1]) == "otlp" ? podo::SinkFormat::kOtlp : podo::SinkFormat::kPprof;
  const std::vector<std::string> answers(argv + 3, argv + argc);
  const podo::Status added =
      podo::AddSink("own\ttransport", format, std::make_shared<TalkingSink>(answers));
  const podo::Status none = podo::AddSink("", format, std::make_shared<TalkingSink>(answers));
  const podo::Status null = podo::AddSink("null", format, nullptr);
  podo::Options options;
  options.interval = std::chrono::milliseconds(200);
  options.exit_timeout = std::chrono::seconds(2);
  const podo::Status started = podo::Start(options);
  Burn(std::atoll(argv[2]) * 1'000'000);
  if (std::getenv("CASE_LEAVES") != nullptr) {
    std::fflush(stdout);
    pthread_exit(nullptr);
  }
  const auto before = std::chrono::steady_clock::now();
  const podo::Status stopped = podo::Stop(std::chrono::seconds(2));
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - before);
  const podo::Stats s = podo::GetStats();
  std::printf(
      "{\"windows\": %llu, \"written\": %llu, \"errors\": %llu, \"retried\": %llu, \"lost\": %llu, "
      "\"refused\": %llu, \"at_exit\": %llu, \"last_error\": \"%s\", \"added\": %d, \"empty\": "
      "\"%s\", \"null\": \"%s\", \"started\": %d, \"stopped\": %d, \"stop_ms\": %lld}\n",
      static_cast<unsigned long long>(s.windows),
      static_cast<unsigned long long>(s.profiles_written),
      static_cast<unsigned long long>(s.export_errors),
      static_cast<unsigned long long>(s.profiles_retried),
      static_cast<unsigned long long>(s.profiles_lost),
      static_cast<unsigned long long>(s.lost_refused),
      static_cast<unsigned long long>(s.lost_at_exit), s.last_export_error, added.code(),
      none.message(), null.message(), started.code(), stopped.code(),
      static_cast<long long>(took.count()));
  std::fflush(stdout);
  _Exit(0);
}
