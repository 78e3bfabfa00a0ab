// SPDX-License-Identifier: Apache-2.0
#include "export/delivery.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "listed_store.h"

namespace podo::exporting {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kInterval = 10 * kSecond;

SendOutcome Answer(SendVerdict verdict) {
  SendOutcome outcome;
  outcome.verdict = verdict;
  outcome.reason = "words";
  return outcome;
}
const SendOutcome kYes = Answer(SendVerdict::kDelivered);
const SendOutcome kLater = Answer(SendVerdict::kRetry);
const SendOutcome kNo = Answer(SendVerdict::kRefused);

SendOutcome LaterIn(int64_t wish_ns) {
  SendOutcome outcome = kLater;
  outcome.retry_after_ns = wish_ns;
  return outcome;
}

Payload Window(uint64_t seq, size_t bytes = 100) {
  Payload payload;
  payload.window_seq = seq;
  payload.start_ns = static_cast<int64_t>(seq) * kInterval;
  payload.bytes = std::make_shared<const std::string>(bytes, 'x');
  return payload;
}

DeliverySettings Remote() {
  DeliverySettings settings;
  settings.manners = {.retries = true, .is_remote = true, .max_age_ns = 0};
  return settings;
}

// A delivery, and a clock that stands still unless told.
struct Bench {
  explicit Bench(const DeliverySettings& settings = Remote(), PayloadStore* store = nullptr)
      : delivery(settings, store, 0) {}

  void Offer(uint64_t seq, size_t bytes = 100) { delivery.Offer({Window(seq, bytes)}, now_ns); }
  // The number of the window that is sent now, or -1; `outcome` is what becomes of it.
  int64_t Send(const SendOutcome& outcome) {
    const auto attempt = delivery.TryNext(now_ns, now_ns);
    if (!attempt) return -1;
    const auto seq = static_cast<int64_t>(attempt->payload->window_seq);
    timeout_ns = attempt->timeout_ns;
    delivery.Observe(outcome, now_ns);
    return seq;
  }
  // The same at the next moment there is something to do, which is at most `within_ns` away.
  int64_t SendNext(const SendOutcome& outcome, int64_t within_ns = Delivery::kNever) {
    for (const int64_t end_ns = within_ns == Delivery::kNever ? within_ns : now_ns + within_ns;;) {
      const int64_t next_ns = delivery.NextNs();
      if (next_ns == Delivery::kNever || next_ns > end_ns) return -1;
      now_ns = std::max(now_ns, next_ns);
      if (const int64_t seq = Send(outcome); seq >= 0) return seq;
    }
  }

  int64_t now_ns = 0;
  int64_t timeout_ns = 0;
  Delivery delivery;
};

TEST_CASE("a fresh window goes out at the instance's own moment, with the usual timeout") {
  DeliverySettings settings = Remote();
  settings.spread_ns = 3 * kSecond;
  Bench bench(settings);
  CHECK(bench.delivery.NextNs() == Delivery::kNever);
  bench.Offer(0);
  CHECK(bench.Send(kYes) == -1);
  CHECK(bench.delivery.NextNs() == 3 * kSecond);
  bench.now_ns = 3 * kSecond;
  CHECK(bench.Send(kYes) == 0);
  CHECK(bench.timeout_ns == settings.attempt_ns);
  CHECK(bench.delivery.counts().sent == 1);
  CHECK(bench.delivery.counts().bytes_sent == 100);
  CHECK(bench.delivery.NextNs() == Delivery::kNever);
}

TEST_CASE("a sink on this machine gets its window at once, and no second attempt") {
  DeliverySettings settings;
  settings.spread_ns = 3 * kSecond;
  Bench bench(settings);
  bench.Offer(0);
  CHECK(bench.Send(kLater) == 0);
  CHECK(bench.delivery.counts().lost_refused == 1);
  bench.Offer(1);
  CHECK(bench.Send(kYes) == 1);
  CHECK(bench.delivery.settled() == 2);
}

TEST_CASE("waits after failures are random below half a window, doubled up to two minutes") {
  int64_t longest_ns[12] = {};
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    DeliverySettings settings = Remote();
    settings.seed = seed * 0x1234567;
    Bench bench(settings);
    bench.Offer(0);
    CHECK(bench.Send(kLater) == 0);
    for (int64_t& longest : longest_ns) {
      const int64_t wait_ns = bench.delivery.NextNs() - bench.now_ns;
      REQUIRE(wait_ns > 0);
      longest = std::max(longest, wait_ns);
      CHECK(bench.Send(kLater) == -1);  // not a moment earlier
      REQUIRE(bench.SendNext(kLater) == 0);
    }
  }
  int64_t bound_ns = kInterval / 2;
  for (const int64_t longest : longest_ns) {
    CAPTURE(bound_ns);
    CHECK(longest <= bound_ns);
    CHECK(longest > bound_ns * 9 / 10);  // of 400 draws: missed once in 10^18
    bound_ns = std::min(2 * bound_ns, 120 * kSecond);
  }
}

