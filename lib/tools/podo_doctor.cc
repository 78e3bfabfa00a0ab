// SPDX-License-Identifier: Apache-2.0
// podo-doctor: why podo does or does not work here, and what to do about it.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "encode/pprof_reader.h"
#include "net/net_loader.h"
#include "resource.h"
#include "tools/doctor_command_line.h"
#include "tools/doctor_config.h"
#include "tools/doctor_elf.h"
#include "tools/doctor_file.h"
#include "tools/doctor_listen.h"
#include "tools/doctor_machine.h"
#include "tools/doctor_modules.h"
#include "tools/doctor_places.h"
#include "tools/doctor_report.h"
#include "tools/doctor_run.h"
#include "tools/doctor_sinks.h"
#include "tools/doctor_stacks.h"

namespace {

using podo::doctor::Arguments;
using podo::doctor::EffectiveConfig;
using podo::doctor::Fail;
using podo::doctor::ModuleFacts;
using podo::doctor::ModuleFile;
using podo::doctor::Section;

// What this process was given, before anything was changed.
struct Surroundings {
  std::vector<const char*> environment;
  bool is_secure = false;
  sigset_t mask;
  std::string libraries;  // the directory of podo's own; empty: not found
};

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Beside this program's own installation: PREFIX/bin and PREFIX/lib, or a build tree. Where the
// libraries were to be installed comes last: that may be another version.
std::string FindLibraries() {
  const std::string bin = ParentOf(podo::ReadExecutablePath());
  const std::string prefix = ParentOf(bin);
  const std::string libdir = PODO_LIBDIR;  // "/usr/local/lib/x86_64-linux-gnu"
  std::vector<std::string> places = {prefix, prefix + "/lib", prefix + "/lib64"};
  for (size_t at = libdir.rfind("/lib"); at != libdir.npos && at > 0;
       at = libdir.rfind("/lib", at - 1)) {
    places.push_back(prefix + libdir.substr(at));
  }
  places.push_back(libdir);
  for (const std::string& place : places) {
    if (access((place + "/libpodo_preload.so").c_str(), R_OK) == 0) return place;
  }
  return "";
}

Section MachineSection(const EffectiveConfig& effective, const Surroundings& here) {
  Section section;
  section.title = "Machine";
  const std::string preload = here.libraries.empty() ? "" : here.libraries + "/libpodo_preload.so";
  podo::doctor::MachineFacts facts =
      podo::doctor::ReadMachineFacts(preload, effective.config.signal.value);
  facts.wants_thread_timers = effective.config.clock.value == podo::Clock::kThread ||
                              effective.config.clock.value == podo::Clock::kAuto ||
                              effective.config.clock.value == podo::Clock::kPerf;
  section.findings = podo::doctor::JudgeMachine(facts, effective.config);
  return section;
}

Section SinksSection(const EffectiveConfig& effective) {
  Section section;
  section.title = "Sinks and directories";
  for (const auto& place : podo::doctor::PlacesOf(effective.config)) {
    section.findings.push_back(podo::doctor::JudgePlace(podo::doctor::ProbePlace(place)));
  }
  for (const auto& sink : effective.config.sinks.value) {
    if (!sink.IsHttp()) continue;
    section.findings.push_back(
        podo::doctor::JudgeSink(podo::doctor::ProbeSink(effective.config, sink)));
  }
  return section;
}

Section ListenSection(const EffectiveConfig& effective) {
  Section section;
  section.title = "HTTP side";
  section.findings = {podo::doctor::JudgeListen(podo::doctor::ProbeListen(effective.config))};
  return section;
}

bool IsNumber(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// The modules of one word of the command line.
Section ModulesOf(const std::string& word, uint64_t max_unpacked_bytes) {
  podo::doctor::ProcessModules found;
  Section failed;
  failed.title = absl::StrCat("Modules of ", word);
  if (IsNumber(word)) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(word, &pid)) pid = 0;
    auto modules = podo::doctor::ModulesOfProcess(pid);
    if (!modules.ok()) {
      failed.findings.push_back({podo::doctor::Mark::kProblem,
                                 std::string(modules.status().message()),
                                 "A process of this user, or as root: whoever may debug it may "
                                 "read its maps. For a file called so write ./ before it."});
      return failed;
    }
    found = *std::move(modules);
  } else {
    // Debug files are looked for by the file's own directory.
    std::error_code ignored;
    const std::filesystem::path path = std::filesystem::canonical(word, ignored);
    found.files.push_back({word, path.empty() ? word : path.string(), 0, "", 0});
  }
  std::vector<ModuleFacts> facts;
  for (const ModuleFile& file : found.files) {
    facts.push_back(podo::doctor::ReadModule(file, max_unpacked_bytes));
  }
  return podo::doctor::ModulesSection(IsNumber(word) ? "process " + word : word, facts,
                                      found.anonymous_code, 0);
}

