// SPDX-License-Identifier: Apache-2.0
#include "tools/command_line.h"

#include <cstdio>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace podo::tools {
namespace {

constexpr char kHelp[] =
    R"(Usage: podo-flame [OPTION]... PROFILE.pb.gz > flame.html
       podo-flame [OPTION]... BEFORE.pb.gz AFTER.pb.gz > diff.html
       podo-flame --merge [--from T] [--until T] PROFILE.pb.gz... > sum.pb.gz
Makes a flame graph page of one pprof profile, or a difference page of two.
The files may come from podo, Go, or whatever else writes pprof; - is standard input.

  -o, --output FILE  write FILE, not standard output
      --type NAME    show this sample type (cpu, inuse_space, ...); default: the
                     profile's own default, else its last
      --title TEXT   heading of the page; default: the file names
      --top[=N]      print the N (default 20) most expensive functions as a table; with
                     two profiles the functions that changed most, and the guilty one
      --labels[=N]   print what the N (default 20) most expensive values of each label
                     cost; with two profiles before, after and the change
      --folded       print folded stacks (root;caller;leaf count), of one profile;
                     default type: the profile's first
      --by-label KEY[,KEY...]
                     with --folded: the values of these labels as root frames,
                     [no KEY] where a sample has none
      --label KEY=VALUE
                     only samples with this label; may be given again: values of one
                     key add up, other keys narrow down; trace_id and span_id are keys
      --merge        write the sum of any number of profiles as one pprof file;
      --from T       of those that begin at T or later and
      --until T      end at T or earlier (Unix seconds, as date +%s.%N prints)
  -h, --help         print this
      --version      print the version

Exit status: 0, 1 if a file cannot be read, understood or written, 2 for wrong usage.
)";

// Cuts the options out of a command line.
class CommandLine {
 public:
  CommandLine(int argc, char** argv) : words_(argv + 1, argv + argc) {}

  // Fills `arguments`, or returns the exit status.
  std::optional<int> Parse(Arguments* arguments) {
    while (next_ < words_.size()) {
      const std::string word = words_[next_++];
      if (only_files_ || word == "-" || word[0] != '-') {
        arguments->files.push_back(word);
      } else if (const auto exit_status = ParseOption(word, arguments)) {
        return exit_status;
      }
    }
    return Check(*arguments);
  }

 private:
  std::optional<int> ParseOption(const std::string& word, Arguments* arguments) {
    if (word == "--") {
      only_files_ = true;
    } else if (word == "-h" || word == "--help") {
      std::fputs(kHelp, stdout);
      return 0;
    } else if (word == "--version") {
      std::puts("podo-flame " PODO_VERSION);
      return 0;
    } else if (word == "--folded") {
      arguments->form = Form::kFolded;
    } else if (word == "--merge") {
      arguments->form = Form::kMerge;
    } else if (IsTable(word, "--top")) {
      return SetTable(word, Form::kTop, arguments);
    } else if (IsTable(word, "--labels")) {
      return SetTable(word, Form::kLabels, arguments);
    } else if (auto keys = Value(word, "--by-label", "--by-label")) {
      return AddKeys(word, *keys, &arguments->by_labels);
    } else if (auto label = Value(word, "--label", "--label")) {
      return AddLabel(word, *label, &arguments->labels);
    } else if (auto output = Value(word, "-o", "--output")) {
      arguments->output = output;
    } else if (auto type = Value(word, "--type", "--type")) {
      arguments->type = *type;
    } else if (auto title = Value(word, "--title", "--title")) {
      arguments->title = title;
    } else if (auto from = Value(word, "--from", "--from")) {
      return SetTime(word, *from, &arguments->range.from_ns);
    } else if (auto until = Value(word, "--until", "--until")) {
      return SetTime(word, *until, &arguments->range.until_ns);
    } else {
      return FailUsage(absl::StrCat("unknown or incomplete option ", word));
    }
    return std::nullopt;
  }

