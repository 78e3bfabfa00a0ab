// SPDX-License-Identifier: Apache-2.0
// A payload store that is a plain list, for tests and the simulation.
#ifndef PODO_TESTS_UNIT_EXPORT_LISTED_STORE_H_
#define PODO_TESTS_UNIT_EXPORT_LISTED_STORE_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "export/payload_store.h"

namespace podo::exporting {

class ListedStore : public PayloadStore {
 public:
  explicit ListedStore(size_t max_payloads = SIZE_MAX) : max_payloads_(max_payloads) {}

  base::Status Put(const Payload& payload) override {
    if (broken) return base::UnavailableError("the disk is broken");
    if (payloads_.size() >= max_payloads_) {
      payloads_.pop_front();
      ++dropped_;
    }
    payloads_.push_back(payload);
    return base::OkStatus();
  }
  std::optional<Payload> Take(End end) override {
    if (payloads_.empty()) return std::nullopt;
    taken_ = end == End::kOldest ? 0 : payloads_.size() - 1;
    return payloads_[taken_];
  }
  void Release(bool done) override {
    if (done) payloads_.erase(payloads_.begin() + static_cast<ptrdiff_t>(taken_));
  }
  uint64_t count() const override { return payloads_.size(); }
  uint64_t bytes() const override { return 0; }
  uint64_t dropped() const override { return dropped_; }

  bool broken = false;

 private:
  size_t max_payloads_;
  std::deque<Payload> payloads_;
  size_t taken_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace podo::exporting

#endif  // PODO_TESTS_UNIT_EXPORT_LISTED_STORE_H_