TEST_CASE("every attempt sends the very same bytes, until the yes") {
  Bench bench;
  bench.Offer(7);
  const void* first = nullptr;
  for (int i = 0; i < 5; ++i) {
    bench.now_ns = std::max(bench.now_ns, bench.delivery.NextNs());
    const auto attempt = bench.delivery.TryNext(bench.now_ns, 0);
    REQUIRE(attempt);
    if (first == nullptr) first = attempt->payload->bytes.get();
    CHECK(attempt->payload->bytes.get() == first);
    bench.delivery.Observe(i < 4 ? kLater : kYes, bench.now_ns);
  }
  CHECK(bench.SendNext(kYes) == -1);
  CHECK(bench.delivery.counts().retries == 4);
  CHECK(bench.delivery.counts().failures == 4);
  CHECK(bench.delivery.counts().sent == 1);
}

TEST_CASE("a receiver that names a time is not asked before, and not by everybody at once") {
  std::vector<int64_t> waits_ns;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    DeliverySettings settings = Remote();
    settings.seed = seed;
    Bench bench(settings);
    bench.Offer(0);
    bench.Send(LaterIn(30 * kSecond));
    waits_ns.push_back(bench.delivery.NextNs());
    CHECK(waits_ns.back() > 30 * kSecond);
    CHECK(waits_ns.back() <= 35 * kSecond);
  }
  std::sort(waits_ns.begin(), waits_ns.end());
  CHECK(waits_ns.back() - waits_ns.front() > kSecond / 2);
}

TEST_CASE("a no is final for its window, and a wrong set-up is not asked about in a hurry") {
  for (const bool is_setup : {false, true}) {
    CAPTURE(is_setup);
    SendOutcome no = kNo;
    no.is_setup = is_setup;
    Bench bench;
    bench.Offer(0);
    bench.Offer(1);
    CHECK(bench.Send(no) == 0);
    CHECK(bench.Send(kYes) == (is_setup ? -1 : 1));
    if (is_setup) CHECK(bench.SendNext(kYes) == 1);
    CHECK(bench.SendNext(kYes) == -1);
    CHECK(bench.delivery.counts().lost_refused == 1);
    CHECK(bench.delivery.counts().sent == 1);
  }
}

TEST_CASE("what a partial success rejected is lost, and the rest is not sent again") {
  Bench bench;
  Payload payload = Window(0);
  payload.samples = 10;
  bench.delivery.Offer({payload}, 0);
  payload.window_seq = 1;
  bench.delivery.Offer({payload}, 0);
  SendOutcome partial = Answer(SendVerdict::kPartial);
  partial.rejected = 3;
  CHECK(bench.Send(partial) == 0);
  CHECK(bench.delivery.counts().lost_refused == 3);
  partial.rejected = INT64_MAX;  // no receiver's word counts for more than there was
  CHECK(bench.Send(partial) == 1);
  CHECK(bench.SendNext(kYes) == -1);
  CHECK(bench.delivery.counts().sent == 2);
  CHECK(bench.delivery.counts().lost_refused == 13);
}

