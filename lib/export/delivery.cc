// SPDX-License-Identifier: Apache-2.0
#include "export/delivery.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace podo::exporting {
namespace {

// A caller in a hurry does not make podo hammer a sink that fails.
constexpr int64_t kHurryGapNs = 1'000'000'000;
// Full jitter may come out as nothing; a sink that fails at once would be asked in a loop.
constexpr int64_t kLeastBackoffNs = 50'000'000;
// How often an empty store is looked into: processes that died may have left something.
constexpr int64_t kStoreLookNs = 60'000'000'000;
// Bounds of the first wait after a failure and of the longest, half a window and twelve of them. By
// the default interval these are the Collector's first 5 s and four of its longest waits of 30 s: a
// fleet has more instances than gateways in front of a Collector.
constexpr int64_t kLeastFirstBackoffNs = 100'000'000;
constexpr int64_t kMostFirstBackoffNs = 5'000'000'000;
constexpr int64_t kLeastMaxBackoffNs = 1'000'000'000;
constexpr int64_t kMostMaxBackoffNs = 120'000'000'000;
// After so many failures every other attempt is made with the newest that waits.
constexpr uint32_t kDoubtfulFailures = 3;
// A payload that fails while others are taken has one turn in so many.
constexpr uint32_t kSuspectTurns = 8;
// Too little for any exchange, so none is begun.
constexpr int64_t kLeastAttemptNs = 5'000'000;

}  // namespace

DeliveryCounts& DeliveryCounts::operator+=(const DeliveryCounts& other) {
  sent += other.sent;
  bytes_sent += other.bytes_sent;
  failures += other.failures;
  retries += other.retries;
  spooled += other.spooled;
  lost_refused += other.lost_refused;
  lost_queue_full += other.lost_queue_full;
  lost_spool_full += other.lost_spool_full;
  lost_too_old += other.lost_too_old;
  lost_at_exit += other.lost_at_exit;
  return *this;
}

Delivery::Delivery(const DeliverySettings& settings, PayloadStore* store, int64_t now_ns)
    : settings_(settings), store_(store), chance_(settings.seed) {
  // What an earlier process left is begun at a moment of its own: after a mass restart everybody
  // has something to catch up with.
  next_backlog_ns_ = now_ns + settings_.spread_ns + Random(settings_.interval_ns);
}

// splitmix64: chance that needs no lock, no allocation and no seed of quality.
int64_t Delivery::Random(int64_t below) {
  chance_ += 0x9E3779B97F4A7C15;
  uint64_t z = chance_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  z ^= z >> 31;
  return below <= 0 ? 0 : static_cast<int64_t>(z % static_cast<uint64_t>(below));
}

// One window's worth an interval, at no fixed moment.
int64_t Delivery::BacklogGapNs() {
  const int64_t gap_ns = settings_.interval_ns / static_cast<int64_t>(window_payloads_);
  return gap_ns / 2 + Random(gap_ns);
}

void Delivery::Offer(std::vector<Payload> window, int64_t now_ns) {
  if (window.empty()) return;
  if (settings_.scope == PayloadScope::kRun) {
    for (const Item& item : fresh_) queue_bytes_ -= item.payload.bytes->size();
    fresh_.clear();
  }
  window_payloads_ = window.size();
  const int64_t due_ns = now_ns + (settings_.manners.is_remote ? settings_.spread_ns : 0);
  for (Payload& payload : window) {
    Item item;
    item.payload = std::move(payload);
    item.ordinal = ++offered_;
    item.due_ns = due_ns;
    queue_bytes_ += item.payload.bytes->size();
    fresh_.push_back(std::move(item));
  }
  // Its moment will pass while the sink is left alone, so it can as well be safe at once.
  if (due_ns < resume_ns_) DemoteDue(due_ns);
  MakeRoom();
}

