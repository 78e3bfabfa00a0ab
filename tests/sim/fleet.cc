// SPDX-License-Identifier: Apache-2.0
#include "fleet.h"

#include <algorithm>
#include <utility>

namespace podo::sim {
namespace {

using exporting::Delivery;
using exporting::DeliverySettings;
using exporting::Payload;
using exporting::SendOutcome;
using exporting::SendVerdict;

// One answer takes so long: the simulated network and gateway.
constexpr int64_t kAnswerNs = 20'000'000;

struct Instance {
  Instance(const DeliverySettings& settings, const Scenario& scenario, int64_t begin_ns)
      : store(scenario.interval_ns, scenario.spool_windows),
        delivery(settings, &store, begin_ns),
        next_window_ns(begin_ns + scenario.interval_ns) {}
  NumberedStore store;
  Delivery delivery;
  int64_t next_window_ns;
  uint32_t windows = 0;
  int64_t NextNs() const { return std::min(next_window_ns, delivery.NextNs()); }
};

class Fleet {
 public:
  explicit Fleet(const Scenario& scenario) : scenario_(scenario) {
    result_.seconds.resize(static_cast<size_t>(scenario.duration_ns / kSecond));
    std::mt19937_64 random(20261122);
    instances_.reserve(scenario.instances);
    for (size_t i = 0; i < scenario.instances; ++i) {
      DeliverySettings settings;
      settings.manners = {.retries = true, .is_remote = true, .max_age_ns = 0};
      settings.interval_ns = scenario.interval_ns;
      // As the product has it: from a hash of the instance's random id.
      settings.seed = random();
      settings.spread_ns =
          static_cast<int64_t>(random() % static_cast<uint64_t>(scenario.interval_ns));
      const int64_t begin_ns = scenario.started_within_ns * static_cast<int64_t>(i) /
                               static_cast<int64_t>(scenario.instances);
      instances_.push_back(std::make_unique<Instance>(settings, scenario, begin_ns));
      events_.push({instances_.back()->NextNs(), static_cast<uint32_t>(i)});
    }
  }

  Result Run() {
    while (events_.top().first < scenario_.duration_ns) {
      const auto [now_ns, index] = events_.top();
      events_.pop();
      Instance& instance = *instances_[index];
      const int64_t busy_until_ns = Step(&instance, now_ns);
      events_.push({std::max(busy_until_ns, instance.NextNs()), index});
    }
    for (const auto& instance : instances_) {
      result_.windows += instance->windows;
      result_.sent += instance->delivery.counts().sent;
      result_.lost += instance->delivery.counts().Lost();
      result_.waiting +=
          instance->store.count() + instance->delivery.offered() - instance->delivery.settled();
    }
    return std::move(result_);
  }

 private:
  // Until when the instance's thread is in this exchange.
  int64_t Step(Instance* instance, int64_t now_ns) {
    while (instance->next_window_ns <= now_ns) {
      Payload payload;
      payload.window_seq = instance->windows++;
      payload.start_ns = instance->next_window_ns - scenario_.interval_ns;
      std::vector<Payload> window;
      window.push_back(std::move(payload));
      instance->delivery.Offer(std::move(window), now_ns);
      instance->next_window_ns += scenario_.interval_ns;
    }
    const auto attempt = instance->delivery.TryNext(now_ns, now_ns);
    if (!attempt) return now_ns;
    const SendOutcome outcome = Ask(*attempt->payload, now_ns);
    instance->delivery.Observe(outcome, now_ns + kAnswerNs);
    return now_ns + kAnswerNs;
  }

  SendOutcome Ask(const Payload& payload, int64_t now_ns) {
    Second& second = result_.seconds[static_cast<size_t>(now_ns / kSecond)];
    ++second.requests;
    SendOutcome outcome;
    outcome.verdict = SendVerdict::kRetry;
    if (now_ns >= scenario_.outage_begin_ns && now_ns < scenario_.outage_end_ns) return outcome;
    if (scenario_.capacity_per_s != 0 && second.accepted >= scenario_.capacity_per_s) {
      return outcome;
    }
    ++second.accepted;
    if (now_ns - payload.start_ns > 3 * scenario_.interval_ns) ++second.late;
    outcome.verdict = SendVerdict::kDelivered;
    return outcome;
  }

  const Scenario scenario_;
  Result result_;
  std::vector<std::unique_ptr<Instance>> instances_;
  using Event = std::pair<int64_t, uint32_t>;
  std::priority_queue<Event, std::vector<Event>, std::greater<Event>> events_;
};

}  // namespace

base::Status NumberedStore::Put(const Payload& payload) {
  if (numbers_.size() == max_) {
    numbers_.pop_front();
    ++dropped_;
  }
  numbers_.push_back(static_cast<uint32_t>(payload.start_ns / interval_ns_));
  return base::OkStatus();
}

std::optional<Payload> NumberedStore::Take(End end) {
  if (numbers_.empty()) return std::nullopt;
  taken_ = end;
  Payload payload;
  const uint32_t number = end == End::kOldest ? numbers_.front() : numbers_.back();
  payload.start_ns = static_cast<int64_t>(number) * interval_ns_;
  return payload;
}

void NumberedStore::Release(bool done) {
  if (!done) return;
  if (taken_ == End::kOldest) {
    numbers_.pop_front();
  } else {
    numbers_.pop_back();
  }
}

Result Simulate(const Scenario& scenario) { return Fleet(scenario).Run(); }

}  // namespace podo::sim
