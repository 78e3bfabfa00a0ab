// SPDX-License-Identifier: Apache-2.0
// A fleet of podos and the gateway they send to, in simulated time.
#ifndef PODO_TESTS_SIM_FLEET_H_
#define PODO_TESTS_SIM_FLEET_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <queue>
#include <random>
#include <vector>

#include "export/delivery.h"
#include "export/payload_store.h"

namespace podo::sim {

inline constexpr int64_t kSecond = 1'000'000'000;

// A spool as numbers of windows: 100,000 of them must fit.
class NumberedStore : public exporting::PayloadStore {
 public:
  NumberedStore(int64_t interval_ns, size_t max) : interval_ns_(interval_ns), max_(max) {}
  base::Status Put(const exporting::Payload& payload) override;
  std::optional<exporting::Payload> Take(End end) override;
  void Release(bool done) override;
  uint64_t count() const override { return numbers_.size(); }
  uint64_t bytes() const override { return 0; }
  uint64_t dropped() const override { return dropped_; }

 private:
  int64_t interval_ns_;
  size_t max_;
  uint64_t dropped_ = 0;
  End taken_ = End::kOldest;
  std::deque<uint32_t> numbers_;
};

struct Scenario {
  size_t instances = 100'000;
  int64_t interval_ns = 10 * kSecond;
  int64_t duration_ns = 0;
  // All processes begin within this time, evenly; 0: in the same instant.
  int64_t started_within_ns = 10 * kSecond;
  // The gateway takes so many requests a second and answers 503 to the rest; 0: any number.
  uint64_t capacity_per_s = 0;
  // It is not there (connections are refused) between these times.
  int64_t outage_begin_ns = 0;
  int64_t outage_end_ns = 0;
  size_t spool_windows = 100'000;
};

// Per simulated second.
struct Second {
  uint32_t requests = 0;  // that arrived, refused connections included
  uint32_t accepted = 0;
  uint32_t late = 0;  // of the accepted: windows older than two intervals
};

struct Result {
  std::vector<Second> seconds;
  uint64_t windows = 0;  // made by the fleet
  uint64_t sent = 0;
  uint64_t lost = 0;
  uint64_t waiting = 0;  // in queues and spools at the end
};

Result Simulate(const Scenario& scenario);

}  // namespace podo::sim

#endif  // PODO_TESTS_SIM_FLEET_H_
