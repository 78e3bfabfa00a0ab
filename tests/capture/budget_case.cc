// SPDX-License-Identifier: Apache-2.0
// PODO_MAX_OVERHEAD: what podo costs is made to be much, then nothing.
//
//   budget rate US    signals are dear and the rate falls; then they cost US microseconds
//   budget all        the rate falls, then the depth, then sampling is paused, and comes back
//   budget deep MS    stacks of 2,000 frames, as they are
// Prints what happened as facts.
#include "overhead_guard.h"
#include "stage.h"

namespace {

using stage::Fact;

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kLimitMs = 60'000;

void SetDelivery(int64_t ns) { podo::overhead_facts.delivery_ns = ns; }

// The comments of the assembler: no tail calls, and functions that are not one and the same.
[[gnu::noinline]] void early_work(int64_t ms) {
  stage::BurnMs(ms);
  __asm__ volatile("# early");
}
[[gnu::noinline]] void between_work(int64_t ms) {
  stage::BurnMs(ms);
  __asm__ volatile("# between");
}
[[gnu::noinline]] void late_work(int64_t ms) {
  stage::BurnMs(ms);
  __asm__ volatile("# late");
}
[[gnu::noinline]] void paused_work(int64_t ms) {
  stage::BurnMs(ms);
  __asm__ volatile("# paused");
}

[[gnu::noinline]] void deep_work(int depth, int64_t ms) {
  if (depth > 0) {
    deep_work(depth - 1, ms);
  } else {
    stage::BurnMs(ms);
  }
  __asm__ volatile("");  // no tail call
}

podo::Stats Stats() { return podo::GetStats(); }

// Works in slices until `done(stats)`; false if that takes too long.
template <typename Work, typename Done>
bool WorkUntil(Work work, Done done) {
  const int64_t end = stage::ClockMs() + kLimitMs;
  while (!done(Stats())) {
    if (stage::ClockMs() > end) return false;
    work(10);
  }
  return true;
}

// A small window, so that its end is near.
void Start() {
  podo::overhead_facts.window_ns = 8'000 * kMs;
  SetDelivery(0);
  stage::Start();
  stage::AwaitTables();
}

void LowerRate(int64_t early_ms) {
  early_work(early_ms);
  SetDelivery(40 * kMs);
  Fact("lowered",
       WorkUntil(between_work, [](const podo::Stats& s) { return s.rate_divisor != 1; }));
}

void Rate(int64_t late_us) {
  Start();
  LowerRate(1300);
  SetDelivery(late_us * 1000);
  late_work(2000);
  const podo::Stats stats = Stats();
  Fact("budget_pauses", stats.budget_pauses);
  Fact("hz_times_divisor", static_cast<uint64_t>(stats.sample_hz * stats.rate_divisor + 0.5));
}

void All() {
  Start();
  LowerRate(100);
  // Dearer and dearer: what the program gets of the machine is not known.
  double cost_ns = 40 * kMs;
  uint64_t least_frames = 256;
  const bool paused = WorkUntil(
      [&](int64_t ms) {
        SetDelivery(static_cast<int64_t>(cost_ns *= 1.05));
        between_work(ms);
        least_frames = std::min<uint64_t>(least_frames, stage::State().max_frames.load());
      },
      [](const podo::Stats& s) { return s.rate_divisor == 0; });
  Fact("paused", paused);
  Fact("least_frames", least_frames);
  // The pause as far as it is seen.
  const uint64_t before = Stats().ticks;
  const int64_t begin_ms = stage::ClockMs(CLOCK_PROCESS_CPUTIME_ID);
  int64_t end_ms = begin_ms;
  while (end_ms - begin_ms < 1000) {
    paused_work(10);
    if (Stats().rate_divisor != 0) break;
    end_ms = stage::ClockMs(CLOCK_PROCESS_CPUTIME_ID);
    Fact("ticks_in_pause", Stats().ticks - before);
  }
  Fact("paused_ms", static_cast<uint64_t>(end_ms - begin_ms));
  SetDelivery(0);
  Fact("recovered", stage::Await(
                        [] {
                          const podo::Stats s = Stats();
                          return s.rate_divisor == 1 && s.frames_in_force == 256;
                        },
                        2 * kLimitMs));
  const uint64_t then = Stats().ticks;
  late_work(500);
  Fact("ticks_after", Stats().ticks - then);
  Fact("budget_lowered", Stats().budget_lowered);
  Fact("budget_pauses", Stats().budget_pauses);
}

void Deep(int64_t ms) {
  stage::Start();
  stage::AwaitTables();
  deep_work(2000, ms);
  podo::Flush(std::chrono::seconds(20));  // the drain has looked since
  const podo::Stats before = Stats();
  deep_work(2000, 300);
  const podo::Stats after = Stats();
  Fact("divisor", after.rate_divisor);
  Fact("late_ticks", after.ticks - before.ticks);
  Fact("budget_lowered", after.budget_lowered);
  Fact("handler_ns", before.handler_cpu_ns);
  Fact("handler_ticks", before.ticks);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "rate" && argc > 2) Rate(std::atoll(argv[2]));
  if (what == "all") All();
  if (what == "deep" && argc > 2) Deep(std::atoll(argv[2]));
  return podo::Stop(std::chrono::seconds(20)).ok() ? 0 : 1;
}
