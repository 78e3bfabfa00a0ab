// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_command_line.h"

#include <cstdio>

#include "absl/strings/str_cat.h"

namespace podo::doctor {
namespace {

constexpr char kHelp[] =
    R"(Usage: podo-doctor [OPTION]...
       podo-doctor [OPTION]... -- PROGRAM [ARGUMENT]...
       podo-doctor [OPTION]... --modules [PID|FILE]...
Says why podo does or does not work here, and what to do about it. Run it where the
service runs: same user, same container, same environment.

Without a program: the configuration with each value's source, the machine, and each
sink of PODO_EXPORT, which is tried out (with nothing in it; at most 5 s each).
With a program: runs it under the preload library, waits for it, and says besides how
much of its CPU time was sampled, which stacks end early, where, and why. Its profiles
go to a temporary directory and no sink; PODO_LISTEN, spool and history are left alone.
With --modules: how much of the code of each module can be unwound, and where its names
come from; of a process, of files, of PROGRAM, or without any of them of podo-doctor.

      --modules      only that
  -o, --output FILE  write FILE, not standard output
  -h, --help         print this
      --version      print the version

Each finding is ok, a note or a problem, with what to do on the line below it.
Exit status: 0, 1 if there is a problem, 2 for wrong usage; with a program that does not
exit with 0: the program's own, 128 and the signal's number if one killed it.
)";

}  // namespace

int Fail(std::string_view what) {
  std::fprintf(stderr, "podo-doctor: %.*s\n", static_cast<int>(what.size()), what.data());
  return 1;
}

int FailUsage(std::string_view what) {
  Fail(absl::StrCat(std::string(what), "; see podo-doctor --help"));
  return 2;
}

std::optional<int> ParseCommandLine(const std::vector<std::string>& words, Arguments* arguments) {
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      arguments->program.assign(words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end());
      if (arguments->program.empty()) return FailUsage("no program behind --");
      break;
    }
    if (word == "-h" || word == "--help") {
      std::fputs(kHelp, stdout);
      return 0;
    }
    if (word == "--version") {
      std::puts("podo-doctor " PODO_VERSION);
      return 0;
    }
    if (word == "--modules") {
      arguments->only_modules = true;
    } else if (word.starts_with("--output=")) {
      arguments->output = word.substr(std::string_view("--output=").size());
    } else if ((word == "-o" || word == "--output") && i + 1 < words.size()) {
      arguments->output = words[++i];
    } else if (word.starts_with('-') && word.size() > 1) {
      return FailUsage(absl::StrCat("unknown or incomplete option ", word));
    } else if (arguments->only_modules) {
      arguments->modules.push_back(word);
    } else {
      return FailUsage(absl::StrCat(word, " stands alone; accepted: -- ", word,
                                    " to run it, --modules ", word, " to look at it"));
    }
  }
  if (!arguments->modules.empty() && !arguments->program.empty()) {
    return FailUsage("--modules with a process or file and a program; accepted: one of them");
  }
  return std::nullopt;
}

}  // namespace podo::doctor
