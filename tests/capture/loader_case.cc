// SPDX-License-Identifier: Apache-2.0
// The loader's lock, the allocator's locks and the unwinder, each under a storm of SIGPROF: what
// hangs a profiler that unwinds with libunwind in its handler (docs/capture.md).
#include <dlfcn.h>
#include <link.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "stage.h"

namespace {

using stage::Fact;

int CountModule(dl_phdr_info*, size_t, void* count) {
  ++*static_cast<int*>(count);
  return 0;
}

void Iterate() {
  int count = 0;
  dl_iterate_phdr(CountModule, &count);
  if (count == 0) std::abort();
}

void Allocate() {
  // Small and large, so that bins, arenas and mmap all have their turn.
  static thread_local uint32_t random = 12345;
  void* kept[32];
  for (void*& pointer : kept) {
    random = random * 1664525 + 1013904223;
    pointer = std::malloc(random >> 24 == 0 ? 300'000 : 16 + (random >> 20));
  }
  for (void* pointer : kept) std::free(pointer);
}

std::mutex g_mutex;

void Lock() {
  for (int i = 0; i < 100; ++i) {
    const std::lock_guard lock(g_mutex);
  }
}

[[gnu::noinline]] void Throw(int depth) {
  if (depth > 0) {
    Throw(depth - 1);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // no tail call
    return;
  }
  throw std::runtime_error("thrown");
}

void Catch() {
  try {
    Throw(8);
  } catch (const std::runtime_error&) {
    return;
  }
  std::abort();
}

// T1: a callback of dl_iterate_phdr holds the loader's lock and waits for a thread that is being
// sampled all the time.
struct Held {
  std::atomic<bool> inside{false};
  std::atomic<bool> leave{false};
};

int WaitInside(dl_phdr_info*, size_t, void* argument) {
  Held& held = *static_cast<Held*>(argument);
  held.inside = true;
  while (!held.leave) stage::SleepMs(1);
  return 1;
}

void CallbackWaits(uint64_t) {
  Held held;
  std::thread holder([&] { dl_iterate_phdr(WaitInside, &held); });
  while (!held.inside) stage::SleepMs(1);
  stage::Start();  // so that the first tables are built under the lock as well
  const int64_t begin = stage::ClockMs();
  {
    stage::Worker sampled([] { stage::BurnMs(1); });
    const uint64_t before = stage::Taken();
    const stage::Storm storm({sampled.tid()});
    const uint64_t rounds = sampled.rounds();
    stage::Await([&] { return stage::Taken() >= before + 100 && sampled.rounds() > rounds + 5; });
    Fact("taken_under_lock", stage::Taken() - before);
  }
  Fact("sampled_ms", static_cast<uint64_t>(stage::ClockMs() - begin));
  // Nothing behind the handler needs the lock either: tables, drain, export.
  Fact("flush_under_lock", static_cast<uint64_t>(podo::Flush(std::chrono::seconds(10)).code()));
  Fact("generation_under_lock", stage::State().snapshot.load()->generation);
  held.leave = true;
  holder.join();
}

// T2: threads that take the loader's lock beside threads that are sampled.
void TwoLocks(uint64_t seconds) {
  stage::Start();
  std::vector<std::unique_ptr<stage::Worker>> workers;
  std::vector<pid_t> tids;
  for (int i = 0; i < 2; ++i) workers.push_back(std::make_unique<stage::Worker>(Iterate));
  for (int i = 0; i < 3; ++i) {
    workers.push_back(std::make_unique<stage::Worker>([] { stage::BurnMs(1); }));
  }
  for (const auto& worker : workers) tids.push_back(worker->tid());
  const stage::Storm storm(tids);
  for (uint64_t i = 0; i <= seconds * 2; ++i) {
    stage::Say("progress %llu %llu %llu", static_cast<unsigned long long>(stage::Ticks()),
               static_cast<unsigned long long>(workers[0]->rounds() + workers[1]->rounds()),
               static_cast<unsigned long long>(workers[2]->rounds() + workers[3]->rounds() +
                                               workers[4]->rounds()));
    stage::SleepMs(500);
  }
}

// T3: one thread in a tight loop over each lock, hit as fast as signals can be sent.
void HammerOn(const char* name, void (*body)(), uint64_t hits) {
  stage::Worker worker(body);
  const uint64_t ticks = stage::Ticks(), taken = stage::Taken(), rounds = worker.rounds();
  {
    const stage::Storm storm({worker.tid()});
    stage::Await([&] { return stage::Ticks() - ticks >= hits && worker.rounds() > rounds + 10; },
                 120'000);
  }
  stage::Say("hammer %s %llu %llu %llu", name,
             static_cast<unsigned long long>(stage::Ticks() - ticks),
             static_cast<unsigned long long>(stage::Taken() - taken),
             static_cast<unsigned long long>(worker.rounds() - rounds));
}

void Hammer(uint64_t hits) {
  stage::Start();
  stage::AwaitTables();
  HammerOn("dl_iterate_phdr", Iterate, hits);
  HammerOn("malloc", Allocate, hits);
  HammerOn("pthread_mutex", Lock, hits);
  HammerOn("throw", Catch, hits);
}

// T4: plugins come and go at one address. Each has its own caller, so that a frame of one under
// the caller of another is a frame given to the wrong module.
using Entry = uint64_t (*)(uint64_t);

[[gnu::noinline]] uint64_t run_plugin_east(Entry entry) { return entry(50'000) + 1; }
[[gnu::noinline]] uint64_t run_plugin_west(Entry entry) { return entry(50'000) + 2; }
[[gnu::noinline]] uint64_t run_plugin_wide(Entry entry) { return entry(50'000) + 3; }

struct Plugin {
  const char* file;
  const char* entry;
  uint64_t (*run)(Entry);
};
constexpr Plugin kPlugins[] = {
    {"capture_plugin_east.so", "plugin_east_entry", run_plugin_east},
    {"capture_plugin_west.so", "plugin_west_entry", run_plugin_west},
    {"capture_plugin_wide.so", "plugin_wide_entry", run_plugin_wide},
};

std::string Folder() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  const std::string text(path, size > 0 ? static_cast<size_t>(size) : 0);
  return text.substr(0, text.rfind('/') + 1);
}

// Loads, runs for `ms` of CPU time, unloads; returns where the plugin stood.
uintptr_t UseOnce(const std::string& folder, const Plugin& plugin, int64_t ms) {
  void* handle = dlopen((folder + plugin.file).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    stage::Say("dlopen: %s", dlerror());
    std::exit(3);
  }
  const Entry entry = reinterpret_cast<Entry>(dlsym(handle, plugin.entry));
  const int64_t end = stage::ClockMs(CLOCK_THREAD_CPUTIME_ID) + ms;
  do {
    plugin.run(entry);
  } while (stage::ClockMs(CLOCK_THREAD_CPUTIME_ID) < end);
  Dl_info found = {};
  dladdr(reinterpret_cast<void*>(entry), &found);
  const auto base = reinterpret_cast<uintptr_t>(found.dli_fbase);
  dlclose(handle);
  return base;
}

// `ms` of CPU time in each plugin before the next one takes its place.
void Storm(uint64_t seconds, int64_t ms, std::initializer_list<int> order) {
  stage::Start();
  stage::AwaitTables();
  const std::string folder = Folder();
  stage::Worker busy([] { stage::BurnMs(1); });
  std::vector<uintptr_t> places;
  uint64_t loads = 0, reused = 0;
  const int64_t end = stage::ClockMs() + static_cast<int64_t>(seconds) * 1000;
  while (stage::ClockMs() < end) {
    uintptr_t before = 0;
    for (const int i : order) {
      const uintptr_t place = UseOnce(folder, kPlugins[i], ms);
      reused += place == before;
      before = place;
      ++loads;
    }
  }
  Fact("loads", loads);
  Fact("reused", reused);
}

void DlStorm(uint64_t seconds) { Storm(seconds, 2, {0, 2, 1}); }
void DlTurns(uint64_t seconds) { Storm(seconds, 700, {0, 2}); }
void DlTwins(uint64_t seconds) { Storm(seconds, 3000, {0, 1}); }

// The same at full rate: only that nothing breaks.
void DlHammer(uint64_t seconds) {
  stage::Start();
  const std::string folder = Folder();
  std::atomic<uint64_t> loads{0};
  const auto load = [&](const Plugin& plugin) {
    UseOnce(folder, plugin, 0);
    ++loads;
  };
  stage::Worker first([&] { load(kPlugins[2]); });
  stage::Worker second([&] { load(kPlugins[0]); });
  const stage::Storm storm({first.tid(), second.tid()});
  stage::SleepMs(static_cast<int64_t>(seconds) * 1000);
  Fact("loads", loads);
  Fact("taken", stage::Taken());
}

constexpr stage::Scenario kScenarios[] = {
    {"callback-waits", CallbackWaits},
    {"two-locks", TwoLocks},
    {"hammer", Hammer},
    {"dl-storm", DlStorm},
    {"dl-turns", DlTurns},
    {"dl-twins", DlTwins},
    {"dl-hammer", DlHammer},
};

}  // namespace

int main(int argc, char** argv) { return stage::Main(kScenarios, argc, argv); }
