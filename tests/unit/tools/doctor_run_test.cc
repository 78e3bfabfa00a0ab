// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_run.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace podo::doctor {
namespace {

std::string Ticks(int ticks, int foreign, int own) {
  return "podo: ticks=" + std::to_string(ticks) + " taken=" + std::to_string(ticks - foreign) +
         " ring_full=0 no_ring=0 nested=0 paused=0 foreign=" + std::to_string(foreign) +
         " | incomplete=0 truncated=0 residue=0 residue_limited=0 frame_pointer=0 misdelivered=0 "
         "own_ticks=" +
         std::to_string(own);
}

std::string Cpu(int cpu_ms, int own_us, int hz) {
  return "podo: cpu_ms=" + std::to_string(cpu_ms) + " own_cpu_us=" + std::to_string(own_us) +
         " hz=" + std::to_string(hz) + " windows=1 written=1 lost=0 errors=0 bytes=9";
}

TEST_CASE("the totals of all processes add up, each with its own rate") {
  const RunLog log =
      ReadRunLog({"podo: profiling sh", Ticks(10, 0, 0), Cpu(100, 0, 100), "podo: profiling a",
                  Ticks(60, 5, 5), Cpu(240, 40'000, 250), "podo: sink x failed",
                  "podo: sink x failed", "a line of the program"});
  CHECK(log.totals.processes == 2);
  CHECK(log.totals.Sum("ticks") == 70);
  CHECK(log.totals.Sum("taken") == 65);
  CHECK(log.totals.host_cpu_ms == doctest::Approx(300));
  CHECK(log.totals.SamplingRatio() == doctest::Approx(1));
  CHECK(log.starts == std::vector<std::string>{"sh", "a"});
  CHECK(log.complaints == std::vector<std::string>{"sink x failed"});
}

TEST_CASE("a late tick stands for the periods that passed before it") {
  const RunLog log = ReadRunLog({Ticks(60, 0, 0) + " overruns=40", Cpu(1000, 0, 100)});
  CHECK(log.totals.SamplingRatio() == doctest::Approx(1));
}

TEST_CASE("a log that is empty, torn or nonsense gives no totals and no crash") {
  CHECK(ReadRunLog({}).totals.SamplingRatio() == 0);
  const RunLog log = ReadRunLog({"podo: ticks=", "podo: ticks=x =1 ==", "podo: cpu_ms=nan hz=-1",
                                 "podo: cpu_ms=1e300 hz=1", "podo: "});
  CHECK(log.totals.Sum("ticks") == 0);
  CHECK(log.totals.SamplingRatio() == 0);
}

TEST_CASE("the program gets its own settings, but nothing of the service's is touched") {
  const char* entries[] = {"HOME=/h",
                           "PODO_SAMPLE_HZ=50",
                           "PODO_EXPORT=otlp+http://h:4318",
                           "PODO_LOG=off",
                           "PODO_LISTEN=127.0.0.1:6060",
                           "PODO_SPOOL_DIR=/s",
                           "PODO_HISTORY_DIR=/h",
                           "LD_PRELOAD=/old/libpodo_preload.so:/lib/asan.so",
                           nullptr};
  std::vector<std::string> environment = RunEnvironment(entries, "/p/libpodo_preload.so", "/tmp/d");
  std::sort(environment.begin(), environment.end());
  CHECK(environment == std::vector<std::string>{
                           "HOME=/h", "LD_PRELOAD=/p/libpodo_preload.so:/lib/asan.so",
                           "PODO_EXPORT=file:///tmp/d/", "PODO_LOG=info", "PODO_SAMPLE_HZ=50"});
}

TEST_CASE("the exit status is the program's, or 128 and its signal") {
  CHECK(RunEnd{0, {}}.ExitStatus() == 0);
  CHECK(RunEnd{42 << 8, {}}.ExitStatus() == 42);
  CHECK(RunEnd{9, {}}.ExitStatus() == 137);
}

TEST_CASE("a program is found as a shell finds it, and looked at before it runs") {
  CHECK(LookAtProgram("sh").path.ends_with("/sh"));
  CHECK(!LookAtProgram("sh").is_static);
  CHECK(LookAtProgram("no-such-program-anywhere").path == "");
  CHECK(LookAtProgram("/").path == "/");
}

struct RunCase {
  std::vector<std::string> lines;
  Mark mark;
  std::string text;
};

// The worst finding with the text.
void CheckRun(const RunCase& one, const ProgramFacts& program = {}, int wait_status = 0) {
  CAPTURE(one.text);
  const RunLog log = ReadRunLog(one.lines);
  const Section section = RunSection("x", program, {wait_status, {}}, log, true, 100);
  const auto found = std::find_if(
      section.findings.begin(), section.findings.end(),
      [&](const Finding& finding) { return finding.text.find(one.text) != std::string::npos; });
  REQUIRE(found != section.findings.end());
  CHECK(found->mark == one.mark);
}

TEST_CASE("a run is judged by its ratio, its drops and its stacks") {
  const auto drop = [](std::string name, int count) {
    std::string line = Ticks(1000, 0, 0);
    line.replace(line.find(name + "=0"), name.size() + 2, name + "=" + std::to_string(count));
    return std::vector<std::string>{line, Cpu(10'000, 0, 100)};
  };
  const RunCase cases[] = {
      {{Ticks(100, 0, 0), Cpu(1000, 0, 100)}, Mark::kOk, "ticks and CPU time match"},
      {{Ticks(100, 0, 0), Cpu(1000, 0, 100)}, Mark::kOk, "no tick was dropped"},
      {{Ticks(29, 0, 0), Cpu(220, 0, 100)}, Mark::kOk, "ticks and CPU time match"},  // chance
      {{Ticks(80, 0, 0), Cpu(1000, 0, 100)}, Mark::kNote, "do not match"},
      {{Ticks(10, 0, 0), Cpu(1000, 0, 100)}, Mark::kProblem, "most of its CPU time got no tick"},
      {{Ticks(0, 0, 0), Cpu(1000, 0, 100)}, Mark::kProblem, "most of its CPU time got no tick"},
      {{Ticks(3, 0, 0), Cpu(30, 0, 100)}, Mark::kNote, "too few to judge"},
      {drop("ring_full", 100), Mark::kProblem, "a thread's ring was full"},
      {drop("ring_full", 10), Mark::kNote, "a thread's ring was full"},
      {drop("no_ring", 100), Mark::kProblem, "all rings were in use"},
      {drop("paused", 500), Mark::kNote, "paused scopes"},
      {drop("truncated", 100), Mark::kNote, "deeper than PODO_MAX_FRAMES"},
      {drop("residue_limited", 100), Mark::kNote, "libunwind"},
      {{"podo: thread x (1) blocks SIGPROF; it is not sampled"}, Mark::kProblem, "blocks SIGPROF"},
      {{"podo: SIGPROF or ITIMER_PROF was taken by the program; profiling is off"},
       Mark::kProblem,
       "was taken"},
      {{"podo: PODO_SAMPLE_HZ=500 is above the kernel's tick; delivering 250"},
       Mark::kNote,
       "above the kernel's tick"},
      {{"podo: not profiling: less than 96 MiB of address space left"}, Mark::kProblem, "96 MiB"},
      {{"podo: the process forked; its children are not profiled"}, Mark::kNote, "forked"},
      {{"podo: not profiling: cannot load libpodo.so beside /x: y"}, Mark::kProblem, "cannot load"},
      {{"podo: something nobody thought of"}, Mark::kNote, "nobody thought of"},
  };
  for (const RunCase& one : cases) CheckRun(one);
}

TEST_CASE("a pool of threads that all block SIGPROF does not fill the screen") {
  std::vector<std::string> lines;
  for (int i = 0; i < 100; ++i) {
    lines.push_back("podo: thread " + std::to_string(i) + " blocks SIGPROF");
  }
  const Section section = RunSection("x", {}, {}, ReadRunLog(lines), true, 0);
  CHECK(section.findings.size() == 9);
  CHECK(section.findings.back().text == "and 92 more such lines of podo's log");
}

TEST_CASE("a program of which nothing was heard is explained by what it is, or how it ended") {
  ProgramFacts fixed;
  fixed.is_static = true;
  CheckRun({{}, Mark::kProblem, "the program is static"}, fixed);
  ProgramFacts privileged;
  privileged.gains_privileges = true;
  CheckRun({{}, Mark::kProblem, "gains privileges"}, privileged);
  CheckRun({{"podo: profiling x"}, Mark::kNote, "killed by signal 9"}, {}, 9);
  CheckRun({{"podo: profiling x"}, Mark::kNote, "without its exit handlers"});
  CheckRun({{}, Mark::kNote, "podo did not start"});
}

TEST_CASE("podo switched off is the whole explanation") {
  const Section section = RunSection("x", {}, {}, {}, false, 0);
  REQUIRE(section.findings.size() == 1);
  CHECK(section.findings[0].mark == Mark::kProblem);
}

TEST_CASE("samples without a profile that can be read are a problem") {
  const RunLog log = ReadRunLog({Ticks(100, 0, 0), Cpu(1000, 0, 100)});
  const Section section = RunSection("x", {}, {}, log, true, 0);
  CHECK(section.findings.back().mark == Mark::kProblem);
}

}  // namespace
}  // namespace podo::doctor