TEST_CASE("memory for what waits is bounded: the oldest is lost, and said") {
  DeliverySettings settings = Remote();
  settings.queue_bytes = 1000;
  Bench bench(settings);
  bench.Offer(0);
  bench.Send(LaterIn(3600 * kSecond));
  for (uint64_t seq = 1; seq < 30; ++seq) {
    bench.Offer(seq);
    bench.SendNext(kYes, kInterval);
    CHECK(bench.delivery.queue_bytes() <= 1000);
  }
  CHECK(bench.delivery.counts().lost_queue_full == 20);
  CHECK(!bench.delivery.TakeNotes().empty());
  CHECK(bench.SendNext(kYes) == 20);
}

TEST_CASE("one window that is larger than the queue is kept") {
  DeliverySettings settings = Remote();
  settings.queue_bytes = 1000;
  Bench bench(settings);
  bench.Offer(0, 5000);
  CHECK(bench.Send(kLater) == 0);
  CHECK(bench.SendNext(kYes) == 0);
}

TEST_CASE("with a store a failed window is safe there at once, and so are those that follow") {
  ListedStore store;
  Bench bench(Remote(), &store);
  bench.Offer(0);
  CHECK(bench.Send(LaterIn(60 * kSecond)) == 0);
  CHECK(store.count() == 1);
  for (uint64_t seq = 1; seq < 5; ++seq) {
    bench.now_ns = static_cast<int64_t>(seq) * kInterval;
    bench.Offer(seq);
    CHECK(store.count() == seq + 1);
  }
  CHECK(bench.delivery.queue_bytes() == 0);
  CHECK(bench.delivery.settled() == 5);
  for (int64_t seq = 0; seq < 5; ++seq) CHECK(bench.SendNext(kYes, 100 * kSecond) == seq);
  CHECK(store.count() == 0);
  CHECK(bench.delivery.counts().spooled == 5);
}

TEST_CASE("a store that refuses leaves the window in memory, and is said") {
  ListedStore store;
  store.broken = true;
  Bench bench(Remote(), &store);
  bench.Offer(0);
  CHECK(bench.Send(kLater) == 0);
  CHECK(bench.delivery.TakeNotes() == std::vector<std::string>{"the disk is broken"});
  CHECK(bench.delivery.settled() == 0);
  CHECK(bench.SendNext(kYes) == 0);
  CHECK(bench.delivery.settled() == 1);
}

TEST_CASE("what a store drops to make room is counted as lost") {
  ListedStore store(3);
  Bench bench(Remote(), &store);
  bench.Offer(0);
  bench.Send(LaterIn(3600 * kSecond));
  for (uint64_t seq = 1; seq < 10; ++seq) bench.Offer(seq);
  CHECK(bench.delivery.counts().spooled == 10);
  CHECK(bench.delivery.counts().lost_spool_full == 7);
}

TEST_CASE("after an outage the backlog goes out oldest first, one an interval beside the fresh") {
  for (const bool with_store : {false, true}) {
    CAPTURE(with_store);
    ListedStore store;
    Bench bench(Remote(), with_store ? &store : nullptr);
    constexpr uint64_t kMissed = 40;
    bench.Offer(0);
    bench.Send(LaterIn(kMissed * kInterval));
    for (uint64_t seq = 1; seq < kMissed; ++seq) {
      bench.now_ns = static_cast<int64_t>(seq) * kInterval;
      bench.Offer(seq);
      CHECK(bench.SendNext(kYes, 0) == -1);
    }
    CHECK(bench.SendNext(kYes) == 0);
    std::vector<int64_t> late, fresh;
    uint64_t seq = kMissed;
    const int64_t begin_ns = bench.now_ns;
    while (late.size() < kMissed - 1) {
      bench.Offer(seq++);
      const int64_t end_ns = bench.now_ns + kInterval;
      while (true) {
        const int64_t sent = bench.SendNext(kYes, end_ns - bench.now_ns);
        if (sent < 0) break;
        (sent < static_cast<int64_t>(kMissed) ? late : fresh).push_back(sent);
      }
      bench.now_ns = end_ns;
    }
    const int64_t intervals = (bench.now_ns - begin_ns) / kInterval;
    CHECK(intervals >= 34);  // 39 gaps of half to one and a half intervals
    CHECK(intervals <= 44);
    CHECK(fresh.size() == seq - kMissed);
    CHECK(std::is_sorted(late.begin(), late.end()));
    CHECK(std::is_sorted(fresh.begin(), fresh.end()));
  }
}

