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

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "encode/flame_page.h"
#include "encode/folded.h"
#include "encode/label_filter.h"
#include "encode/label_table.h"
#include "encode/pprof_encoder.h"
#include "encode/pprof_reader.h"
#include "encode/sample_type.h"
#include "encode/top_text.h"
#include "tools/command_line.h"
#include "tools/known_names.h"
#include "tools/merge_files.h"

namespace {

using podo::model::Profile;
using podo::tools::Arguments;
using podo::tools::Fail;
using podo::tools::FailUsage;
using podo::tools::Form;

// Compressed; what it unpacks to has the same limit (encode/pprof_reader.h).
constexpr size_t kMaxFileBytes = size_t{128} << 20;

std::string DisplayName(const std::string& file) { return file == "-" ? "standard input" : file; }

std::string ErrnoText() { return std::strerror(errno); }

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

podo::base::StatusOr<std::string> ReadAll(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(path == "-" ? stdin
                                                               : std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return podo::base::NotFoundError(ErrnoText());
  std::string bytes;
  char piece[64 << 10];
  while (const size_t size = std::fread(piece, 1, sizeof piece, file.get())) {
    bytes.append(piece, size);
    if (bytes.size() > kMaxFileBytes) {
      return podo::base::ResourceExhaustedError(
          absl::StrCat("too large; accepted: at most ", kMaxFileBytes, " bytes"));
    }
  }
  if (std::ferror(file.get()) != 0) return podo::base::UnavailableError(ErrnoText());
  return bytes;
}

struct Input {
  std::string name;
  Profile profile;
  size_t type = 0;
};

podo::base::StatusOr<Input> ReadInput(const std::string& file) {
  podo::base::StatusOr<std::string> bytes = ReadAll(file);
  if (!bytes.ok()) return bytes.status();
  podo::base::StatusOr<Profile> profile = podo::encode::ReadPprof(*bytes);
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
    const podo::base::StatusOr<size_t> type = podo::encode::FindSampleType(input.profile, name);
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

// Leaves the samples with the labels asked for. A key or value that one of two profiles lacks is
// fine, as is the page it gives; one that both lack is a mistake.
podo::base::Status ChooseLabels(const Arguments& arguments, std::vector<Input>* inputs) {
  std::vector<const Profile*> profiles;
  for (const Input& input : *inputs) profiles.push_back(&input.profile);
  podo::base::Status status = podo::encode::CheckLabelKeys(profiles, arguments.by_labels);
  if (status.ok()) status = podo::encode::CheckLabelWishes(profiles, arguments.labels);
  if (!status.ok() || arguments.labels.empty()) return status;
  for (Input& input : *inputs) {
    input.profile = podo::encode::KeepLabelled(std::move(input.profile), arguments.labels);
  }
  return podo::base::OkStatus();
}

std::string Text(const std::vector<Input>& inputs, const Arguments& arguments) {
  const Input& last = inputs.back();
  const size_t rows = arguments.rows;
  const bool is_labels = arguments.form == Form::kLabels;
  if (arguments.form == Form::kPage) return Page(inputs, arguments);
  if (arguments.form == Form::kFolded) {
    return podo::encode::EncodeFolded(last.profile, last.type, arguments.by_labels);
  }
  if (inputs.size() == 1) {
    return is_labels ? podo::encode::LabelTableText(last.profile, last.type, rows)
                     : podo::encode::TopTableText(last.profile, last.type, rows);
  }
  const Input& first = inputs[0];
  return (is_labels ? podo::encode::LabelChangesText : podo::encode::TopChangesText)(
      first.profile, first.type, last.profile, last.type, rows);
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
    podo::base::StatusOr<Input> input = ReadInput(file);
    if (!input.ok()) {
      return Fail(absl::StrCat(DisplayName(file), ": ", std::string(input.status().message())));
    }
    names.Learn(input->profile);
    inputs.push_back(*std::move(input));
  }
  podo::tools::ProfileSum sum;
  for (Input& input : inputs) {
    if (!arguments.range.Holds(input.profile)) continue;
    const podo::base::Status status = sum.Add(names.Apply(std::move(input.profile)));
    if (!status.ok()) {
      return Fail(absl::StrCat(input.name, ": ", std::string(status.message())));
    }
  }
  if (sum.empty()) {
    return Fail(absl::StrCat("none of the ", arguments.files.size(),
                             " profiles lies between --from and --until"));
  }
  const podo::base::StatusOr<std::string> bytes = podo::encode::EncodePprofGz(sum.Take());
  if (!bytes.ok()) return Fail(std::string(bytes.status().message()));
  return Write(*bytes, arguments.output);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (const auto exit_status = podo::tools::ParseCommandLine(argc, argv, &arguments))
    return *exit_status;
  const bool is_file = arguments.form == Form::kPage || arguments.form == Form::kMerge;
  if (is_file && !arguments.output && isatty(STDOUT_FILENO) == 1) {
    return FailUsage("will not print a file on a terminal; redirect it (> flame.html) or use -o");
  }
  if (arguments.form == Form::kMerge) return Merge(arguments);
  std::vector<Input> inputs;
  for (const std::string& file : arguments.files) {
    podo::base::StatusOr<Input> input = ReadInput(file);
    if (!input.ok()) {
      return Fail(absl::StrCat(DisplayName(file), ": ", std::string(input.status().message())));
    }
    inputs.push_back(*std::move(input));
  }
  if (const std::string error = ChooseTypes(arguments, &inputs); !error.empty()) return Fail(error);
  if (const podo::base::Status status = ChooseLabels(arguments, &inputs); !status.ok()) {
    return Fail(std::string(status.message()));
  }
  return Write(Text(inputs, arguments), arguments.output);
}
