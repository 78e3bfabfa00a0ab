// SPDX-License-Identifier: Apache-2.0
#include "overhead_budget.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace podo {
namespace {

using Level = OverheadBudget::Level;
constexpr double kSecond = 1e9;

// A process with podo in it, second by second. Costs in seconds.
struct Plant {
  double share = 0.01;
  uint32_t max_frames = 256;
  double hz = 100;
  double tick_cost = 7e-6;                                     // of one, however deep
  double frame_cost = 0;                                       // of a frame more
  double frames = 30;                                          // of its stacks
  double threads_per_tick = 5e-6;                              // drain, symbols, exports
  double threads_per_second = 0.0005;                          // what they cost with no tick at all
  std::function<double(int)> burst = [](int) { return 0.0; };  // of the threads, in this second
  std::function<double(int)> cores = [](int) { return 1.0; };  // the process' own use
};

struct Run {
  std::vector<Level> levels;         // one a second
  std::vector<double> own, process;  // seconds of CPU in each second
  uint64_t lowered = 0, pauses = 0;
  uint32_t changes = 0;
  double overhead = 0;

  // The largest that own CPU of any ten minutes was beyond what it may be.
  double WorstExcess(double share) const {
    std::vector<double> own_sum{0}, process_sum{0};
    for (size_t i = 0; i < own.size(); ++i) {
      own_sum.push_back(own_sum.back() + own[i]);
      process_sum.push_back(process_sum.back() + process[i]);
    }
    double worst = -1e9;
    for (size_t end = 1; end < own_sum.size(); ++end) {
      const size_t begin = end > 600 ? end - 600 : 0;
      const double allowed = share * std::max(600.0, process_sum[end] - process_sum[begin]);
      worst = std::max(worst, own_sum[end] - own_sum[begin] - allowed);
    }
    return worst;
  }
  uint32_t LargestFactor() const {
    uint32_t largest = 0;
    for (const Level& level : levels) largest = std::max(largest, level.factor_log2);
    return largest;
  }
};

Run Simulate(const Plant& plant, int seconds) {
  OverheadBudget budget({plant.share, 600'000'000'000, plant.max_frames}, {});
  Run run;
  double ticks = 0, threads = 0, process = 0;
  for (int t = 0; t < seconds; ++t) {
    const Level level = budget.level();
    const double cores = plant.cores(t);
    const double count = level.paused ? 0 : plant.hz * cores / (1 << level.factor_log2);
    const double frames = std::min<double>(plant.frames, level.max_frames);
    const double of_ticks = count * (plant.tick_cost + frames * plant.frame_cost);
    const double of_threads =
        count * plant.threads_per_tick + plant.threads_per_second + plant.burst(t);
    ticks += of_ticks;
    threads += of_threads;
    process += cores + of_threads;
    run.own.push_back(of_ticks + of_threads);
    run.process.push_back(cores + of_threads);
    run.changes += budget.Observe(
        {static_cast<int64_t>((t + 1) * kSecond), static_cast<int64_t>(ticks * kSecond),
         static_cast<int64_t>(threads * kSecond), static_cast<int64_t>(process * kSecond)});
    run.levels.push_back(budget.level());
  }
  run.lowered = budget.lowered();
  run.pauses = budget.pauses();
  run.overhead = budget.overhead();
  return run;
}

double MostInOneStep(const Run& run) { return *std::max_element(run.own.begin(), run.own.end()); }

constexpr int kHour = 3600;

TEST_CASE("a normal program within the default budget is sampled as asked for, whatever its size") {
  struct Case {
    const char* what;
    std::function<double(int)> cores;
  };
  for (const Case& c :
       {Case{"idle", [](int) { return 0.0; }}, Case{"one core", [](int) { return 1.0; }},
        Case{"64 cores", [](int) { return 64.0; }},
        Case{"on and off", [](int t) { return t / 60 % 2 == 0 ? 16.0 : 0.0; }}}) {
    CAPTURE(std::string(c.what));
    Plant plant;
    plant.cores = c.cores;
    const Run run = Simulate(plant, kHour);
    CHECK(run.changes == 0);
    CHECK(run.lowered == 0);
    CHECK(run.levels.back() == Level{0, 256, false});
  }
}

TEST_CASE("symbols of a large binary at the start, and exports all the time, change nothing") {
  Plant plant;
  plant.burst = [](int t) { return t < 8 ? 0.3 : t % 10 == 0 ? 0.02 : 0.0; };
  CHECK(Simulate(plant, kHour).changes == 0);
}

TEST_CASE("no limit: nothing changes, whatever it costs") {
  Plant plant;
  plant.share = 0;
  plant.tick_cost = 0.01;
  const Run run = Simulate(plant, kHour);
  CHECK(run.changes == 0);
  CHECK(run.overhead == 0);
}

TEST_CASE(
    "ticks that cost ten times the budget are made fewer, as few as needed, and never too late") {
  Plant plant;
  plant.tick_cost = 0.001;
  const Run run = Simulate(plant, 3 * kHour);
  CHECK(run.pauses == 0);
  CHECK(run.levels.back() == Level{4, 256, false});
  CHECK(run.WorstExcess(0.01) <= 0);
  CHECK(run.changes <=
        8);  // too far until the first minute is forgotten; no attempt to go back that would fail
}

TEST_CASE("deep stacks are cut only when the lowest rate is too much still") {
  Plant plant;
  plant.frame_cost = 0.000'025;
  plant.frames = 10'000;
  const Run run = Simulate(plant, 3 * kHour);
  CHECK(run.pauses == 0);
  CHECK(run.LargestFactor() == OverheadBudget::kMaxFactorLog2);
  CHECK(run.levels.back() == Level{6, 128, false});  // 640 ms a second / 64 / 2
  for (const Level& level : run.levels) {
    if (level.max_frames < 256) CHECK(level.factor_log2 == OverheadBudget::kMaxFactorLog2);
  }
  CHECK(run.WorstExcess(0.01) <= 0);
}

TEST_CASE(
    "what no rate can pay for is paused, and tried again, never above the budget by more than a "
    "step") {
  Plant plant;
  plant.share = 0.0001;
  plant.tick_cost = 0.001;
  const Run run = Simulate(plant, 3 * kHour);
  CHECK(run.pauses >= 1);
  CHECK(run.pauses <= 60);
  CHECK(std::any_of(run.levels.begin(), run.levels.end(), [](const Level& l) { return l.paused; }));
  plant.threads_per_second = 0;
  const Run without = Simulate(plant, 3 * kHour);
  CHECK(without.WorstExcess(plant.share) <= MostInOneStep(without));
  CHECK_FALSE(std::all_of(without.levels.begin() + kHour, without.levels.end(),
                          [](const Level& l) { return l.paused; }));
}

TEST_CASE("when the load ends the rate comes back, step by step, to what was asked for") {
  Plant plant;
  plant.tick_cost = 0.001;
  plant.cores = [](int t) { return t < 1200 ? 1.0 : 0.02; };
  const Run run = Simulate(plant, kHour + 1200);
  CHECK(run.LargestFactor() >= 3);
  CHECK(run.levels.back() == Level{0, 256, false});
  for (size_t i = 1; i < run.levels.size(); ++i) {
    const int step = static_cast<int>(run.levels[i - 1].factor_log2) -
                     static_cast<int>(run.levels[i].factor_log2);
    CHECK(step <= 1);
  }
}

TEST_CASE("a load that comes and goes does not make the level flap") {
  Plant plant;
  plant.tick_cost = 0.001;
  plant.cores = [](int t) { return t / 30 % 2 == 0 ? 1.0 : 0.05; };
  const Run run = Simulate(plant, 6 * kHour);
  CHECK(run.changes <= 6 * 12);  // one in five minutes
  CHECK(run.WorstExcess(0.01) <= 0);
}

TEST_CASE("a call before the next step is due does nothing, and a late one sees all of the time") {
  OverheadBudget budget({0.01, 600'000'000'000, 256}, {});
  CHECK(!budget.Observe({500'000'000, 5'900'000'000, 0, 6'000'000'000}));
  CHECK(budget.level() == Level{0, 256, false});
  CHECK(budget.Observe({60'000'000'000, 5'900'000'000, 0, 6'000'000'000}));
  CHECK(budget.level().paused);
  CHECK(budget.overhead() == doctest::Approx(5.9 / 600));
  budget.Observe({int64_t{3'600'000'000'000} * 24 * 365, 5'900'000'000, 0, 6'000'000'000});
  CHECK(budget.overhead() == doctest::Approx(0));
}

TEST_CASE("the ladder goes down by halves to the floor, and never above what was asked for") {
  for (const uint32_t asked : {8u, 32u, 33u, 64u, 100u, 256u, 1024u}) {
    CAPTURE(asked);
    Plant plant;
    plant.share = 0.00001;
    plant.max_frames = asked;
    plant.tick_cost = 0;
    plant.frame_cost = 0.000'001;
    plant.frames = 10'000;
    plant.threads_per_tick = plant.threads_per_second = 0;
    for (const Level& level : Simulate(plant, kHour).levels) {
      CHECK(level.max_frames <= asked);
      CHECK(level.max_frames >= std::min(asked, OverheadBudget::kLeastFrames));
    }
  }
}

TEST_CASE(
    "property: over any ten minutes of any plant podo is above its budget by one step at most") {
  std::mt19937_64 random(20240607);
  const auto between = [&](double low, double high) {
    return std::exp(std::uniform_real_distribution<double>(std::log(low), std::log(high))(random));
  };
  int lowered = 0, paused = 0, back = 0;
  for (int i = 0; i < 400; ++i) {
    CAPTURE(i);
    Plant plant;
    plant.share = between(0.0005, 0.05);
    plant.hz = between(10, 1000);
    plant.tick_cost = between(1e-6, 2e-3);
    plant.frame_cost = between(1e-9, 1e-5);
    plant.frames = between(5, 10'000);
    plant.threads_per_tick = between(1e-7, 1e-4);
    plant.threads_per_second = between(1e-6, plant.share / 20);
    // Less than the budget leaves when nothing is sampled: nobody can put off a burst.
    const double burst = between(1e-4, plant.share * 600 / 4);
    const int burst_seconds = static_cast<int>(between(1, 60));
    plant.burst = [=](int t) { return t < burst_seconds ? burst / burst_seconds : 0; };
    const double high = between(0.1, 64), low = between(0.001, 1);
    const int phase = static_cast<int>(between(20, 3000));
    plant.cores = [=](int t) { return t / phase % 2 == 0 ? high : std::min(low, high); };
    const Run run = Simulate(plant, 2 * kHour);
    CHECK(run.WorstExcess(plant.share) <= MostInOneStep(run) + 1e-6);
    lowered += run.lowered > 0;
    paused += run.pauses > 0;
    back += run.lowered > 0 && run.levels.back().factor_log2 < run.LargestFactor();
  }
  // The plants are of all kinds.
  CHECK(lowered > 100);
  CHECK(lowered < 350);
  CHECK(paused > 20);
  CHECK(back > 20);
}

}  // namespace
}  // namespace podo
