// SPDX-License-Identifier: Apache-2.0
#include "export/custom_sink.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace podo::exporting {
namespace {

// Constant-initialised: a host may add a sink before this library's dynamic initialisation. The
// list itself is never destroyed.
struct Added {
  std::mutex mutex;
  std::vector<std::unique_ptr<Sink>>* sinks = nullptr;
};
constinit Added g_added;

std::string PrintableName(const char* name) { return PrintableWords(name == nullptr ? "" : name); }

const char* ContentType(PayloadFormat format) {
  return format == PayloadFormat::kOtlp ? "application/x-protobuf" : "application/octet-stream";
}

const char* ContentEncoding(PayloadCoding coding) {
  if (coding == PayloadCoding::kNone) return "";
  return coding == PayloadCoding::kGzip ? "gzip" : "zstd";
}

SendVerdict VerdictOf(int32_t outcome) {
  if (outcome == PODO_SEND_DELIVERED) return SendVerdict::kDelivered;
  return outcome == PODO_SEND_LATER ? SendVerdict::kRetry : SendVerdict::kRefused;
}

}  // namespace

CustomSink::CustomSink(const podo_sink& sink)
    : sink_(sink),
      name_(PrintableName(sink.name)),
      format_(std::strcmp(sink.format, "otlp") == 0 ? PayloadFormat::kOtlp
                                                    : PayloadFormat::kPprof) {}

CustomSink::~CustomSink() {
  if (sink_.release != nullptr) sink_.release(sink_.user);
}

SendOutcome CustomSink::Send(const Payload& payload, int64_t timeout_ns) {
  podo_payload c = {};
  c.size = sizeof c;
  c.bytes = payload.bytes->data();
  c.byte_count = payload.bytes->size();
  c.content_type = ContentType(payload.format);
  c.content_encoding = ContentEncoding(payload.coding);
  std::copy(payload.id.begin(), payload.id.end(), c.id);
  c.start_ns = payload.start_ns;
  c.duration_ns = payload.duration_ns;
  c.timeout_ns = static_cast<uint64_t>(timeout_ns);
  podo_send_result result = {};
  result.size = sizeof result;
  try {
    sink_.send(sink_.user, &c, &result);
  } catch (...) {  // which it must not
    result.outcome = PODO_SEND_LATER;
    std::strcpy(result.message, "the sink threw an exception");
  }
  SendOutcome outcome;
  outcome.verdict = VerdictOf(result.outcome);
  constexpr uint64_t kDayNs = 86'400'000'000'000;
  if (result.retry_after_ns != 0) {
    outcome.retry_after_ns = static_cast<int64_t>(std::min(result.retry_after_ns, kDayNs));
  }
  outcome.reason = PrintableWords({result.message, strnlen(result.message, sizeof result.message)});
  if (outcome.reason.empty() && outcome.verdict != SendVerdict::kDelivered) {
    outcome.reason = "failed without a word";
  }
  return outcome;
}

base::Status AddCustomSink(const podo_sink& given) {
  if (given.size < offsetof(podo_sink, release)) {
    return base::InvalidArgumentError(
        absl::StrCat("podo_sink.size is ", given.size, "; accepted: sizeof(podo_sink)"));
  }
  podo_sink sink = {};  // fields that the caller's header did not have are zero
  std::memcpy(&sink, &given, std::min(given.size, sizeof sink));
  if (sink.send == nullptr) return base::InvalidArgumentError("podo_sink.send is missing");
  if (PrintableName(sink.name).empty()) {
    return base::InvalidArgumentError("podo_sink.name is empty; accepted: a printable name");
  }
  if (sink.format == nullptr ||
      (std::strcmp(sink.format, "otlp") != 0 && std::strcmp(sink.format, "pprof") != 0)) {
    return base::InvalidArgumentError(absl::StrCat(
        "podo_sink.format is \"", PrintableName(sink.format), "\"; accepted: otlp, pprof"));
  }
  const std::lock_guard lock(g_added.mutex);
  if (g_added.sinks == nullptr) g_added.sinks = new std::vector<std::unique_ptr<Sink>>;
  if (g_added.sinks->size() >= kMaxSinks) {
    return base::InvalidArgumentError(absl::StrCat("one sink too many; accepted: ", kMaxSinks));
  }
  const std::string name = PrintableName(sink.name);
  if (std::any_of(g_added.sinks->begin(), g_added.sinks->end(),
                  [&](const auto& other) { return other->name() == name; })) {
    return base::InvalidArgumentError(
        absl::StrCat("a sink of the name ", name, " is there already"));
  }
  g_added.sinks->reserve(kMaxSinks);  // nothing below throws once the sink is ours
  g_added.sinks->push_back(std::make_unique<CustomSink>(sink));
  return base::OkStatus();
}

std::vector<std::unique_ptr<Sink>> TakeCustomSinks() {
  const std::lock_guard lock(g_added.mutex);
  if (g_added.sinks == nullptr) return {};
  return std::exchange(*g_added.sinks, {});
}

}  // namespace podo::exporting
