// SPDX-License-Identifier: Apache-2.0
#include "live_captures.h"

#include <algorithm>
#include <utility>

namespace podo {

bool LiveCaptures::Begin(int64_t now_ns, int64_t duration_ns, std::function<bool()> given_up,
                         std::function<void(aggregate::AssembledProfile)> finished) {
  const int64_t begin_ns = (now_ns + kGridNs - 1) / kGridNs * kGridNs;
  const std::lock_guard lock(mutex_);
  captures_.remove_if([](const Capture& capture) { return capture.given_up(); });
  if (closed_ || captures_.size() >= kMax) return false;
  captures_.push_back(
      {begin_ns, begin_ns + duration_ns, std::move(given_up), std::move(finished), {}});
  return true;
}

void LiveCaptures::Add(const aggregate::AssembledProfile& piece, const model::WindowTotals& totals,
                       int64_t begin_ns) {
  const std::lock_guard lock(mutex_);
  for (Capture& capture : captures_) {
    // A cut comes late where the drain has no free window. A recording that would miss all pieces
    // takes the first one after its time, and says so by its times.
    const bool within = begin_ns < capture.end_ns || capture.sum.empty();
    if (begin_ns >= capture.begin_ns && within) capture.sum.Add(piece, totals);
  }
}

std::list<LiveCaptures::Capture> LiveCaptures::TakeFinished(int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  closed_ = closed_ || now_ns == INT64_MAX;
  std::list<Capture> finished;
  for (auto it = captures_.begin(); it != captures_.end();) {
    const auto next = std::next(it);
    if (it->given_up()) {
      captures_.erase(it);
    } else if (now_ns == INT64_MAX || (it->end_ns <= now_ns && !it->sum.empty())) {
      finished.splice(finished.end(), captures_, it);
    }
    it = next;
  }
  return finished;
}

int64_t LiveCaptures::NextBoundary(int64_t ns) const {
  const std::lock_guard lock(mutex_);
  int64_t next_ns = INT64_MAX;
  for (const Capture& capture : captures_) {
    for (const int64_t at_ns : {capture.begin_ns, capture.end_ns}) {
      if (at_ns > ns) next_ns = std::min(next_ns, at_ns);
    }
  }
  return next_ns;
}

}  // namespace podo
