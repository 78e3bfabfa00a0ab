// SPDX-License-Identifier: Apache-2.0
// Judges a run by what podo said of it.
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/doctor_run.h"

namespace podo::doctor {
namespace {

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string EndText(const RunEnd& end) {
  if (!WIFSIGNALED(end.wait_status)) return absl::StrCat("exit status ", end.ExitStatus());
  const int signal = WTERMSIG(end.wait_status);
  return absl::StrCat("killed by signal ", signal, " (", strsignal(signal), ")");
}

std::string Whole(double number) { return absl::StrFormat("%.0f", number); }

Table TotalsTable(const RunEnd& end, const RunTotals& totals) {
  Table table;
  const auto add = [&](const char* what, std::string value) {
    table.rows.push_back({what, std::move(value)});
  };
  const auto sum = [&](const char* name) { return Whole(totals.Sum(name)); };
  add("ended", EndText(end));
  if (totals.processes == 0) return table;
  add("processes", absl::StrCat(totals.processes, " profiled to the end"));
  add("CPU time", absl::StrCat(Whole(totals.host_cpu_ms), " ms, and of podo's own threads ",
                               Whole(totals.Sum("own_cpu_us") / 1000), " ms"));
  add("ticks", absl::StrCat(sum("ticks"), ", of them taken ", sum("taken"), ", foreign ",
                            sum("foreign"), ", own ", sum("own_ticks")));
  add("dropped", absl::StrCat("ring full ", sum("ring_full"), ", no ring ", sum("no_ring"),
                              ", nested ", sum("nested"), ", small stack ", sum("small_stack"),
                              ", paused ", sum("paused")));
  add("stacks",
      absl::StrCat("incomplete ", sum("incomplete"), ", truncated ", sum("truncated"),
                   ", by libunwind ", sum("residue"), ", by frame pointer ", sum("frame_pointer")));
  add("sampling_ratio", absl::StrFormat("%.3f", totals.SamplingRatio()));
  return table;
}

Finding JudgeComplaint(const std::string& line) {
  if (Contains(line, " blocks SIG")) {
    return {Mark::kProblem, line,
            "Unblock it in that thread (pthread_sigmask); libraries that block all signals in "
            "their threads should leave this one out."};
  }
  if (Contains(line, "was taken by the program") || Contains(line, "the program uses SIG")) {
    return {
        Mark::kProblem, line,
        "Let podo tick by another signal (PODO_SIGNAL=RTMIN+3), or build without -pg and start no "
        "other CPU profiler (gperftools') beside it."};
  }
  if (Contains(line, "another copy of podo")) {
    return {Mark::kProblem, line, "Link podo once, shared, or leave the preload library away."};
  }
  if (Contains(line, "is above the kernel's tick")) {
    return {Mark::kNote, line, "Set PODO_SAMPLE_HZ to what the kernel delivers."};
  }
  if (Contains(line, "RLIMIT_SIGPENDING")) {
    return {Mark::kNote, line,
            "Raise RLIMIT_SIGPENDING (ulimit -i, LimitSIGPENDING=) or PODO_MAX_THREADS."};
  }
  if (Contains(line, "of address space")) {
    return {Mark::kProblem, line, "Raise RLIMIT_AS (ulimit -v)."};
  }
  if (Contains(line, "the process forked")) {
    return {Mark::kNote, line,
            "The child of a fork is not profiled unless it execs: run a daemon in the foreground, "
            "or let it call podo::Start() after the fork."};
  }
  if (Contains(line, "cannot load libpodo.so")) {
    return {Mark::kProblem, line,
            "Install libpodo.so beside libpodo_preload.so, from one build, with the libraries it "
            "needs: ldd names those that are missing."};
  }
  if (Contains(line, "not profiling") || Contains(line, "profiling is off")) {
    return {Mark::kProblem, line, ""};
  }
  return {Mark::kNote, line, ""};
}

// Why nothing was said at the end.
Finding JudgeSilence(const ProgramFacts& program, const RunEnd& end, const RunLog& log) {
  if (program.is_static) {
    return {Mark::kProblem, "the program is static: LD_PRELOAD does not exist for it",
            "Link podo into it and call podo::Start(), or link it dynamically."};
  }
  if (program.gains_privileges) {
    return {Mark::kProblem,
            "the program gains privileges at exec (set-user-id, capabilities): the loader ignores "
            "LD_PRELOAD",
            "Link podo into it and set podo::Options in code."};
  }
  if (WIFSIGNALED(end.wait_status)) {
    return {Mark::kNote,
            absl::StrCat("it was ", EndText(end), ", so podo could not send its last window"),
            "PODO_FLUSH_ON_SIGTERM=true sends it before a SIGTERM ends the process; SIGKILL leaves "
            "no time. A shorter PODO_INTERVAL loses less."};
  }
  if (!log.starts.empty()) {
    return {Mark::kNote, "it ended without its exit handlers (_exit, an abort, exec)",
            "The last window is lost then: call podo::Flush() before, or shorten PODO_INTERVAL."};
  }
  return {Mark::kNote, "podo did not start in it",
          "Processes that end within 30 ms are left alone. A program that lives longer must load "
          "LD_PRELOAD (no static or set-user-id program) and keep its standard error open."};
}

void JudgeRatio(const RunTotals& totals, Findings* findings) {
  constexpr double kFewTicks = 20;
  const double hz = totals.processes > 0 ? totals.Sum("hz") / totals.processes : 0;
  const double expected = totals.host_cpu_ms * hz / 1000;
  const double ticks = totals.ticked_cpu_ms * hz / 1000;
  const double ratio = totals.SamplingRatio();
  const std::string text = absl::StrFormat("sampling_ratio %.2f: ", ratio);
  if (expected < kFewTicks) {
    findings->push_back(
        {Mark::kNote,
         absl::StrFormat("%.0f ms of CPU time at %s Hz are %.0f ticks: too few to judge by",
                         totals.host_cpu_ms, NumberText(hz), ticks),
         "Let the program work for some seconds. podo samples CPU time: what sleeps or waits does "
         "not show."});
  } else if (ratio < 0.5) {
    findings->push_back(
        {Mark::kProblem, absl::StrCat(text, "most of its CPU time got no tick"),
         "Threads block the signal (named above if podo found them), or the program "
         "took ITIMER_PROF."});
  } else if (std::abs(ticks - expected) > std::max(expected / 10, kFewTicks / 2)) {
    findings->push_back(
        {Mark::kNote, absl::StrCat(text, "ticks and CPU time do not match"),
         "On a busy or virtual machine ticks get lost; podo scales the CPU time in profiles, so "
         "that shares stay right."});
  } else {
    findings->push_back({Mark::kOk, absl::StrCat(text, "ticks and CPU time match"), ""});
  }
}

void JudgeDrops(const RunTotals& totals, Findings* findings) {
  const double ticks = totals.Sum("ticks");
  if (ticks <= 0) return;
  struct Drop {
    const char* name;
    const char* what;
    const char* advice;
  };
  constexpr Drop kDrops[] = {
      {"ring_full", "of the ticks were dropped, a thread's ring was full",
       "podo's drain thread did not get to run: give the machine or the cgroup more CPU, or lower "
       "PODO_SAMPLE_HZ."},
      {"no_ring", "of the ticks were dropped, all rings were in use",
       "Raise PODO_MAX_THREADS above the number of threads that compute at the same time."},
      {"nested", "of the ticks came while one was handled", "Lower PODO_SAMPLE_HZ."},
      {"small_stack",
       "of the ticks came on alternate signal stacks without room for podo's handler",
       "Give sigaltstack() 1 KiB more than sysconf(_SC_MINSIGSTKSZ), or SIGSTKSZ."},
      {"paused", "of the ticks came in paused scopes", "That is what podo::Pause is for."},
  };
  bool dropped = false;
  for (const Drop& drop : kDrops) {
    constexpr double kNoted = 0.005, kBad = 0.05;
    const double share = totals.Sum(drop.name) / ticks;
    if (share < kNoted) continue;
    dropped = true;
    const bool is_bad = share >= kBad && std::strcmp(drop.name, "paused") != 0;
    findings->push_back({is_bad ? Mark::kProblem : Mark::kNote,
                         absl::StrCat(PercentText(share), " ", drop.what), drop.advice});
  }
  if (!dropped) findings->push_back({Mark::kOk, "no tick was dropped that is worth a word", ""});
}

void JudgeStacks(const RunTotals& totals, Findings* findings) {
  constexpr double kNoted = 0.01;
  const double taken = totals.Sum("taken");
  if (taken <= 0) return;
  if (totals.Sum("truncated") / taken >= kNoted) {
    findings->push_back({Mark::kNote,
                         absl::StrCat(PercentText(totals.Sum("truncated") / taken),
                                      " of the stacks are deeper than PODO_MAX_FRAMES"),
                         "Raise PODO_MAX_FRAMES (at most 1024): their outer callers are cut off."});
  }
  if (totals.Sum("residue_limited") / taken >= kNoted) {
    findings->push_back({Mark::kNote,
                         absl::StrCat(PercentText(totals.Sum("residue_limited") / taken),
                                      " of the stacks were too much for libunwind's share of time"),
                         "They end early. The modules below with residue are the cause."});
  }
}

}  // namespace

Section RunSection(const std::string& name, const ProgramFacts& program, const RunEnd& end,
                   const RunLog& log, bool is_enabled, uint64_t samples) {
  Section section;
  section.title = absl::StrCat("Run of ", name);
  section.table = TotalsTable(end, log.totals);
  constexpr size_t kMostLines = 8;  // a pool of threads may all block SIGPROF
  Findings& findings = section.findings;
  if (!is_enabled) {
    findings.push_back(
        {Mark::kProblem, "podo is switched off, so it was not profiled", "Set PODO_ENABLED=true."});
    return section;
  }
  bool is_explained = false;
  for (const std::string& line : log.complaints) {
    Finding finding = JudgeComplaint(line);
    is_explained = is_explained || finding.mark == Mark::kProblem;
    if (findings.size() < kMostLines) findings.push_back(std::move(finding));
  }
  if (log.complaints.size() > kMostLines) {
    findings.push_back(
        {Mark::kNote,
         absl::StrCat("and ", log.complaints.size() - kMostLines, " more such lines of podo's log"),
         ""});
  }
  if (log.totals.processes == 0) {
    if (!is_explained) findings.push_back(JudgeSilence(program, end, log));
    return section;
  }
  JudgeRatio(log.totals, &findings);
  JudgeDrops(log.totals, &findings);
  JudgeStacks(log.totals, &findings);
  if (log.totals.Sum("taken") > 0 && samples == 0) {
    findings.push_back({Mark::kProblem,
                        "there were samples, but no profile could be written or read",
                        "Is there room in TMPDIR? Did the program change its user or root?"});
  }
  return section;
}

}  // namespace podo::doctor
