// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_stacks.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "encode/sample_type.h"

namespace podo::doctor {
namespace {

// aggregate/assemble.h has these; a file may come from another version.
constexpr std::string_view kIncomplete = "[incomplete stack]";

const std::string& NameOf(const model::Profile& profile, const model::Location& location) {
  static const std::string kNone;
  if (location.lines.empty()) return kNone;
  return profile.String(profile.functions[Index(location.lines.back().function)].name);
}

// Root frames that stand for something else: "[dropped: ring full]", "[paused]".
bool IsMarker(const model::Profile& profile, const model::Location& location) {
  return location.address == 0 && NameOf(profile, location).starts_with('[');
}

const model::Mapping* MappingOf(const model::Profile& profile, const model::Location& location) {
  return Index(location.mapping) == 0 ? nullptr : &profile.mappings[Index(location.mapping)];
}

std::string ShortName(const std::string& path) {
  return path.empty() ? "no file" : path.substr(path.rfind('/') + 1);
}

Finding AdviceFor(Cause cause, const std::string& modules, double share) {
  const std::string head =
      absl::StrCat(PercentText(share), " of all stacks end in ", modules, ": ");
  const Mark mark = share > 0.05 ? Mark::kProblem : Mark::kNote;
  switch (cause) {
    case Cause::kNoRow:
      return {mark, head + "no unwind information for that code",
              "Build it with -fasynchronous-unwind-tables, or with -fno-omit-frame-pointer, which "
              "podo follows where tables are missing; assembler needs .cfi_ lines."};
    case Cause::kNoFile:
      return {mark, head + "code that a just-in-time compiler made",
              "Let it keep frame pointers (Java: -XX:+PreserveFramePointer, V8: "
              "--interpreted-frames-native-stack)."};
    case Cause::kResidue:
      return {mark, head + "a rule that podo's table cannot hold, and libunwind did not finish it",
              "Nothing to do here; more than some percent is worth a report."};
    case Cause::kHasRow:
      return {
          mark, head + "there is a rule, but the stack does not fit it",
          "Mostly stacks that a program made itself (coroutines, fibers: see Carrier::SetStack), "
          "or the caller is code without frames."};
    case Cause::kUnknown:
      break;
  }
  return {mark, head + "the file cannot be read any more", "See the modules below."};
}

const char* CauseText(Cause cause) {
  switch (cause) {
    case Cause::kNoRow:
      return "no unwind rows";
    case Cause::kNoFile:
      return "code of no file";
    case Cause::kResidue:
      return "rule not expressible";
    case Cause::kHasRow:
      return "stack does not fit its rule";
    case Cause::kUnknown:
      break;
  }
  return "not known";
}

}  // namespace

void StackSum::Add(const model::Profile& profile) {
  const size_t type = encode::FindSampleType(profile, "samples").value_or(0);
  for (size_t i = 0; i < profile.samples.size(); ++i) {
    const auto& stack = profile.stacks[Index(profile.samples[i].stack)].locations;
    const int64_t value = profile.ValuesOf(i)[type];
    if (stack.empty() || value <= 0) continue;
    const uint64_t count = static_cast<uint64_t>(value);
    const model::Location& leaf = profile.locations[Index(stack.front())];
    const model::Location& root = profile.locations[Index(stack.back())];
    if (stack.size() == 1 && IsMarker(profile, root)) continue;
    samples_ += count;
    if (const model::Mapping* mapping = MappingOf(profile, leaf)) {
      modules_[{profile.String(mapping->filename), profile.String(mapping->build_id)}] += count;
    }
    if (stack.size() < 2 || !IsMarker(profile, root) || NameOf(profile, root) != kIncomplete) {
      continue;
    }
    incomplete_ += count;
    const model::Location& last = profile.locations[Index(stack[stack.size() - 2])];
    EarlyEnd end;
    end.function = NameOf(profile, last);
    if (const model::Mapping* mapping = MappingOf(profile, last)) {
      end.module = profile.String(mapping->filename);
      end.build_id = profile.String(mapping->build_id);
      end.file_offset = last.address - mapping->start + mapping->file_offset;
    }
    if (end.function.empty()) {
      end.function = absl::StrFormat("0x%x", end.module.empty() ? last.address : end.file_offset);
    }
    auto& known = ends_[{end.module, end.build_id, end.function}];
    end.samples = known.samples + count;
    known = std::move(end);
  }
}

std::vector<EarlyEnd> StackSum::EarlyEnds() const {
  std::vector<EarlyEnd> ends;
  for (const auto& [key, end] : ends_) ends.push_back(end);
  std::stable_sort(ends.begin(), ends.end(),
                   [](const EarlyEnd& a, const EarlyEnd& b) { return a.samples > b.samples; });
  return ends;
}

std::vector<ModuleUse> StackSum::Modules() const {
  std::vector<ModuleUse> modules;
  for (const auto& [key, samples] : modules_) modules.push_back({key.first, key.second, samples});
  std::stable_sort(modules.begin(), modules.end(),
                   [](const ModuleUse& a, const ModuleUse& b) { return a.samples > b.samples; });
  return modules;
}

Cause CauseOf(const EarlyEnd& end, const ElfRows* elf) {
  if (end.module.empty()) return Cause::kNoFile;
  if (elf == nullptr) return Cause::kUnknown;
  const capture::UnwindRule* rule = elf->RuleAtFileOffset(end.file_offset);
  if (rule == nullptr) return Cause::kUnknown;
  if (rule->kind == capture::CfaKind::kNoUnwind) return Cause::kNoRow;
  return rule->kind == capture::CfaKind::kUnsupported ? Cause::kResidue : Cause::kHasRow;
}

Section EarlyEndsSection(const std::vector<EarlyEnd>& ends, const std::vector<Cause>& causes,
                         uint64_t incomplete, uint64_t samples) {
  constexpr size_t kMostRows = 12;
  Section section;
  section.title = "Where stacks end early";
  if (samples == 0) {
    section.findings.push_back({Mark::kNote, "there are no stacks to judge", ""});
    return section;
  }
  const auto share_of = [&](uint64_t part) {
    return static_cast<double>(part) / static_cast<double>(samples);
  };
  if (incomplete == 0) {
    section.findings.push_back(
        {Mark::kOk, absl::StrCat("all of ", CountText(samples, "stack"), " reach their root"), ""});
    return section;
  }
  section.table.head = {"stacks", "last function found", "module", "why"};
  section.table.is_number = {true, false, false, false};
  std::map<Cause, std::pair<uint64_t, std::vector<std::string>>> by_cause;
  for (size_t i = 0; i < ends.size(); ++i) {
    if (i < kMostRows) {
      section.table.rows.push_back({PercentText(share_of(ends[i].samples)), ends[i].function,
                                    ShortName(ends[i].module), CauseText(causes[i])});
    }
    auto& [count, modules] = by_cause[causes[i]];
    count += ends[i].samples;
    const std::string name = ShortName(ends[i].module);
    if (std::find(modules.begin(), modules.end(), name) == modules.end()) modules.push_back(name);
  }
  if (ends.size() > kMostRows) {
    section.table.rows.push_back(
        {"", absl::StrCat("and ", ends.size() - kMostRows, " more"), "", ""});
  }
  const double share = share_of(incomplete);
  constexpr double kUsual = 0.01;
  if (share <= kUsual) {
    section.findings.push_back(
        {Mark::kOk, absl::StrCat(PercentText(share), " of all stacks end early, which is usual"),
         ""});
    return section;
  }
  for (const auto& [cause, sum] : by_cause) {
    constexpr size_t kMostModules = 3;
    std::string names;
    for (size_t i = 0; i < std::min(sum.second.size(), kMostModules); ++i) {
      absl::StrAppend(&names, i == 0 ? "" : ", ", sum.second[i]);
    }
    if (sum.second.size() > kMostModules) names += ", ...";
    if (share_of(sum.first) > kUsual / 2) {
      section.findings.push_back(AdviceFor(cause, names, share_of(sum.first)));
    }
  }
  return section;
}

}  // namespace podo::doctor