  // The value of an option given as "-o X", "--output X" or "--output=X".
  std::optional<std::string> Value(const std::string& word, const char* short_name,
                                   const std::string& long_name) {
    if (word.rfind(long_name + "=", 0) == 0) return word.substr(long_name.size() + 1);
    if ((word != short_name && word != long_name) || next_ == words_.size()) return std::nullopt;
    return words_[next_++];
  }

  // "--top" or "--top=20".
  static bool IsTable(const std::string& word, const std::string& name) {
    return word == name || word.rfind(name + "=", 0) == 0;
  }

  static std::optional<int> SetTable(const std::string& word, Form form, Arguments* arguments) {
    arguments->form = form;
    const size_t at = word.find('=');
    if (at == std::string::npos) return std::nullopt;
    if (absl::SimpleAtoi(word.substr(at + 1), &arguments->rows) && arguments->rows > 0) {
      return std::nullopt;
    }
    return FailUsage(absl::StrCat(word, ": accepted: a number from 1"));
  }

  static std::optional<int> AddKeys(const std::string& word, const std::string& text,
                                    std::vector<std::string>* keys) {
    for (std::string& key : std::vector<std::string>(absl::StrSplit(text, ','))) {
      if (key.empty()) return FailUsage(absl::StrCat(word, " ", text, ": accepted: KEY[,KEY...]"));
      keys->push_back(std::move(key));
    }
    return std::nullopt;
  }

  static std::optional<int> AddLabel(const std::string& word, const std::string& text,
                                     std::vector<encode::LabelWish>* labels) {
    auto wish = encode::ParseLabelWish(text);
    if (!wish.ok()) {
      return FailUsage(absl::StrCat(word, " ", std::string(wish.status().message())));
    }
    labels->push_back(*std::move(wish));
    return std::nullopt;
  }

  static std::optional<int> SetTime(const std::string& word, const std::string& text,
                                    int64_t* time_ns) {
    const std::optional<int64_t> parsed = ParseUnixSeconds(text);
    if (!parsed) {
      return FailUsage(absl::StrCat(word, " ", text, ": accepted: seconds since the Unix epoch"));
    }
    *time_ns = *parsed;
    return std::nullopt;
  }

  static std::optional<int> Check(const Arguments& arguments) {
    const size_t files = arguments.files.size();
    if (files == 0) return FailUsage("no profile given; accepted: one or two files");
    if (!arguments.by_labels.empty() && arguments.form != Form::kFolded) {
      return FailUsage("--by-label; accepted: with --folded");
    }
    if (arguments.form == Form::kMerge) {
      if (arguments.labels.empty()) return std::nullopt;
      return FailUsage("--label with --merge; accepted: with a page or a text");
    }
    const TimeRange& range = arguments.range;
    if (range.from_ns != TimeRange().from_ns || range.until_ns != TimeRange().until_ns) {
      return FailUsage("--from or --until; accepted: with --merge");
    }
    if (files > 2) return FailUsage(absl::StrCat(files, " files; accepted: one or two"));
    if (files == 2 && arguments.form == Form::kFolded) {
      return FailUsage("--folded of two files; accepted: one");
    }
    if (files == 2 && arguments.files[0] == "-" && arguments.files[1] == "-") {
      return FailUsage("standard input given twice; accepted: once");
    }
    return std::nullopt;
  }

  std::vector<std::string> words_;
  size_t next_ = 0;
  bool only_files_ = false;
};

}  // namespace

int Fail(std::string_view what) {
  std::fprintf(stderr, "podo-flame: %.*s\n", static_cast<int>(what.size()), what.data());
  return 1;
}

int FailUsage(std::string_view what) {
  Fail(absl::StrCat(std::string(what), "; see podo-flame --help"));
  return 2;
}

std::optional<int> ParseCommandLine(int argc, char** argv, Arguments* arguments) {
  return CommandLine(argc, argv).Parse(arguments);
}

}  // namespace podo::tools