TEST_CASE("what an earlier process left in the store is sent, later than the first window") {
  ListedStore store;
  for (uint64_t seq = 0; seq < 3; ++seq) CHECK(store.Put(Window(seq)).ok());
  DeliverySettings settings = Remote();
  settings.spread_ns = 4 * kSecond;
  Bench bench(settings, &store);
  CHECK(bench.delivery.NextNs() >= 4 * kSecond);
  for (int64_t seq = 0; seq < 3; ++seq) CHECK(bench.SendNext(kYes) == seq);
  CHECK(store.count() == 0);
}

TEST_CASE("what a receiver takes no more for its age is not sent, and counted") {
  for (const bool with_store : {false, true}) {
    ListedStore store;
    DeliverySettings settings = Remote();
    settings.manners.max_age_ns = 95 * kSecond;
    Bench bench(settings, with_store ? &store : nullptr);
    for (uint64_t seq = 0; seq < 20; ++seq) {  // 0, 10, 20 ... seconds
      bench.now_ns = static_cast<int64_t>(seq) * kInterval;
      bench.Offer(seq);
      if (seq == 0) bench.Send(LaterIn(200 * kSecond));
    }
    const int64_t first = bench.SendNext(kYes, 100 * kSecond);
    CHECK(first == 11);  // begun at 110, sent between 200 and 205
    CHECK(bench.delivery.counts().lost_too_old == 11);
  }
}

TEST_CASE("a state of a run replaces the one that waits, and only the last can be lost") {
  DeliverySettings settings;
  settings.scope = PayloadScope::kRun;
  Bench bench(settings);
  bench.Offer(0);
  bench.Offer(1);
  CHECK(bench.Send(kNo) == 1);
  CHECK(bench.Send(kYes) == -1);
  CHECK(bench.delivery.counts().lost_refused == 0);
  CHECK(bench.delivery.counts().failures == 1);
  Payload last = Window(2);
  last.is_last = true;
  bench.delivery.Offer({last}, 0);
  CHECK(bench.Send(kNo) == 2);
  CHECK(bench.delivery.counts().lost_refused == 1);
}

TEST_CASE("a caller in a hurry waits for no moment, but for a receiver that named a time") {
  DeliverySettings settings = Remote();
  settings.spread_ns = 5 * kSecond;
  Bench bench(settings);
  bench.Offer(0);
  bench.delivery.Hurry(0);
  CHECK(bench.Send(kLater) == 0);
  bench.now_ns = kSecond / 2;
  bench.delivery.Hurry(bench.now_ns);  // too soon: at most once a second
  bench.now_ns = 2 * kSecond;
  bench.delivery.Hurry(bench.now_ns);
  CHECK(bench.Send(LaterIn(60 * kSecond)) == 0);
  bench.now_ns = 10 * kSecond;
  bench.delivery.Hurry(bench.now_ns);
  CHECK(bench.Send(kYes) == -1);
  CHECK(bench.delivery.settled() == 0);
}

TEST_CASE("a hurry takes along all that waits in memory") {
  Bench bench;
  for (uint64_t seq = 0; seq < 4; ++seq) bench.Offer(seq);
  CHECK(bench.Send(kLater) == 0);
  bench.now_ns += 2 * kSecond;
  CHECK(bench.SendNext(kYes, kInterval) == 0);  // the backlog, before those that are due
  for (int64_t seq = 1; seq < 4; ++seq) CHECK(bench.SendNext(kYes, kInterval) == seq);
  CHECK(bench.delivery.settled() == 4);
}

