// SPDX-License-Identifier: Apache-2.0
#include "export/exporter.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <utility>

namespace podo::exporting {
namespace {

DeliverySettings For(const Sink& sink, DeliverySettings settings) {
  settings.manners = sink.manners();
  settings.scope = sink.scope();
  return settings;
}

size_t BytesOf(const std::vector<Payload>& window) {
  size_t bytes = 0;
  for (const Payload& payload : window) bytes += payload.bytes->size();
  return bytes;
}

}  // namespace

void SharedCounts::Store(const DeliveryCounts& counts) {
  const auto values =
      std::bit_cast<std::array<uint64_t, std::tuple_size_v<decltype(counts_)>>>(counts);
  for (size_t i = 0; i < values.size(); ++i) counts_[i].store(values[i], std::memory_order_relaxed);
}

DeliveryCounts SharedCounts::Load() const {
  std::array<uint64_t, std::tuple_size_v<decltype(counts_)>> values;
  for (size_t i = 0; i < values.size(); ++i) values[i] = counts_[i].load(std::memory_order_relaxed);
  return std::bit_cast<DeliveryCounts>(values);
}

Exporter::Exporter(std::unique_ptr<Sink> sink, DeliverySettings settings, StoreMaker make_store,
                   ExporterSurroundings surroundings)
    : sink_(std::move(sink)),
      settings_(For(*sink_, settings)),
      make_store_(std::move(make_store)),
      surroundings_(std::move(surroundings)),
      failures_(sink_->name()) {}

void Exporter::Run() {
  const std::unique_ptr<PayloadStore> store = make_store_ ? make_store_() : nullptr;
  Delivery delivery(settings_, store.get(), surroundings_.steady_ns());
  sink_->Prepare();
  for (;;) {
    TakeInbox(&delivery);
    const int64_t now_ns = surroundings_.steady_ns();
    const auto attempt = delivery.TryNext(now_ns, surroundings_.wall_ns());
    if (attempt) Attempt(&delivery, *attempt);
    Publish(&delivery);
    if (delivery.done()) return;
    if (attempt) continue;
    constexpr int64_t kIdleNs = 60'000'000'000;
    wakeup_.WaitFor(std::clamp(delivery.NextNs() - surroundings_.steady_ns(), int64_t{0}, kIdleNs));
  }
}

void Exporter::TakeInbox(Delivery* delivery) {
  Inbox inbox;
  {
    const std::lock_guard lock(mutex_);
    inbox = std::exchange(inbox_, Inbox{});
  }
  const int64_t now_ns = surroundings_.steady_ns();
  delivery->Skip(inbox.dropped);
  for (std::vector<Payload>& window : inbox.windows) delivery->Offer(std::move(window), now_ns);
  if (inbox.hurry) delivery->Hurry(now_ns);
  if (inbox.finish_by_ns) delivery->Finish(now_ns, *inbox.finish_by_ns);
}

void Exporter::Attempt(Delivery* delivery, const Delivery::Attempt& attempt) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  sending_.store(delivery->works() ? Sending::kWorking : Sending::kDoubtful, kRelaxed);
  const SendOutcome outcome = sink_->Send(*attempt.payload, attempt.timeout_ns);
  sending_.store(Sending::kNo, kRelaxed);
  Say(outcome);
  delivery->Observe(outcome, surroundings_.steady_ns());
}

void Exporter::Say(const SendOutcome& outcome) {
  const int64_t now_ns = surroundings_.steady_ns();
  const bool accepted = outcome.verdict == SendVerdict::kDelivered;
  std::optional<std::string> line;
  if (accepted) line = failures_.ObserveSuccess();
  if (!outcome.reason.empty()) {
    // A yes with words is the receiver's warning.
    line = accepted ? failures_.ObserveNote(outcome.reason, now_ns)
                    : failures_.ObserveFailure(outcome.reason, now_ns);
    if (!accepted) last_error_.Write(sink_->name() + ": " + outcome.reason, now_ns);
  }
  if (line) surroundings_.warn(*line);
}

void Exporter::Publish(Delivery* delivery) {
  for (const std::string& note : delivery->TakeNotes()) {
    const auto line = failures_.ObserveNote(note, surroundings_.steady_ns());
    if (line) surroundings_.warn(*line);
  }
  counts_.Store(delivery->counts());
  const std::lock_guard lock(mutex_);
  settled_ = delivery->settled();
  settled_changed_.notify_all();
}

void Exporter::Offer(std::vector<Payload> window) {
  if (window.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    offered_ += window.size();
    inbox_.bytes += BytesOf(window);
    inbox_.windows.push_back(std::move(window));
    MakeRoom();
  }
  wakeup_.Post();
}

// While the sink hangs the inbox is the queue, with the same bound.
void Exporter::MakeRoom() {
  while (inbox_.windows.size() > 1 &&
         (settings_.scope == PayloadScope::kRun || inbox_.bytes > settings_.queue_bytes)) {
    const std::vector<Payload>& oldest = inbox_.windows.front();
    inbox_.bytes -= BytesOf(oldest);
    inbox_.dropped += oldest.size();
    // The state of a run is in the next one.
    if (settings_.scope == PayloadScope::kWindow) {
      dropped_.fetch_add(oldest.size(), std::memory_order_relaxed);
    }
    inbox_.windows.pop_front();
  }
}

DeliveryCounts Exporter::counts() const {
  DeliveryCounts counts = counts_.Load();
  counts.lost_queue_full += dropped_.load(std::memory_order_relaxed);
  return counts;
}

void Exporter::Finish(int64_t deadline_ns) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.finish_by_ns = deadline_ns;
  }
  wakeup_.Post();
}

void Exporter::GiveUp() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(gave_up_, true)) return;
    dropped_.fetch_add(1, std::memory_order_relaxed);
    inbox_.finish_by_ns = surroundings_.steady_ns();
    settled_changed_.notify_all();
  }
  wakeup_.Post();
  Interrupt(/*also_working=*/true);
}

void Exporter::Interrupt(bool also_working) {
  const Sending sending = sending_.load(std::memory_order_relaxed);
  const bool hangs =
      sending == Sending::kDoubtful || (sending == Sending::kWorking && also_working);
  if (hangs) sink_->Interrupt();
}

void Exporter::Hurry() {
  {
    const std::lock_guard lock(mutex_);
    inbox_.hurry = true;
  }
  wakeup_.Post();
}

bool Exporter::WaitSettled(int64_t deadline_ns) {
  std::unique_lock lock(mutex_);
  return settled_changed_.wait_until(
      lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(deadline_ns)),
      [this, until = offered_] { return gave_up_ || settled_ >= until; });
}

}  // namespace podo::exporting