int64_t Delivery::NextNs() const {
  if (finishing_) return done() ? kNever : 0;
  int64_t next_ns = kNever;
  if (!backlog_.empty() || store_ != nullptr) {
    next_ns = std::max(next_backlog_ns_, resume_ns_);
  }
  if (!fresh_.empty()) next_ns = std::min(next_ns, fresh_.front().due_ns);
  return next_ns;
}

std::optional<Delivery::Attempt> Delivery::TryNext(int64_t now_ns, int64_t wall_ns) {
  if (finishing_) return TryLast(now_ns);
  if (IsWaiting(now_ns)) {
    DemoteDue(now_ns);
    return std::nullopt;
  }
  // After failures the oldest one finds out whether the sink works again.
  const bool backlog_is_due = now_ns >= next_backlog_ns_;
  const bool fresh_is_due = !fresh_.empty() && fresh_.front().due_ns <= now_ns;
  if ((failures_in_a_row_ > 0 || !fresh_is_due) && backlog_is_due && TakeBacklog(wall_ns)) {
    return Start(*std::exchange(current_, std::nullopt), now_ns);
  }
  if (backlog_is_due && !fresh_is_due) {
    next_backlog_ns_ = now_ns + std::max(kStoreLookNs, settings_.interval_ns);
  }
  if (!fresh_is_due) return std::nullopt;
  Item item = std::move(fresh_.front());
  fresh_.pop_front();
  queue_bytes_ -= item.payload.bytes->size();
  return Start(std::move(item), now_ns);
}

// Into current_; from memory what the store refused, else from the store. The oldest: but a payload
// that fails for its own sake (a gateway that breaks on it) must not keep all others waiting.
bool Delivery::TakeBacklog(int64_t wall_ns) {
  const bool newest = PrefersNewest();
  if (TakeFromMemory(newest, wall_ns)) return true;
  if (store_ == nullptr) return false;
  using End = PayloadStore::End;
  while (std::optional<Payload> payload = store_->Take(newest ? End::kNewest : End::kOldest)) {
    if (!TooOld(*payload, wall_ns)) {
      from_store_ = true;
      current_ = Item{};
      current_->payload = *std::move(payload);
      current_->attempts = 1;
      return true;
    }
    store_->Release(/*done=*/true);
    ++counts_.lost_too_old;
  }
  NoteStore();
  return false;
}

bool Delivery::TakeFromMemory(bool newest, int64_t wall_ns) {
  while (!backlog_.empty()) {
    current_ = std::move(newest ? backlog_.back() : backlog_.front());
    if (newest) {
      backlog_.pop_back();
    } else {
      backlog_.pop_front();
    }
    queue_bytes_ -= current_->payload.bytes->size();
    if (!TooOld(current_->payload, wall_ns)) return true;
    current_ = std::nullopt;
    ++counts_.lost_too_old;
  }
  return false;
}

// It failed. If it has failed before, and the receiver took others in between, it may be to blame;
// or chance is, with a gateway that refuses every other request. So it is not given up, but the
// others go first.
void Delivery::Suspect(const Payload& payload) {
  const std::pair<PayloadId, int64_t> who(payload.id, payload.start_ns);
  is_suspicious_ = suspect_ == who && (is_suspicious_ || others_delivered_);
  suspect_ = who;
  others_delivered_ = false;
}

bool Delivery::PrefersNewest() {
  if (is_suspicious_) return ++backlog_turns_ % kSuspectTurns != 0;
  return failures_in_a_row_ >= kDoubtfulFailures && failures_in_a_row_ % 2 == 1;
}

bool Delivery::TooOld(const Payload& payload, int64_t wall_ns) const {
  const int64_t limit_ns = settings_.manners.max_age_ns;
  return limit_ns > 0 && wall_ns - payload.start_ns > limit_ns;
}

std::optional<Delivery::Attempt> Delivery::Start(Item item, int64_t now_ns) {
  if (item.attempts++ > 0) ++counts_.retries;
  last_attempt_ns_ = now_ns;
  current_ = std::move(item);
  return Attempt{&current_->payload, TimeoutNs(now_ns)};
}

