// SPDX-License-Identifier: Apache-2.0
// T20: snapshots published and retired as fast as modules come and go, while handlers walk them and
// a drain reads what they wrote. podo's background threads are cranked by hand here, so that the
// rate is not podo's own.
#include <dlfcn.h>
#include <malloc.h>

#include <memory>
#include <string>

#include "capture/handler.h"
#include "capture/module_watch.h"
#include "capture/profiling_timer.h"
#include "capture/ring_pool.h"
#include "stage.h"

namespace {

using podo::capture::ModuleWatch;
using stage::Fact;

std::string Sibling(const char* name) {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  const std::string text(path, size > 0 ? static_cast<size_t>(size) : 0);
  return text.substr(0, text.rfind('/') + 1) + name;
}

void Churn(uint64_t seconds) {
  podo::capture::State* state = podo::capture::MapState(64, 128).value();
  podo::capture::g_state = state;
  state->sample_foreign = 1;
  ModuleWatch watch(state);
  watch.Refresh([] {});
  if (!podo::capture::InstallHandler().ok()) std::abort();
  state->armed = 1;

  std::atomic<uint64_t> epoch{1}, samples{0}, cut{0};
  {
    stage::Worker first([] { stage::BurnMs(1); });
    stage::Worker second([] { stage::BurnMs(1); });
    podo::capture::RingPool pool(state);
    stage::Worker drain([&] {
      pool.Mark();
      const podo::capture::ModuleCheck check = watch.CheckMapped(ModuleWatch::Caller::kDrain);
      pool.Drain([&](const podo::model::RawSample& sample) {
        podo::model::RawSample kept = sample;
        watch.CutReplaced(check, &kept);
        cut += (kept.header.flags & podo::model::kRawReusedAddress) != 0;
        ++samples;
      });
      ++epoch;
      stage::SleepMs(1);
    });
    const stage::Storm storm({first.tid(), second.tid()});
    const std::string files[] = {Sibling("capture_plugin_east.so"),
                                 Sibling("capture_plugin_wide.so")};
    const int64_t end = stage::ClockMs() + static_cast<int64_t>(seconds) * 1000;
    uint64_t published = 0;
    bool noted = false;
    for (uint64_t i = 0; stage::ClockMs() < end; ++i) {
      void* handle = dlopen(files[i % 2].c_str(), RTLD_NOW | RTLD_LOCAL);
      published += watch.Refresh([] {});
      dlclose(handle);
      published += watch.Refresh([] {});
      watch.FreeRetired(epoch);
      watch.ForgetBefore(watch.generation());
      if (!noted && stage::ClockMs() > end - static_cast<int64_t>(seconds) * 700) {
        noted = true;
        Fact("heap_kb_early", mallinfo2().uordblks / 1024);
      }
    }
    Fact("heap_kb_late", mallinfo2().uordblks / 1024);
    Fact("published", published);
  }
  state->armed = 0;
  Fact("samples", samples);
  Fact("ticks", state->counters.ticks);
  Fact("taken", state->counters.taken);
  Fact("ring_full", state->counters.ring_full);
}

constexpr stage::Scenario kScenarios[] = {{"churn", Churn}};

}  // namespace

int main(int argc, char** argv) { return stage::Main(kScenarios, argc, argv); }
