// SPDX-License-Identifier: Apache-2.0
// T19 and the API: starting, stopping, refusing; what each call answers.
#include <dlfcn.h>
#include <sys/time.h>

#include <memory>

#include "capture/profiling_timer.h"
#include "stage.h"

namespace {

using stage::Fact;
using namespace std::chrono_literals;

uint64_t CountLines(const char* path) {
  FILE* file = std::fopen(path, "re");
  uint64_t lines = 0;
  for (int c; file != nullptr && (c = std::fgetc(file)) != EOF;) lines += c == '\n';
  if (file != nullptr) std::fclose(file);
  return lines;
}

// Start and Stop again and again, ticks pending at every Stop, under a storm from another thread.
void Cycles(uint64_t count) {
  sigset_t prof;
  sigemptyset(&prof);
  sigaddset(&prof, SIGPROF);
  stage::Start();  // the first run installs the handler; before that SIGPROF would end the program
  const stage::Storm storm({stage::ThreadId()});
  uint64_t bad = 0, unhit = 0, pending = 0;
  for (uint64_t i = 0; i < count; ++i) {
    if (i > 0) bad += podo::Start().code() != PODO_OK;
    stage::BurnMs(static_cast<int64_t>(i % 3));
    unhit += !stage::Await([] { return stage::Ticks() >= 2; });
    pthread_sigmask(SIG_BLOCK, &prof, nullptr);
    pending += stage::Await([] {
      sigset_t waiting;
      return sigpending(&waiting) == 0 && sigismember(&waiting, SIGPROF) == 1;
    });
    bad += podo::Stop(10s).code() != PODO_OK;
    pthread_sigmask(SIG_UNBLOCK, &prof, nullptr);
    if (i == count / 4) {
      Fact("rss_kb_early", stage::ProcStatus("VmRSS"));
      Fact("maps_early", CountLines("/proc/self/maps"));
    }
  }
  Fact("bad", bad);
  Fact("unhit", unhit);
  Fact("pending", pending);
  Fact("rss_kb_late", stage::ProcStatus("VmRSS"));
  Fact("maps_late", CountLines("/proc/self/maps"));
  // Stop() waits for podo's threads, but nobody does for the one that looks for tracers.
  stage::Await([] { return stage::ProcStatus("Threads") <= 2; });
  Fact("threads", stage::ProcStatus("Threads"));
}

void Own(int) {}

bool TimerArmed() {
  itimerval timer;
  getitimer(ITIMER_PROF, &timer);
  return timer.it_interval.tv_usec != 0 || timer.it_interval.tv_sec != 0;
}

void Refused(const char* name) {
  const podo::Status status = podo::Start();
  Fact(name, static_cast<uint64_t>(status.code()));
  stage::Say("says %s: %s", name, status.message());
}

// A host with a handler, with a timer, with SIGPROF ignored: podo changes nothing, or starts.
void Foreign(uint64_t) {
  signal(SIGPROF, Own);
  Refused("with_handler");
  struct sigaction action = {};
  sigaction(SIGPROF, nullptr, &action);
  Fact("handler_kept", action.sa_handler == Own && !TimerArmed());
  signal(SIGPROF, SIG_IGN);
  const itimerval hour = {{3600, 0}, {3600, 0}};
  setitimer(ITIMER_PROF, &hour, nullptr);
  Refused("with_timer");
  itimerval timer;
  getitimer(ITIMER_PROF, &timer);
  sigaction(SIGPROF, nullptr, &action);
  Fact("timer_kept", timer.it_interval.tv_sec == 3600 && action.sa_handler == SIG_IGN);
  Fact("threads_refused", stage::ProcStatus("Threads"));
  const itimerval off = {};
  setitimer(ITIMER_PROF, &off, nullptr);
  Refused("with_ignored");
  podo::Stop(10s);
}

// The shared library beside the static copy in this program, in both orders.
void SecondCopy(uint64_t shared_first) {
  void* library = dlopen(std::getenv("PODO_TEST_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) stage::Say("dlopen: %s", dlerror());
  const auto start =
      reinterpret_cast<podo_status (*)(const podo_options*)>(dlsym(library, "podo_start"));
  const auto stop = reinterpret_cast<podo_status (*)(uint64_t)>(dlsym(library, "podo_stop"));
  const auto report = [](const char* name, const podo_status& status) {
    Fact(name, static_cast<uint64_t>(status.code));
    stage::Say("says %s: %s", name, status.message);
  };
  const auto own = [&](const char* name) { report(name, podo_start(nullptr)); };
  const auto other = [&](const char* name) { report(name, start(nullptr)); };
  if (shared_first != 0) {
    other("first");
    own("second");
    stop(10'000'000'000);
    own("second_after_stop");  // the inert handler of the first stays
  } else {
    own("first");
    other("second");
    podo::Stop(10s);
    other("second_after_stop");
  }
}

// Every call, before, during and after a run.
void Api(uint64_t) {
  Fact("flush_before", static_cast<uint64_t>(podo::Flush(1s).code()));
  Fact("stop_before", static_cast<uint64_t>(podo::Stop(1s).code()));
  Fact("ticks_before", podo::GetStats().ticks);
  podo::Options wrong;
  wrong.symbolize = "sometimes";
  const podo::Status refused = podo::Start(wrong);
  Fact("start_wrong", static_cast<uint64_t>(refused.code()));
  podo::Stop(10s);
  const podo_options sizeless = {};
  Fact("start_sizeless", static_cast<uint64_t>(podo_start(&sizeless).code));
  stage::Start();
  Fact("start_again", static_cast<uint64_t>(podo::Start().code()));
  stage::BurnMs(200);
  Fact("flush", static_cast<uint64_t>(podo::Flush(20s).code()));
  Fact("windows_after_flush", podo::GetStats().windows);
  Fact("written_after_flush", podo::GetStats().profiles_written);
  const int64_t flush_begin = stage::ClockMs();
  Fact("flush_at_once", static_cast<uint64_t>(podo::Flush(0s).code()));
  Fact("flush_at_once_ms", static_cast<uint64_t>(stage::ClockMs() - flush_begin));
  podo_stats part;
  std::memset(&part, 0x5a, sizeof part);
  part.size = 2 * sizeof(uint64_t);
  podo_get_stats(&part);
  Fact("part_size", part.size);
  Fact("part_kept", part.samples_taken == 0x5a5a5a5a5a5a5a5a && part.ticks > 0);
  podo_get_stats(nullptr);
  Fact("stop", static_cast<uint64_t>(podo::Stop(10s).code()));
  Fact("stop_again", static_cast<uint64_t>(podo::Stop(10s).code()));
  Fact("ticks_after", podo::GetStats().ticks);
  Fact("start_after", static_cast<uint64_t>(podo::Start().code()));
  Fact("ticks_new", podo::GetStats().ticks);
  const int64_t begin = stage::ClockMs();
  const auto code = podo::Stop(0s).code();
  Fact("stop_at_once", static_cast<uint64_t>(code == PODO_OK || code == PODO_TIMEOUT));
  Fact("stop_at_once_ms", static_cast<uint64_t>(stage::ClockMs() - begin));
}

// Every call from eight threads at once.
void ApiStorm(uint64_t seconds) {
  std::atomic<uint64_t> odd{0}, runs{0};
  const auto body = [&] {
    static thread_local unsigned random = static_cast<unsigned>(stage::ThreadId()) * 2654435761u;
    random = random * 1664525 + 1013904223;
    podo_code code = PODO_OK;
    switch (random >> 28) {
      case 0:
        code = podo::Stop(5s).code();
        break;
      case 1:
        code = podo::Flush(20ms).code();
        break;
      case 2:
        code = podo::Start().code();
        runs += code == PODO_OK;
        break;
      default:
        podo::GetStats();
        stage::BurnMs(1);
    }
    odd += code != PODO_OK && code != PODO_ALREADY_STARTED && code != PODO_NOT_STARTED &&
           code != PODO_TIMEOUT;
  };
  {
    std::vector<std::unique_ptr<stage::Worker>> workers;
    for (int i = 0; i < 8; ++i) workers.push_back(std::make_unique<stage::Worker>(body));
    stage::SleepMs(static_cast<int64_t>(seconds) * 1000);
  }
  podo::Start();
  podo::Stop(10s);
  Fact("odd", odd);
  Fact("runs", runs);
}

constexpr stage::Scenario kScenarios[] = {{"cycles", Cycles},
                                          {"foreign", Foreign},
                                          {"second-copy", SecondCopy},
                                          {"api", Api},
                                          {"api-storm", ApiStorm}};

}  // namespace

int main(int argc, char** argv) { return stage::Main(kScenarios, argc, argv); }