int64_t Delivery::TimeoutNs(int64_t now_ns) const {
  if (!finishing_) return settings_.attempt_ns;
  const int64_t left_ns = std::max(int64_t{0}, deadline_ns_ - now_ns);
  return std::min(left_ns, works() ? settings_.attempt_ns : kExitAttemptNs);
}

void Delivery::Observe(const SendOutcome& outcome, int64_t now_ns) {
  Item item = *std::exchange(current_, std::nullopt);
  const bool from_store = std::exchange(from_store_, false);
  const bool was_waiting = failures_in_a_row_ > 0 || item.attempts > 1;
  const bool accepted =
      outcome.verdict == SendVerdict::kDelivered || outcome.verdict == SendVerdict::kPartial;
  if (accepted) {
    ++counts_.sent;
    counts_.bytes_sent += item.payload.bytes->size();
    // The receiver's word, but no more than there was.
    counts_.lost_refused += std::min(static_cast<uint64_t>(outcome.rejected),
                                     std::max(item.payload.samples, uint64_t{1}));
  } else {
    ++counts_.failures;
  }
  if (outcome.verdict != SendVerdict::kRetry) answered_ = true;  // a no is an answer, too
  if (accepted) others_delivered_ = true;
  const bool again = outcome.verdict == SendVerdict::kRetry && settings_.manners.retries;
  if (again) Suspect(item.payload);
  if (from_store) store_->Release(/*done=*/!again);
  if (again) {
    BackOff(outcome, now_ns);
    if (!from_store) Demote(std::move(item));
    return;
  }
  // The next state of a run holds what this one held, so only the last one is lost.
  const bool matters = settings_.scope == PayloadScope::kWindow || item.payload.is_last;
  if (!accepted && matters) ++counts_.lost_refused;
  if (outcome.is_setup) return BackOff(outcome, now_ns);
  failures_in_a_row_ = 0;
  resume_ns_ = 0;
  resume_is_wish_ = false;
  const bool hurried = !backlog_.empty() && backlog_.front().ordinal <= hurry_ordinal_;
  if (was_waiting) next_backlog_ns_ = now_ns + (hurried ? 0 : BacklogGapNs());
}

int64_t Delivery::BackoffBoundNs() const {
  constexpr uint32_t kMaxDoublings = 20;
  const int64_t first_ns =
      std::clamp(settings_.interval_ns / 2, kLeastFirstBackoffNs, kMostFirstBackoffNs);
  const int64_t most_ns =
      std::clamp(settings_.interval_ns * 12, kLeastMaxBackoffNs, kMostMaxBackoffNs);
  return std::min(most_ns, first_ns << std::min(failures_in_a_row_, kMaxDoublings));
}

void Delivery::BackOff(const SendOutcome& outcome, int64_t now_ns) {
  const int64_t bound_ns = BackoffBoundNs();
  ++failures_in_a_row_;
  resume_is_wish_ = outcome.retry_after_ns.has_value();
  // A wish is the same for everybody who was told it, hence chance on top of it.
  const int64_t wish_ns = outcome.retry_after_ns.value_or(0);
  resume_ns_ = now_ns + wish_ns + std::max(kLeastBackoffNs, Random(bound_ns));
  next_backlog_ns_ = resume_ns_;
}

// To where it waits: the store, else memory.
void Delivery::Demote(Item item) {
  item.attempts = std::max(item.attempts, 1U);  // waiting counts as failing
  if (store_ != nullptr) {
    const base::Status stored = store_->Put(item.payload);
    NoteStore();
    if (stored.ok()) {
      ++counts_.spooled;
      next_backlog_ns_ = std::min(next_backlog_ns_, resume_ns_);
      return;
    }
    notes_.push_back(std::string(stored.message()));
  }
  queue_bytes_ += item.payload.bytes->size();
  const auto place =
      std::upper_bound(backlog_.begin(), backlog_.end(), item.ordinal,
                       [](uint64_t ordinal, const Item& other) { return ordinal < other.ordinal; });
  backlog_.insert(place, std::move(item));
  MakeRoom();
}

