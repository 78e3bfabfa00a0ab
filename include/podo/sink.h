// SPDX-License-Identifier: Apache-2.0
// A transport of one's own: podo encodes, queues, retries and spools; the service sends.
//
//   class QueueSink : public podo::Sink {
//     podo::SendResult Send(const podo::Payload& payload) override { ... }
//   };
//   podo::AddSink("queue", podo::SinkFormat::kOtlp, std::make_shared<QueueSink>());
//   podo::Start();
#ifndef PODO_SINK_H_
#define PODO_SINK_H_

#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "podo/podo.h"
#include "podo/sink_c.h"

namespace podo {

// What Sink::Send gets; see podo_payload.
using Payload = podo_payload;

// What an attempt came to.
class SendResult {
 public:
  static SendResult Delivered() { return SendResult(PODO_SEND_DELIVERED, {}, {}); }
  // May succeed later, not before `after` if that is given.
  static SendResult Later(std::string why, std::chrono::nanoseconds after = {}) {
    return SendResult(PODO_SEND_LATER, std::move(why), after);
  }
  // Cannot succeed: the payload is lost.
  static SendResult Refused(std::string why) {
    return SendResult(PODO_SEND_REFUSED, std::move(why), {});
  }

  podo_send_outcome outcome() const { return outcome_; }
  const std::string& why() const { return why_; }
  std::chrono::nanoseconds after() const { return after_; }

 private:
  SendResult(podo_send_outcome outcome, std::string why, std::chrono::nanoseconds after)
      : outcome_(outcome), why_(std::move(why)), after_(after) {}

  podo_send_outcome outcome_;
  std::string why_;
  std::chrono::nanoseconds after_;
};

enum class SinkFormat {
  kOtlp,   // ExportProfilesServiceRequest, protobuf
  kPprof,  // gzip-compressed pprof
};

class Sink {
 public:
  virtual ~Sink() = default;
  // Sends one payload and blocks until the answer is known, at most about payload.timeout_ns.
  // Called on a thread of podo that belongs to this sink alone and blocks all signals. What it
  // throws counts as Later.
  virtual SendResult Send(const Payload& payload) = 0;
};

namespace internal {

inline void SendBySink(void* user, const podo_payload* payload, podo_send_result* result) {
  const auto say = [result](std::string_view why) {
    const std::size_t size =
        why.size() < sizeof result->message ? why.size() : sizeof result->message - 1;
    std::memcpy(result->message, why.data(), size);
    result->message[size] = 0;
  };
  result->outcome = PODO_SEND_LATER;
  try {
    const SendResult sent = (*static_cast<std::shared_ptr<Sink>*>(user))->Send(*payload);
    result->outcome = sent.outcome();
    if (sent.after().count() > 0) {
      result->retry_after_ns = static_cast<std::uint64_t>(sent.after().count());
    }
    say(sent.why());
  } catch (const std::exception& error) {
    say(error.what());
  } catch (...) {
    say("an exception");
  }
}

inline void ReleaseSink(void* user) { delete static_cast<std::shared_ptr<Sink>*>(user); }

}  // namespace internal

// Adds a sink to the next Start(), which keeps it alive until Stop() has ended its thread; see
// podo_add_sink. `name` names it in the log and in the spool. Thread-safe.
inline Status AddSink(const std::string& name, SinkFormat format,
                      std::shared_ptr<Sink> sink) noexcept {
  auto* user = new (std::nothrow) std::shared_ptr<Sink>(std::move(sink));
  if (user == nullptr) return Status({PODO_RESOURCE, "out of memory"});
  podo_sink c = {};
  c.size = sizeof c;
  c.name = name.c_str();
  c.format = format == SinkFormat::kOtlp ? "otlp" : "pprof";
  c.user = user;
  c.send = *user != nullptr ? internal::SendBySink : nullptr;
  c.release = internal::ReleaseSink;
  const Status added(podo_add_sink(&c));
  if (!added.ok()) delete user;
  return added;
}

}  // namespace podo

#endif  // PODO_SINK_H_
