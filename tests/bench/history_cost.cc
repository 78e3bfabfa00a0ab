// SPDX-License-Identifier: Apache-2.0
// What the history costs: `history_cost HOURS TICKS FILE.pb.gz...` prints one JSON object.
// With DIRECTORY= in front, only writes the last hours of a service named "bench" there.
//
// The files are windows of one real program. Of their distinct stacks, windows of TICKS ticks are
// drawn, as often as the stacks were seen. As many ticks as the files show only once (which is how
// likely the next tick is a stack never seen before: Good-Turing) are new stacks, made by
// continuing one real stack as another goes on from a function that both have. A real service
// repeats itself more.
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/compress.h"
#include "base/hash_map.h"
#include "encode/pprof_encoder.h"
#include "encode/pprof_reader.h"
#include "history/history.h"
#include "model/merge.h"
#include "model/profile_builder.h"

namespace {

using podo::history::History;
using podo::model::LocationId;
using podo::model::Profile;
using podo::model::ProfileBuilder;

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kWindowNs = 10 * kSecondNs;
constexpr int64_t kBeginNs = 1'767'225'600 * kSecondNs;
constexpr std::string_view kDirectoryWord = "DIRECTORY=";
constexpr int kWindowsAnHour = 360;
constexpr uint64_t kHistoryBytes = uint64_t{16} << 20;

[[noreturn]] void Fail(std::string_view what) {
  std::fprintf(stderr, "history_cost: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

template <typename T>
T Need(podo::base::StatusOr<T> result) {
  if (!result.ok()) Fail(std::string(result.status().message()));
  return *std::move(result);
}

// Draws windows that look like the files'.
class Drawer {
 public:
  explicit Drawer(const std::vector<std::string>& files) {
    ProfileBuilder all({{"samples", "count"}, {"cpu", "nanoseconds"}});
    for (const std::string& bytes : files) {
      podo::model::MergeProfile(Need(podo::encode::ReadPprof(bytes)), &all,
                                podo::model::Links::kDrop);
    }
    real_ = all.Take();
    int64_t total = 0, once = 0;
    for (size_t i = 0; i < real_.samples.size(); ++i) {
      const int64_t count = real_.ValuesOf(i)[0];
      total += count;
      once += count == 1 ? 1 : 0;
      sums_.push_back(total);
      const auto& stack = StackOf(i);
      for (size_t at = 0; at < stack.size(); ++at) {
        through_[Index(stack[at])].push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(at)});
      }
    }
    if (total == 0) Fail("no samples");
    new_part_ = static_cast<double>(once) / static_cast<double>(total);
  }

  double new_part() const { return new_part_; }
  size_t stacks() const { return real_.samples.size(); }
  int64_t ticks() const { return sums_.back(); }

  Profile Window(int64_t number, int ticks, int64_t begin_ns = kBeginNs) {
    Profile p = real_;
    p.samples.clear();
    p.values.clear();
    p.period = 9'990'000 + static_cast<int64_t>(dice_() % 20'000);
    p.time_ns = begin_ns + number * kWindowNs;
    p.duration_ns = kWindowNs;
    std::vector<int64_t> counts(real_.samples.size());
    for (int i = 0; i < ticks; ++i) {
      const size_t drawn = Draw();
      if (static_cast<double>(dice_() % 1'000'000) >= new_part_ * 1e6) {
        ++counts[drawn];
        continue;
      }
      p.stacks.push_back({Continued(drawn)});
      podo::model::Sample sample = real_.samples[drawn];
      sample.stack = static_cast<podo::model::StackId>(p.stacks.size() - 1);
      Add(sample, 1, &p);
    }
    for (size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] > 0) Add(real_.samples[i], counts[i], &p);
    }
    return p;
  }