struct End {
  const char* what;
  bool answered;       // it said yes before
  SendOutcome last;    // of the window before the end
  SendOutcome at_end;  // of what is sent at the end
  std::vector<int64_t> sent;
  int64_t timeout_ns;  // of the last attempt
  uint64_t lost;
};

TEST_CASE("the end: all at once while the sink says yes, else one short attempt") {
  const End kEnds[] = {
      {"works", true, kYes, kYes, {10, 11, 12}, 2 * kSecond, 0},
      {"never tried, works", false, kYes, kYes, {10, 11, 12}, 2 * kSecond, 0},
      {"never tried, hangs", false, kYes, kLater, {10}, Delivery::kExitAttemptNs, 3},
      {"failed last time, hangs", true, kLater, kLater, {9}, Delivery::kExitAttemptNs, 4},
      {"failed last time, works again", true, kLater, kYes, {9, 10, 11, 12}, 2 * kSecond, 0},
      {"asked to wait", true, LaterIn(60 * kSecond), kYes, {}, 0, 4},
      {"never tried, refuses", false, kYes, kNo, {10, 11, 12}, 2 * kSecond, 3},
      {"refuses", true, kYes, kNo, {10, 11, 12}, 2 * kSecond, 3},
  };
  for (const End& end : kEnds) {
    for (const bool with_store : {false, true}) {
      CAPTURE(end.what);
      CAPTURE(with_store);
      ListedStore store;
      DeliverySettings settings = Remote();
      settings.spread_ns = 9 * kSecond;
      Bench bench(settings, with_store ? &store : nullptr);
      uint64_t before = 0;
      if (end.answered) {
        bench.Offer(8);
        CHECK(bench.SendNext(kYes) == 8);
        bench.Offer(9);
        CHECK(bench.SendNext(end.last) == 9);
        before = end.last.verdict == SendVerdict::kDelivered ? 2 : 1;
      }
      for (uint64_t seq = 10; seq < 13; ++seq) bench.Offer(seq);
      bench.delivery.Finish(bench.now_ns, bench.now_ns + 2 * kSecond);
      std::vector<int64_t> sent;
      for (int i = 0; i < 10 && !bench.delivery.done(); ++i) {
        const int64_t seq = bench.Send(end.at_end);
        if (seq >= 0) sent.push_back(seq);
      }
      REQUIRE(bench.delivery.done());
      const DeliveryCounts& counts = bench.delivery.counts();
      const uint64_t refused = end.at_end.verdict == SendVerdict::kRefused ? end.lost : 0;
      if (!with_store || end.last.verdict == SendVerdict::kDelivered) {
        CHECK(sent == end.sent);
        if (!sent.empty()) CHECK(bench.timeout_ns == end.timeout_ns);
      }
      CHECK(counts.lost_refused == refused);
      if (with_store) {
        CHECK(counts.lost_at_exit == 0);
        CHECK(counts.sent + counts.lost_refused + store.count() == before + 3 + (before == 1));
      } else {
        CHECK(counts.lost_at_exit == end.lost - refused);
      }
      CHECK(bench.delivery.settled() == bench.delivery.offered());
    }
  }
}

TEST_CASE("the end is over at its deadline") {
  Bench bench;
  for (uint64_t seq = 0; seq < 3; ++seq) bench.Offer(seq);
  bench.delivery.Finish(0, kSecond);
  CHECK(bench.Send(kYes) == 0);
  bench.now_ns = 2 * kSecond;
  CHECK(bench.Send(kYes) == -1);
  CHECK(bench.delivery.done());
  CHECK(bench.delivery.counts().lost_at_exit == 2);
}