// Gone with this object, with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const char* parent = std::getenv("TMPDIR");
    // What a URL needs encoded is not worth it here.
    const bool is_plain =
        parent != nullptr && parent[0] == '/' &&
        std::string_view(parent).find_first_of(",?#{}% \t") == std::string_view::npos;
    path_ = absl::StrCat(is_plain ? parent : "/tmp", "/podo-doctor-XXXXXX");
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }  // empty: none

 private:
  std::string path_;
};

podo::doctor::StackSum ReadProfiles(const std::string& directory) {
  constexpr size_t kMaxFileBytes = size_t{128} << 20;
  podo::doctor::StackSum sum;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(directory.c_str()), closedir);
  while (listing != nullptr) {
    const dirent* entry = readdir(listing.get());
    if (entry == nullptr) break;
    if (!std::string_view(entry->d_name).ends_with(".pb.gz")) continue;
    const auto bytes =
        podo::doctor::ReadFile(absl::StrCat(directory, "/", entry->d_name), kMaxFileBytes);
    if (!bytes.ok()) continue;
    const auto profile = podo::encode::ReadPprof(*bytes);
    if (profile.ok()) sum.Add(*profile);
  }
  return sum;
}

Section EndsOf(const podo::doctor::StackSum& sum) {
  const std::vector<podo::doctor::EarlyEnd> ends = sum.EarlyEnds();
  std::map<std::string, std::unique_ptr<podo::doctor::ElfRows>> files;
  std::vector<podo::doctor::Cause> causes;
  for (const podo::doctor::EarlyEnd& end : ends) {
    const auto [file, is_new] = files.try_emplace(end.module);
    if (is_new && !end.module.empty()) {
      auto elf = podo::doctor::ReadElfRows(end.module);
      if (elf.ok() && elf->build_id == end.build_id) {
        file->second = std::make_unique<podo::doctor::ElfRows>(*std::move(elf));
      }
    }
    causes.push_back(podo::doctor::CauseOf(end, file->second.get()));
  }
  return podo::doctor::EarlyEndsSection(ends, causes, sum.incomplete(), sum.samples());
}