 private:
  struct Place {
    uint32_t sample, at;
  };
  const std::vector<LocationId>& StackOf(size_t sample) const {
    return real_.stacks[Index(real_.samples[sample].stack)].locations;
  }
  static void Add(const podo::model::Sample& sample, int64_t count, Profile* p) {
    p->samples.push_back(sample);
    p->values.insert(p->values.end(), {count, count * p->period});
  }
  size_t Draw() {
    const auto tick = static_cast<int64_t>(dice_() % static_cast<uint64_t>(sums_.back()));
    return std::upper_bound(sums_.begin(), sums_.end(), tick) - sums_.begin();
  }
  // New stacks of clang++ differ from known ones by eight frames, those of rocksdb by one.
  static constexpr size_t kNewFrames = 8;
  // Leaf first: what another stack calls from a frame of this one, then this one's callers.
  std::vector<LocationId> Continued(size_t sample) {
    const auto& callers = StackOf(sample);
    if (callers.empty()) return callers;
    const size_t at = dice_() % std::min(callers.size(), kNewFrames);
    const auto& places = through_[Index(callers[at])];
    Place place = places[dice_() % places.size()];
    for (int i = 0; i < 8 && place.at > kNewFrames; ++i) place = places[dice_() % places.size()];
    const auto& other = StackOf(place.sample);
    std::vector<LocationId> stack(other.begin(), other.begin() + place.at);
    stack.insert(stack.end(), callers.begin() + static_cast<ptrdiff_t>(at), callers.end());
    return stack;
  }

  Profile real_;
  std::vector<int64_t> sums_;
  podo::base::HashMap<uint32_t, std::vector<Place>> through_;
  double new_part_ = 0;
  std::mt19937_64 dice_{1};
};

// Wall time of the middle of five.
template <typename Body>
int64_t MedianNs(Body body) {
  std::vector<int64_t> times;
  for (int i = 0; i < 5; ++i) {
    const int64_t begin = podo::base::SteadyClockNs();
    body();
    times.push_back(podo::base::SteadyClockNs() - begin);
  }
  std::sort(times.begin(), times.end());
  return times[2];
}

void PrintQueries(const History& history, int64_t end_ns) {
  const auto ask = [&](int64_t from_ns, int64_t until_ns) {
    podo::history::Query query;
    query.from_ns = from_ns;
    query.until_ns = until_ns;
    return Need(history.Profile(query)).profile.samples.size();
  };
  const int64_t hour = 3600 * kSecondNs, day = 24 * hour;
  size_t samples = 0;
  const int64_t one_hour = MedianNs([&] { ask(end_ns - hour, end_ns); });
  const int64_t one_day = MedianNs([&] { samples = ask(end_ns - day, end_ns); });
  const int64_t two_hours = MedianNs([&] {
    ask(end_ns - hour, end_ns);
    ask(end_ns - day, end_ns - day + hour);
  });
  const int64_t two_days = MedianNs([&] {
    ask(end_ns - day / 2, end_ns);
    ask(end_ns - day, end_ns - day / 2);
  });
  podo::history::TimelineQuery timeline;
  timeline.query.from_ns = end_ns - day;
  timeline.by = "thread_name";
  const int64_t line = MedianNs([&] { Need(history.CpuTimeline(timeline)); });
  std::printf(
      "\"query_ns\": {\"1 h\": %lld, \"24 h\": %lld, \"diff of two hours\": %lld, \"diff over 24 "
      "h\": %lld, \"timeline 24 h\": %lld}, \"day_samples\": %zu,\n",
      static_cast<long long>(one_hour), static_cast<long long>(one_day),
      static_cast<long long>(two_hours), static_cast<long long>(two_days),
      static_cast<long long>(line), samples);
}

int64_t StatusKib(const char* field) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field)) return std::atoll(line.c_str() + std::string_view(field).size());
  }
  return 0;
}

std::string ReadFile(const char* path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) Fail(std::string("cannot read ") + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Adding {
  int64_t total_ns = 0, longest_ns = 0;
  void operator()(History* history, const Profile& window) {
    const int64_t begin = podo::base::ReadClockNs(CLOCK_THREAD_CPUTIME_ID);
    history->Add(window);
    const int64_t took = podo::base::ReadClockNs(CLOCK_THREAD_CPUTIME_ID) - begin;
    total_ns += took;
    longest_ns = std::max(longest_ns, took);
  }
};

void Write(std::string directory, Drawer* drawer, int windows, int ticks) {
  History history(
      {.max_bytes = kHistoryBytes, .directory = std::move(directory), .service = "bench"});
  const int64_t begin_ns = podo::base::ReadClockNs(CLOCK_REALTIME) - windows * kWindowNs;
  for (int i = 0; i < windows; ++i) history.Add(drawer->Window(i, ticks, begin_ns));
}

}  // namespace