TEST_CASE("whatever the receiver answers, nothing is lost uncounted and no loop spins") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    ListedStore store(seed % 3 == 0 ? 5 : SIZE_MAX);
    DeliverySettings settings = Remote();
    settings.seed = seed;
    settings.spread_ns = static_cast<int64_t>(random() % kInterval);
    settings.queue_bytes = seed % 2 == 0 ? 500 : 5000;
    if (seed % 5 == 0) settings.manners.max_age_ns = 60 * kSecond;
    Bench bench(settings, seed % 4 < 2 ? &store : nullptr);
    uint64_t offered = 0;
    std::map<uint64_t, int> yes;
    const int mood = static_cast<int>(random() % 10);
    for (int64_t window = 0; window < 60; ++window) {
      const int64_t end_ns = (window + 1) * kInterval;
      for (int steps = 0;; ++steps) {
        REQUIRE(steps < 200);
        const int64_t next_ns = bench.delivery.NextNs();
        if (next_ns > end_ns) break;
        bench.now_ns = std::max(bench.now_ns, next_ns);
        const auto attempt = bench.delivery.TryNext(bench.now_ns, bench.now_ns);
        if (!attempt) continue;
        const int roll = static_cast<int>(random() % 10);
        SendOutcome outcome = roll < mood ? kYes : roll == 9 ? kNo : kLater;
        if (roll == 8 && outcome.verdict == SendVerdict::kRetry) outcome = LaterIn(25 * kSecond);
        if (outcome.verdict == SendVerdict::kDelivered) ++yes[attempt->payload->window_seq];
        bench.delivery.Observe(outcome, bench.now_ns);
        bench.now_ns += 1'000'000;  // no answer takes no time
      }
      bench.now_ns = end_ns;
      const size_t parts = 1 + random() % 3;
      std::vector<Payload> payloads;
      for (size_t i = 0; i < parts; ++i) {
        Payload payload = Window(offered++);
        payload.start_ns = end_ns;
        payloads.push_back(std::move(payload));
      }
      bench.delivery.Offer(std::move(payloads), bench.now_ns);
    }
    bench.delivery.Finish(bench.now_ns, bench.now_ns);
    while (!bench.delivery.done()) CHECK(bench.Send(kYes) == -1);
    const DeliveryCounts& counts = bench.delivery.counts();
    CHECK(counts.sent + counts.Lost() + store.count() == offered);
    CHECK(yes.size() == counts.sent);  // and none twice
    CHECK(bench.delivery.settled() == offered);
  }
}

// A receiver that breaks on window 0 and takes all others.
int64_t SendBreaking(Bench* bench) {
  const auto attempt = bench->delivery.TryNext(bench->now_ns, bench->now_ns);
  if (!attempt) return -1;
  const auto seq = static_cast<int64_t>(attempt->payload->window_seq);
  bench->delivery.Observe(seq == 0 ? kLater : kYes, bench->now_ns);
  return seq;
}

TEST_CASE("a payload that the receiver breaks on keeps no other one waiting, and stays") {
  ListedStore stored;
  for (PayloadStore* store :
       {static_cast<PayloadStore*>(nullptr), static_cast<PayloadStore*>(&stored)}) {
    CAPTURE(store == nullptr);
    Bench bench(Remote(), store);
    uint64_t seq = 0;
    for (int64_t second = 0; second < 3600; ++second) {
      bench.now_ns = second * kSecond;
      if (second % 10 == 0) bench.Offer(seq++);
      while (SendBreaking(&bench) >= 0) {
      }
    }
    CHECK(bench.delivery.counts().sent >= seq - 3);  // the last ones have their turn to come
    CHECK(bench.delivery.counts().Lost() == 0);
  }
}

TEST_CASE(
    "in an outage nothing is to blame: all is kept, and the oldest is sent first afterwards") {
  ListedStore store;
  Bench bench(Remote(), &store);
  for (uint64_t seq = 0; seq < 20; ++seq) {
    bench.Offer(seq);
    bench.SendNext(kLater, 10 * kSecond);
  }
  CHECK(bench.delivery.counts().Lost() == 0);
  int64_t sent = bench.SendNext(kYes);
  CHECK((sent == 0 || sent == 19));  // the newest found out that the sink works again
  for (int64_t seq = sent == 0 ? 1 : 0; seq < 10; ++seq) CHECK(bench.SendNext(kYes) == seq);
}

}  // namespace
}  // namespace podo::exporting
