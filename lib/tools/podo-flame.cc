// SPDX-License-Identifier: Apache-2.0
// podo-flame: pprof files -> flame graph or difference page, folded stacks, tables, their sum.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "encode/flame_page.h"
#include "encode/folded.h"
#include "encode/pprof_encoder.h"
#include "encode/pprof_reader.h"
#include "encode/sample_type.h"
#include "encode/top_text.h"
#include "tools/known_names.h"
#include "tools/merge_files.h"

namespace {

using podo::model::Profile;

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
      --folded       print folded stacks (root;caller;leaf count), of one profile;
                     default type: the profile's first
      --merge        write the sum of any number of profiles as one pprof file;
      --from T       of those that begin at T or later and
      --until T      end at T or earlier (Unix seconds, as date +%s.%N prints)
  -h, --help         print this
      --version      print the version

Exit status: 0, 1 if a file cannot be read, understood or written, 2 for wrong usage.
)";
constexpr size_t kDefaultRows = 20;
// Compressed; what it unpacks to has the same limit (encode/pprof_reader.h).
constexpr size_t kMaxFileBytes = size_t{128} << 20;

enum class Form { kPage, kTop, kFolded, kMerge };

struct Arguments {
  std::vector<std::string> files;
  Form form = Form::kPage;
  size_t rows = kDefaultRows;
  std::string type;
  std::optional<std::string> output;
  std::optional<std::string> title;
  podo::tools::TimeRange range;  // with kMerge
};

int Fail(std::string_view what) {
  std::fprintf(stderr, "podo-flame: %.*s\n", static_cast<int>(what.size()), what.data());
  return 1;
}

