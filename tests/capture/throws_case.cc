// SPDX-License-Identifier: Apache-2.0
// T6: four threads that throw all the time, with and without podo.
#include <memory>
#include <stdexcept>
#include <string>

#include "stage.h"

namespace {

struct Guard {  // a landing pad on the way
  explicit Guard(uint64_t* to) : count(to) {}
  ~Guard() { ++*count; }
  uint64_t* count;
};

[[gnu::noinline]] void Throw(int depth, uint64_t* count) {
  const Guard guard(count);
  if (depth == 0) throw std::runtime_error(std::to_string(*count));
  Throw(depth - 1, count);
}

void ThrowAndCatch() {
  uint64_t unwound = 0;
  try {
    Throw(10, &unwound);
  } catch (const std::exception&) {
  }
  if (unwound != 11) {
    stage::Say("unwound %llu frames, not 11", static_cast<unsigned long long>(unwound));
    std::abort();
  }
}

// Throws a CPU-second of this process, over `ms`.
uint64_t Measure(const std::vector<std::unique_ptr<stage::Worker>>& workers, int64_t ms) {
  const auto rounds = [&] {
    uint64_t sum = 0;
    for (const auto& worker : workers) sum += worker->rounds();
    return sum;
  };
  const uint64_t before = rounds();
  const int64_t cpu_ms = stage::ClockMs(CLOCK_PROCESS_CPUTIME_ID);
  stage::SleepMs(ms);
  const int64_t used_ms = stage::ClockMs(CLOCK_PROCESS_CPUTIME_ID) - cpu_ms;
  return (rounds() - before) * 1000 / static_cast<uint64_t>(used_ms > 0 ? used_ms : 1);
}

// Pairs of measurements, podo off and on in turn, in one process.
void OnAndOff(uint64_t pairs) {
  std::vector<std::unique_ptr<stage::Worker>> workers;
  for (int i = 0; i < 4; ++i) workers.push_back(std::make_unique<stage::Worker>(ThrowAndCatch));
  stage::Start();
  stage::AwaitTables();
  stage::SleepMs(300);
  podo::Stop(std::chrono::seconds(10));
  for (uint64_t i = 0; i < pairs; ++i) {
    const uint64_t off = Measure(workers, 400);
    stage::Start();
    stage::AwaitTables();
    stage::SleepMs(200);  // tables and symbols are not what is measured
    const uint64_t on = Measure(workers, 400);
    stage::Say("pair %llu %llu", static_cast<unsigned long long>(off),
               static_cast<unsigned long long>(on));
    podo::Stop(std::chrono::seconds(10));
  }
}

// Each throwing thread is hit as fast as signals can be sent.
void Storm(uint64_t seconds) {
  stage::Start();
  stage::AwaitTables();
  std::vector<std::unique_ptr<stage::Worker>> workers;
  std::vector<pid_t> tids;
  for (int i = 0; i < 4; ++i) {
    workers.push_back(std::make_unique<stage::Worker>(ThrowAndCatch));
    tids.push_back(workers.back()->tid());
  }
  {
    const stage::Storm storm(tids);
    stage::SleepMs(static_cast<int64_t>(seconds) * 1000);
  }
  uint64_t least = ~uint64_t{0};
  for (const auto& worker : workers) least = std::min(least, worker->rounds());
  stage::Fact("least_rounds", least);
  stage::Fact("taken", stage::Taken());
}

constexpr stage::Scenario kScenarios[] = {{"on-and-off", OnAndOff}, {"storm", Storm}};

}  // namespace

int main(int argc, char** argv) { return stage::Main(kScenarios, argc, argv); }