int main(int argc, char** argv) {
  std::string directory;
  if (argc > 1 && std::string_view(argv[1]).starts_with(kDirectoryWord)) {
    directory = argv[1] + kDirectoryWord.size();
    --argc, ++argv;
  }
  if (argc < 4) Fail("usage: history_cost HOURS TICKS FILE.pb.gz...");
  const int windows = std::atoi(argv[1]) * kWindowsAnHour;
  const int ticks = std::atoi(argv[2]);
  std::vector<std::string> files;
  for (int i = 3; i < argc; ++i) files.push_back(ReadFile(argv[i]));
  Drawer drawer(files);
  if (!directory.empty()) return Write(directory, &drawer, windows, ticks), 0;
  std::printf("{\"files\": %zu, \"real_ticks\": %lld, \"real_stacks\": %zu, \"new_part\": %.4f,\n",
              files.size(), static_cast<long long>(drawer.ticks()), drawer.stacks(),
              drawer.new_part());

  size_t pprof_bytes = 0;
  constexpr int kMeasured = 20;
  for (int i = 0; i < kMeasured; ++i) {
    pprof_bytes +=
        Need(podo::base::GzipCompress(podo::encode::EncodePprof(drawer.Window(i, ticks)))).size();
  }
  std::printf("\"pprof_bytes_a_window\": %zu,\n", pprof_bytes / kMeasured);

  // What drawing leaves resident is not the history's.
  for (int i = 0; i < kWindowsAnHour; ++i) drawer.Window(i, ticks);
  const int64_t rss_before = StatusKib("VmRSS:");
  const struct mallinfo2 before = mallinfo2();
  const size_t heap_before = before.uordblks + before.hblkhd;
  int64_t rss_kib = 0, rss_asked_kib = 0;
  size_t heap_bytes = 0;
  History history({.max_bytes = kHistoryBytes});
  Adding add;
  uint64_t hour_bytes = 0;
  int begun = 0;  // windows at the first drop
  for (int i = 0; i < windows; ++i) {
    add(&history, drawer.Window(i, ticks));
    const podo::history::HistoryStats stats = history.Stats();
    if (i + 1 == kWindowsAnHour) hour_bytes = stats.bytes;
    if (begun == 0 && stats.windows_dropped > 0) begun = i;
    if (i + 1 == windows - kWindowsAnHour) {
      rss_kib = StatusKib("VmRSS:") - rss_before;
      const struct mallinfo2 heap = mallinfo2();
      heap_bytes = heap.uordblks + heap.hblkhd - heap_before;
      PrintQueries(history, stats.end_ns);
      rss_asked_kib = StatusKib("VmRSS:") - rss_before;
    }
  }
  const podo::history::HistoryStats stats = history.Stats();
  std::printf(
      "\"first_hour_bytes\": %llu, \"bytes\": %llu, \"windows\": %llu, \"dropped\": %llu, "
      "\"first_drop_hours\": %.1f, \"held_hours\": %.1f,\n\"add_cpu_ns\": %lld, "
      "\"longest_add_cpu_ns\": %lld, \"rss_kib\": %lld, \"rss_asked_kib\": %lld, "
      "\"heap_bytes\": %zu}\n",
      static_cast<unsigned long long>(hour_bytes), static_cast<unsigned long long>(stats.bytes),
      static_cast<unsigned long long>(stats.windows),
      static_cast<unsigned long long>(stats.windows_dropped),
      static_cast<double>(begun) / kWindowsAnHour,
      static_cast<double>(stats.end_ns - stats.begin_ns) / 3600e9,
      static_cast<long long>(add.total_ns / windows), static_cast<long long>(add.longest_ns),
      static_cast<long long>(rss_kib), static_cast<long long>(rss_asked_kib), heap_bytes);
  return 0;
}