int FailUsage(std::string_view what) {
  Fail(absl::StrCat(std::string(what), "; see podo-flame --help"));
  return 2;
}

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
    } else if (word == "--top") {
      arguments->form = Form::kTop;
    } else if (word.rfind("--top=", 0) == 0) {
      arguments->form = Form::kTop;
      if (!absl::SimpleAtoi(word.substr(6), &arguments->rows) || arguments->rows == 0) {
        return FailUsage(absl::StrCat(word, ": accepted: a number from 1"));
      }
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

  static std::optional<int> SetTime(const std::string& word, const std::string& text,
                                    int64_t* time_ns) {
    const std::optional<int64_t> parsed = podo::tools::ParseUnixSeconds(text);
    if (!parsed) {
      return FailUsage(absl::StrCat(word, " ", text, ": accepted: seconds since the Unix epoch"));
    }
    *time_ns = *parsed;
    return std::nullopt;
  }

  static std::optional<int> Check(const Arguments& arguments) {
    const size_t files = arguments.files.size();
    if (files == 0) return FailUsage("no profile given; accepted: one or two files");
    if (arguments.form == Form::kMerge) return std::nullopt;
    const podo::tools::TimeRange& range = arguments.range;
    if (range.from_ns != podo::tools::TimeRange().from_ns ||
        range.until_ns != podo::tools::TimeRange().until_ns) {
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

std::string DisplayName(const std::string& file) { return file == "-" ? "standard input" : file; }

std::string ErrnoText() { return std::strerror(errno); }

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(path == "-" ? stdin
                                                               : std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return absl::NotFoundError(ErrnoText());
  std::string bytes;
  char piece[64 << 10];
  while (const size_t size = std::fread(piece, 1, sizeof piece, file.get())) {
    bytes.append(piece, size);
    if (bytes.size() > kMaxFileBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("too large; accepted: at most ", kMaxFileBytes, " bytes"));
    }
  }
  if (std::ferror(file.get()) != 0) return absl::UnavailableError(ErrnoText());
  return bytes;
}

struct Input {
  std::string name;
  Profile profile;
  size_t type = 0;
};

absl::StatusOr<Input> ReadInput(const std::string& file) {
  absl::StatusOr<std::string> bytes = ReadAll(file);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<Profile> profile = podo::encode::ReadPprof(*bytes);
  if (!profile.ok()) return profile.status();
  return Input{DisplayName(file), *std::move(profile)};
}

// Sets the inputs' types: the one asked for, else the last profile's own, the same in both.
// Returns what is wrong, "" if nothing is.
std::string ChooseTypes(const Arguments& arguments, std::vector<Input>* inputs) {
  const Profile& last = inputs->back().profile;
  std::string name = arguments.type;
  if (name.empty()) {
    // Folded stacks hold counts by custom, and counts come first by pprof's.
    const size_t own =
        arguments.form == Form::kFolded ? 0 : podo::encode::FindSampleType(last, "").value_or(0);
    name = last.String(last.sample_types[own].type);
  }
  for (Input& input : *inputs) {
    const absl::StatusOr<size_t> type = podo::encode::FindSampleType(input.profile, name);
    if (!type.ok()) return absl::StrCat(input.name, ": ", std::string(type.status().message()));
    input.type = *type;
  }
  return "";
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string Page(const std::vector<Input>& inputs, const Arguments& arguments) {
  podo::encode::FlamePageOptions options;
  const Input& last = inputs.back();
  options.sample_type = last.profile.String(last.profile.sample_types[last.type].type);
  options.title = BaseName(inputs[0].name);
  if (inputs.size() == 2) absl::StrAppend(&options.title, " \xe2\x86\x92 ", BaseName(last.name));
  if (arguments.title) options.title = *arguments.title;
  if (inputs.size() == 1) return podo::encode::FlameGraphPage(last.profile, options);
  return podo::encode::DiffPage(inputs[0].profile, last.profile, options);
}

std::string Text(const std::vector<Input>& inputs, const Arguments& arguments) {
  const Input& last = inputs.back();
  if (arguments.form == Form::kPage) return Page(inputs, arguments);
  if (arguments.form == Form::kFolded) return podo::encode::EncodeFolded(last.profile, last.type);
  if (inputs.size() == 1) {
    return podo::encode::TopTableText(last.profile, last.type, arguments.rows);
  }
  return podo::encode::TopChangesText(inputs[0].profile, inputs[0].type, last.profile, last.type,
                                      arguments.rows);
}

int Write(const std::string& text, const std::optional<std::string>& output) {
  std::FILE* file = output ? std::fopen(output->c_str(), "wb") : stdout;
  const std::string name = output.value_or("standard output");
  if (file == nullptr) return Fail(absl::StrCat(name, ": ", ErrnoText()));
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  // A full disk may show only when the last bytes go out.
  if (std::fflush(file) != 0 || !written) return Fail(absl::StrCat(name, ": ", ErrnoText()));
  if (output && std::fclose(file) != 0) return Fail(absl::StrCat(name, ": ", ErrnoText()));
  return 0;
}

int Merge(const Arguments& arguments) {
  // All are read first: names may stand in a file that lies outside the range.
  std::vector<Input> inputs;
  podo::tools::KnownNames names;
  for (const std::string& file : arguments.files) {
    absl::StatusOr<Input> input = ReadInput(file);
    if (!input.ok()) {
      return Fail(absl::StrCat(DisplayName(file), ": ", std::string(input.status().message())));
    }
    names.Learn(input->profile);
    inputs.push_back(*std::move(input));
  }
  podo::tools::ProfileSum sum;
  for (Input& input : inputs) {
    if (!arguments.range.Holds(input.profile)) continue;
    const absl::Status status = sum.Add(names.Apply(std::move(input.profile)));
    if (!status.ok()) {
      return Fail(absl::StrCat(input.name, ": ", std::string(status.message())));
    }
  }
  if (sum.empty()) {
    return Fail(absl::StrCat("none of the ", arguments.files.size(),
                             " profiles lies between --from and --until"));
  }
  const absl::StatusOr<std::string> bytes = podo::encode::EncodePprofGz(sum.Take());
  if (!bytes.ok()) return Fail(std::string(bytes.status().message()));
  return Write(*bytes, arguments.output);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (const auto exit_status = CommandLine(argc, argv).Parse(&arguments)) return *exit_status;
  const bool is_file = arguments.form == Form::kPage || arguments.form == Form::kMerge;
  if (is_file && !arguments.output && isatty(STDOUT_FILENO) == 1) {
    return FailUsage("will not print a file on a terminal; redirect it (> flame.html) or use -o");
  }
  if (arguments.form == Form::kMerge) return Merge(arguments);
  std::vector<Input> inputs;
  for (const std::string& file : arguments.files) {
    absl::StatusOr<Input> input = ReadInput(file);
    if (!input.ok()) {
      return Fail(absl::StrCat(DisplayName(file), ": ", std::string(input.status().message())));
    }
    inputs.push_back(*std::move(input));
  }
  if (const std::string error = ChooseTypes(arguments, &inputs); !error.empty()) return Fail(error);
  return Write(Text(inputs, arguments), arguments.output);
}
