// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_machine.h"

#include <doctest/doctest.h>

#include <functional>

namespace podo::doctor {
namespace {

Config ConfigOf(const std::vector<std::string>& environment) {
  std::vector<const char*> entries;
  for (const std::string& entry : environment) entries.push_back(entry.c_str());
  std::vector<std::string> messages;
  return ParseConfig(entries, false, "exe", &messages);
}

MachineFacts Healthy() {
  MachineFacts facts;
  facts.tick_hz = 250;
  facts.preload = "/lib/libpodo_preload.so";
  facts.reads_map_files = true;
  return facts;
}

TEST_CASE("a machine without faults has findings, all of them ok, none with advice") {
  const Findings findings = JudgeMachine(Healthy(), Config());
  CHECK(findings.size() >= 8);
  for (const Finding& finding : findings) {
    CAPTURE(finding.text);
    CHECK(finding.mark == Mark::kOk);
    CHECK(finding.advice.empty());
  }
}

TEST_CASE("each fault of a machine is told, marked and has advice") {
  struct Case {
    std::function<void(MachineFacts*)> change;
    std::vector<std::string> environment;
    Mark mark;
    std::string text;
  };
  const auto none = [](MachineFacts*) {};
  const Case cases[] = {
      {none,
       {"PODO_SAMPLE_HZ=1000"},
       Mark::kNote,
       "kernel tick: 250 Hz, so of PODO_SAMPLE_HZ=1000"},
      {[](MachineFacts* f) { f->sigprof_blocked = true; },
       {},
       Mark::kProblem,
       "SIGPROF is blocked"},
      {[](MachineFacts* f) { f->profiling_timer_armed = true; },
       {},
       Mark::kProblem,
       "ITIMER_PROF is armed"},
      {[](MachineFacts* f) { f->sigprof = SignalState::kHandled; },
       {},
       Mark::kNote,
       "has a handler"},
      {[](MachineFacts* f) { f->pending_signals = 1000; },
       {},
       Mark::kNote,
       "leaves 1000 of 1000, less than PODO_MAX_THREADS=1024"},
      {[](MachineFacts* f) { f->pending_signals = 2000, f->pending_signals_used = 1990; },
       {"PODO_MAX_THREADS=11"},
       Mark::kNote,
       "leaves 10 of 2000"},
      {[](MachineFacts* f) { f->pending_signals = 1000, f->wants_thread_timers = true; },
       {},
       Mark::kNote,
       "a timer for each thread; RLIMIT_SIGPENDING leaves 1000 of 1000, less than"},
      {[](MachineFacts* f) { f->open_files = 20; }, {}, Mark::kNote, "RLIMIT_NOFILE: 20"},
      {[](MachineFacts* f) { f->open_files = 6; }, {}, Mark::kProblem, "RLIMIT_NOFILE: 6"},
      {[](MachineFacts* f) { f->address_space = 50 << 20; },
       {},
       Mark::kProblem,
       "RLIMIT_AS: 50MiB"},
      {[](MachineFacts* f) { f->address_space = 200 << 20; }, {}, Mark::kNote, "RLIMIT_AS: 200MiB"},
      {[](MachineFacts* f) { f->file_bytes = 1 << 20; },
       {"PODO_EXPORT=file:///x/"},
       Mark::kNote,
       "RLIMIT_FSIZE: 1MiB"},
      {[](MachineFacts* f) { f->reads_maps = false; }, {}, Mark::kNote, "/proc/self/maps cannot"},
      {[](MachineFacts* f) { f->reads_tasks = false; }, {}, Mark::kNote, "/proc/self/task cannot"},
      {[](MachineFacts* f) { f->reads_memory_by_call = false; },
       {},
       Mark::kNote,
       "process_vm_readv is refused"},
      {[](MachineFacts* f) { f->reads_memory_by_call = f->reads_memory_by_file = false; },
       {},
       Mark::kProblem,
       "neither process_vm_readv nor"},
      {[](MachineFacts* f) { f->is_secure = true; }, {}, Mark::kProblem, "secure execution"},
      {[](MachineFacts* f) { f->cpu_limit = 0.1; }, {}, Mark::kNote, "cgroup: 0.1 CPUs"},
      {[](MachineFacts* f) { f->memory_limit = 128 << 20; },
       {},
       Mark::kNote,
       "cgroup: 128MiB of memory, of which podo's caps allow it 64MiB"},
      {[](MachineFacts* f) { f->memory_limit = 256 << 20; },
       {"PODO_LISTEN=127.0.0.1:0"},
       Mark::kNote,
       "allow it 80MiB"},
      {[](MachineFacts* f) { f->preload.clear(); }, {}, Mark::kNote, "libpodo_preload.so is not"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.text);
    MachineFacts facts = Healthy();
    one.change(&facts);
    int found = 0;
    for (const Finding& finding : JudgeMachine(facts, ConfigOf(one.environment))) {
      if (finding.mark == Mark::kOk) continue;
      CAPTURE(finding.text);
      ++found;
      CHECK(finding.mark == one.mark);
      CHECK(finding.text.find(one.text) != std::string::npos);
      CHECK(!finding.advice.empty());
    }
    CHECK(found == 1);
  }
}

TEST_CASE("room that is enough is no note") {
  MachineFacts facts = Healthy();
  facts.cpu_limit = 2;
  facts.memory_limit = uint64_t{1} << 30;
  facts.open_files = 1024;
  facts.pending_signals = 60000;
  facts.sigprof = SignalState::kIgnored;
  facts.file_bytes = 1 << 20;  // nothing is written
  facts.perf_event_paranoid = 4;
  for (const Finding& finding : JudgeMachine(facts, Config())) {
    CAPTURE(finding.text);
    CHECK(finding.mark == Mark::kOk);
  }
}

TEST_CASE("the kernel's words for limits are read, whatever they are") {
  CHECK(ParseCpuMax("50000 100000\n") == 0.5);
  CHECK(!ParseCpuMax("max 100000\n"));
  CHECK(!ParseCpuMax("-1 100000"));
  CHECK(!ParseCpuMax(""));
  CHECK(!ParseCpuMax("1 0"));
  CHECK(ParseMemoryMax("1048576\n") == 1048576u);
  CHECK(!ParseMemoryMax("max\n"));
  CHECK(!ParseMemoryMax("9223372036854771712\n"));
  CHECK(!ParseMemoryMax("-5"));
  CHECK(ParseSigQ("Threads:\t1\nSigQ:\t3/15000\nSigPnd:\t0\n") == 3u);
  CHECK(!ParseSigQ("SigQ:\tx"));
  CHECK(!ParseSigQ(""));
  CHECK(CgroupPath("0::/a/b\n", "") == "/a/b");
  CHECK(CgroupPath("4:memory:/m\n3:cpu,cpuacct:/c:d\n", "cpu") == "/c:d");
  CHECK(!CgroupPath("4:memory:/m\n", "cpu"));
  CHECK(!CgroupPath("", ""));
}

TEST_CASE("this very process can be looked at") {
  const MachineFacts facts = ReadMachineFacts("/x", SIGPROF);
  CHECK(facts.tick_hz >= 100);
  CHECK(facts.preload == "/x");
  CHECK((facts.reads_memory_by_call || facts.reads_memory_by_file));
}

}  // namespace
}  // namespace podo::doctor