void Delivery::DemoteDue(int64_t now_ns) {
  if (!settings_.manners.retries) return;
  while (!fresh_.empty() && fresh_.front().due_ns <= now_ns) {
    Item item = std::move(fresh_.front());
    fresh_.pop_front();
    queue_bytes_ -= item.payload.bytes->size();
    Demote(std::move(item));
  }
}

void Delivery::MakeRoom() {
  while (queue_bytes_ > settings_.queue_bytes && fresh_.size() + backlog_.size() > 1) {
    std::deque<Item>& oldest = backlog_.empty() ? fresh_ : backlog_;
    const Item item = std::move(oldest.front());
    oldest.pop_front();
    queue_bytes_ -= item.payload.bytes->size();
    if (store_ != nullptr && store_->Put(item.payload).ok()) {
      ++counts_.spooled;
      NoteStore();
      continue;
    }
    ++counts_.lost_queue_full;
    notes_.push_back(absl::StrCat("the queue of ", settings_.queue_bytes >> 10,
                                  " KiB is full: the oldest profiles are lost",
                                  store_ == nullptr ? " (PODO_SPOOL_DIR would keep them)" : ""));
  }
}

void Delivery::NoteStore() {
  const uint64_t dropped = store_->dropped();
  const uint64_t new_ones = dropped - std::exchange(store_dropped_, dropped);
  if (new_ones == 0) return;
  counts_.lost_spool_full += new_ones;
  notes_.push_back("the spool is full: the oldest profiles are lost (PODO_SPOOL_BYTES)");
}

void Delivery::Hurry(int64_t now_ns) {
  for (Item& item : fresh_) item.due_ns = std::min(item.due_ns, now_ns);
  if (IsWaiting(now_ns) && !resume_is_wish_) {
    resume_ns_ = std::min(resume_ns_, std::max(now_ns, last_attempt_ns_ + kHurryGapNs));
  }
  next_backlog_ns_ = std::min(next_backlog_ns_, now_ns);
  hurry_ordinal_ = offered_;
}

void Delivery::Finish(int64_t now_ns, int64_t deadline_ns) {
  finishing_ = true;
  deadline_ns_ = deadline_ns;
  for (Item& item : fresh_) item.due_ns = now_ns;
}

std::optional<Delivery::Attempt> Delivery::TryLast(int64_t now_ns) {
  if (done()) return std::nullopt;
  if (settings_.manners.is_remote) {
    const bool asked_to_wait = IsWaiting(now_ns) && resume_is_wish_;
    if ((!works() && attempts_at_end_ > 0) || asked_to_wait ||
        deadline_ns_ - now_ns < kLeastAttemptNs) {
      GiveUp();
      return std::nullopt;
    }
  }
  ++attempts_at_end_;
  std::deque<Item>& oldest = backlog_.empty() ? fresh_ : backlog_;
  Item item = std::move(oldest.front());
  oldest.pop_front();
  queue_bytes_ -= item.payload.bytes->size();
  return Start(std::move(item), now_ns);
}

void Delivery::GiveUp() {
  for (std::deque<Item>* items : {&backlog_, &fresh_}) {
    for (const Item& item : *items) {
      const bool stored = store_ != nullptr && store_->Put(item.payload).ok();
      ++(stored ? counts_.spooled : counts_.lost_at_exit);
    }
    items->clear();
  }
  if (store_ != nullptr) NoteStore();
  queue_bytes_ = 0;
}

uint64_t Delivery::settled() const {
  uint64_t first = offered_ + 1;
  for (const std::deque<Item>* items : {&backlog_, &fresh_}) {
    if (!items->empty()) first = std::min(first, items->front().ordinal);
  }
  if (current_ && current_->ordinal != 0) first = std::min(first, current_->ordinal);
  return first - 1;
}

}  // namespace podo::exporting
