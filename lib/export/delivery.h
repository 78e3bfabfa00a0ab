// SPDX-License-Identifier: Apache-2.0
// When which payload is sent to one sink: the policy of retry, backoff, queue and spool, alone.
//
// Time, chance and the store are arguments, and nothing here sends: the exporter's thread drives it
// with a real sink, tests/sim with 100,000 instances and a simulated gateway.
//
// A fresh payload goes out at this instance's own moment, `spread_ns` after its window's end, so
// that a fleet that was started at once does not send at once. A sink that fails is left alone for
// a random time below a bound that doubles (full jitter), or as long as it asks for. What could not
// be delivered waits in the store, else in memory, and is sent oldest first beside the fresh ones,
// one window's worth an interval: a gateway that comes back meets twice the usual rate, not an
// outage's worth at once.
#ifndef PODO_LIB_EXPORT_DELIVERY_H_
#define PODO_LIB_EXPORT_DELIVERY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "export/payload.h"
#include "export/payload_store.h"
#include "export/send_outcome.h"
#include "export/sink.h"

namespace podo::exporting {

struct DeliverySettings {
  SinkManners manners;
  PayloadScope scope = PayloadScope::kWindow;
  int64_t interval_ns = 10'000'000'000;  // a window
  int64_t spread_ns = 0;                 // [0, interval)
  uint64_t seed = 1;                     // of chance; differs between instances
  // Of the payloads in memory; a single one may be larger.
  size_t queue_bytes = size_t{1} << 20;
  int64_t attempt_ns = 10'000'000'000;  // OTEL_EXPORTER_OTLP_TIMEOUT's default
};

// Payloads, but for bytes. Monotonic.
struct DeliveryCounts {
  uint64_t sent = 0;  // accepted, in part or whole
  uint64_t bytes_sent = 0;
  uint64_t failures = 0;         // attempts that did not end in a yes
  uint64_t retries = 0;          // attempts beyond a payload's first
  uint64_t spooled = 0;          // put into the store
  uint64_t lost_refused = 0;     // the receiver's no; profiles of a partial success included
  uint64_t lost_queue_full = 0;  // memory for what waits was spent: no store, or the sink hung
  uint64_t lost_spool_full = 0;  // the store dropped them to make room
  uint64_t lost_too_old = 0;     // the receiver would not take them any more
  uint64_t lost_at_exit = 0;     // time was up, and no store took them

  uint64_t Lost() const {
    return lost_refused + lost_queue_full + lost_spool_full + lost_too_old + lost_at_exit;
  }
  DeliveryCounts& operator+=(const DeliveryCounts& other);
};

// Used by one thread. All times are of one steady clock, but for `wall_ns`, which is Unix time.
class Delivery {
 public:
  static constexpr int64_t kNever = INT64_MAX;

  // `store` may be null; it must outlive the object.
  Delivery(const DeliverySettings& settings, PayloadStore* store, int64_t now_ns);

  // The payloads of a window, or the state of a run, which replaces the one that waits.
  void Offer(std::vector<Payload> window, int64_t now_ns);

  // So many payloads were lost before they could be offered.
  void Skip(uint64_t payloads) { offered_ += payloads; }

  // When TryNext has something to send, at the earliest; kNever if only Offer can change that.
  int64_t NextNs() const;

  struct Attempt {
    const Payload* payload;  // valid until Observe
    int64_t timeout_ns;
  };
  // What to send now. Observe must follow before the next call of anything.
  std::optional<Attempt> TryNext(int64_t now_ns, int64_t wall_ns);
  void Observe(const SendOutcome& outcome, int64_t now_ns);

  // A caller waits: what waits for its moment is due, and a backoff that the receiver did not ask
  // for is cut short, once a second at most.
  void Hurry(int64_t now_ns);
  // The end: nothing will be offered any more. What is left is sent until `deadline_ns`, as long as
  // the sink says yes; a sink that has not answered yet, or failed last time, gets one attempt of
  // kExitAttemptNs at most. When done() holds, everything was sent, stored or lost.
  void Finish(int64_t now_ns, int64_t deadline_ns);
  bool done() const { return finishing_ && fresh_.empty() && backlog_.empty() && !current_; }
  static constexpr int64_t kExitAttemptNs = 200'000'000;

  // The sink has answered, and did not fail last time.
  bool works() const { return answered_ && failures_in_a_row_ == 0; }

  // Payloads offered so far, and how many of the first ones among them are settled: sent, lost or
  // in the store.
  uint64_t offered() const { return offered_; }
  uint64_t settled() const;

  size_t queue_bytes() const { return queue_bytes_; }
  const DeliveryCounts& counts() const { return counts_; }
  // Why something was lost or spooled since the last call, in words for the log; mostly empty.
  std::vector<std::string> TakeNotes() { return std::exchange(notes_, {}); }

 private:
  struct Item {
    Payload payload;
    uint64_t ordinal = 0;  // from 1; 0: from the store
    int64_t due_ns = 0;
    uint32_t attempts = 0;
  };

  bool IsWaiting(int64_t now_ns) const { return now_ns < resume_ns_; }
  int64_t BackoffBoundNs() const;
  int64_t Random(int64_t below);
  int64_t BacklogGapNs();
  int64_t TimeoutNs(int64_t now_ns) const;
  void Demote(Item item);
  void MakeRoom();
  void DemoteDue(int64_t now_ns);
  bool TakeBacklog(int64_t wall_ns);
  bool TakeFromMemory(bool newest, int64_t wall_ns);
  void Suspect(const Payload& payload);
  bool PrefersNewest();
  bool TooOld(const Payload& payload, int64_t wall_ns) const;
  std::optional<Attempt> Start(Item item, int64_t now_ns);
  std::optional<Attempt> TryLast(int64_t now_ns);
  void BackOff(const SendOutcome& outcome, int64_t now_ns);
  void GiveUp();
  void NoteStore();

  const DeliverySettings settings_;
  PayloadStore* const store_;
  uint64_t chance_;
  std::deque<Item> fresh_;    // by due_ns
  std::deque<Item> backlog_;  // oldest first; in memory because there is no store, or it refused
  std::optional<Item> current_;
  bool from_store_ = false;  // current_ is claimed in the store
  size_t queue_bytes_ = 0;   // of fresh_ and backlog_
  size_t window_payloads_ = 1;
  uint64_t offered_ = 0;
  int64_t resume_ns_ = 0;        // the sink is left alone until then
  bool resume_is_wish_ = false;  // the receiver's
  uint32_t failures_in_a_row_ = 0;
  bool answered_ = false;                                 // it has said yes or no once
  std::optional<std::pair<PayloadId, int64_t>> suspect_;  // what failed last
  bool is_suspicious_ = false;                            // again, and others were taken in between
  bool others_delivered_ = false;                         // since
  uint32_t backlog_turns_ = 0;
  int64_t last_attempt_ns_ = 0;
  int64_t next_backlog_ns_ = 0;
  uint64_t hurry_ordinal_ = 0;  // somebody waits for what was offered up to it
  bool finishing_ = false;
  int64_t deadline_ns_ = 0;
  int attempts_at_end_ = 0;
  uint64_t store_dropped_ = 0;
  DeliveryCounts counts_;
  std::vector<std::string> notes_;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_DELIVERY_H_