// Runs the program and adds what it shows. Returns its exit status, -1 if it could not be run.
int RunAndJudge(const Arguments& arguments, const EffectiveConfig& effective,
                const Surroundings& here, std::vector<Section>* sections) {
  const std::string& name = arguments.program[0];
  if (here.libraries.empty()) {
    Fail("libpodo_preload.so is not beside this program's libraries: install it");
    return -1;
  }
  if (here.libraries.find_first_of(" :") != std::string::npos) {
    Fail(absl::StrCat(here.libraries, ": LD_PRELOAD knows no path with a blank or colon"));
    return -1;
  }
  const TemporaryDirectory directory;
  if (directory.path().empty()) {
    Fail(absl::StrCat("no temporary directory: ", std::strerror(errno)));
    return -1;
  }
  const podo::doctor::ProgramFacts program = podo::doctor::LookAtProgram(name);
  const auto end = podo::doctor::RunProgram(
      arguments.program,
      podo::doctor::RunEnvironment(here.environment, here.libraries + "/libpodo_preload.so",
                                   directory.path()),
      here.mask);
  if (!end.ok()) {
    Fail(std::string(end.status().message()));
    return -1;
  }
  const podo::doctor::StackSum sum = ReadProfiles(directory.path());
  if (!arguments.only_modules) {
    podo::doctor::RunLog log = podo::doctor::ReadRunLog(end->log_lines);
    std::erase_if(log.complaints, [&](const std::string& line) {  // told under Configuration
      return std::find(effective.messages.begin(), effective.messages.end(), line) !=
             effective.messages.end();
    });
    sections->push_back(podo::doctor::RunSection(name, program, *end, log,
                                                 effective.config.enabled.value, sum.samples()));
    sections->push_back(EndsOf(sum));
  }
  std::vector<ModuleFacts> modules;
  for (const podo::doctor::ModuleUse& use : sum.Modules()) {
    if (!use.path.starts_with('/')) continue;  // [vdso]
    modules.push_back(podo::doctor::ReadModule({use.path, use.path, 0, use.build_id, use.samples},
                                               effective.config.symbol_bytes.value / 2));
  }
  if (!modules.empty() || arguments.only_modules) {
    sections->push_back(podo::doctor::ModulesSection(name, modules, 0, sum.samples()));
  }
  return end->ExitStatus();
}

bool Write(const std::string& text, const std::optional<std::string>& output) {
  std::FILE* file = output ? std::fopen(output->c_str(), "wbe") : stdout;
  bool written = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  written = file != nullptr && std::fflush(file) == 0 && written;
  if (!written) {
    Fail(absl::StrCat(output.value_or("standard output"), ": ", std::strerror(errno)));
  }
  if (output && file != nullptr) std::fclose(file);
  return written;
}

Surroundings LookAround() {
  Surroundings here;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    here.environment.push_back(*entry);
  }
  here.is_secure = getauxval(AT_SECURE) != 0;
  pthread_sigmask(SIG_SETMASK, nullptr, &here.mask);
  here.libraries = FindLibraries();
  return here;
}

// A full file, or a reader that has gone, is an error and not the end.
void BlockFileSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGXFSZ);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (const auto status = podo::doctor::ParseCommandLine({argv + 1, argv + argc}, &arguments)) {
    return *status;
  }
  const Surroundings here = LookAround();
  BlockFileSignals();
  if (!here.libraries.empty()) podo::net::LookAlsoIn(here.libraries);
  const std::string exe = arguments.program.empty()
                              ? "EXE"
                              : arguments.program[0].substr(arguments.program[0].rfind('/') + 1);
  const absl::Span<const char* const> entries = here.environment;
  const EffectiveConfig effective = podo::doctor::ReadEffectiveConfig(entries, here.is_secure, exe);

  std::vector<Section> sections;
  if (!arguments.only_modules) {
    sections.push_back(podo::doctor::ConfigSection(effective, entries));
    sections.push_back(MachineSection(effective, here));
    sections.push_back(SinksSection(effective));
    if (sections.back().findings.empty()) sections.pop_back();
    if (effective.config.listen.value) sections.push_back(ListenSection(effective));
  }
  int program_status = 0;
  if (!arguments.program.empty()) {
    program_status = RunAndJudge(arguments, effective, here, &sections);
    if (program_status < 0) return 1;
  } else if (arguments.only_modules) {
    std::vector<std::string> words = arguments.modules;
    if (words.empty()) words.push_back(absl::StrCat(getpid()));
    for (const std::string& word : words) {
      sections.push_back(ModulesOf(word, effective.config.symbol_bytes.value / 2));
    }
  }
  if (!Write(podo::doctor::ReportText(sections), arguments.output)) return 1;
  if (program_status != 0) return program_status;
  return podo::doctor::HasProblem(sections) ? 1 : 0;
}
