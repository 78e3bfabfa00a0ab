// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_stacks.h"

#include <doctest/doctest.h>

#include "model/profile_builder.h"

namespace podo::doctor {
namespace {

class Stacks {
 public:
  Stacks() : builder_(kTypes) {}

  model::MappingId Module(const std::string& path, uint64_t start) {
    model::Mapping mapping;
    mapping.start = start;
    mapping.limit = start + 0x1000;
    mapping.file_offset = 0x400;
    mapping.filename = builder_.AddString(path);
    mapping.build_id = builder_.AddString("ab");
    return builder_.AddMapping(mapping);
  }
  model::LocationId Frame(model::MappingId module, uint64_t address, const std::string& name) {
    model::Location location;
    location.mapping = module;
    location.address = address;
    if (!name.empty()) {
      model::Function function;
      function.name = builder_.AddString(name);
      location.lines.push_back({builder_.AddFunction(function), 0, 0});
    }
    return builder_.AddLocation(location);
  }
  model::LocationId Named(const std::string& name) { return builder_.AddNamedFrame(name); }
  void Add(const std::vector<model::LocationId>& leaf_first, int64_t count) {
    builder_.AddSample(builder_.AddStack(leaf_first), {}, {}, {{count, count * 1000}});
  }
  StackSum Sum() {
    StackSum sum;
    sum.Add(builder_.profile());
    return sum;
  }

 private:
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {"samples", "count"}, {"cpu", "nanoseconds"}};
  model::ProfileBuilder builder_;
};

TEST_CASE("stacks that end early are counted by module and the last function found") {
  Stacks stacks;
  const auto lib = stacks.Module("/x/lib.so", 0x10000);
  const auto exe = stacks.Module("/x/exe", 0x20000);
  const auto leaf = stacks.Frame(exe, 0x20010, "leaf");
  const auto dark = stacks.Frame(lib, 0x10020, "dark");
  const auto nameless = stacks.Frame(lib, 0x10030, "");
  const auto jit = stacks.Frame({}, 0x777000, "");
  const auto main = stacks.Frame(exe, 0x20040, "main");
  const auto incomplete = stacks.Named("[incomplete stack]");
  stacks.Add({leaf, dark, incomplete}, 5);
  stacks.Add({dark, incomplete}, 3);
  stacks.Add({leaf, nameless, incomplete}, 2);
  stacks.Add({leaf, jit, incomplete}, 1);
  stacks.Add({leaf, main}, 9);
  stacks.Add({stacks.Named("[dropped: ring full]")}, 100);
  stacks.Add({leaf, stacks.Named("[module replaced]")}, 4);
  const StackSum sum = stacks.Sum();
  CHECK(sum.samples() == 24);  // what was dropped has no stack
  CHECK(sum.incomplete() == 11);
  const auto ends = sum.EarlyEnds();
  REQUIRE(ends.size() == 3);
  CHECK(ends[0].function == "dark");
  CHECK(ends[0].module == "/x/lib.so");
  CHECK(ends[0].samples == 8);
  CHECK(ends[0].file_offset == 0x420);
  CHECK(ends[1].function == "0x430");
  CHECK(ends[1].samples == 2);
  CHECK(ends[2].function == "0x777000");
  CHECK(ends[2].module == "");
  const auto modules = sum.Modules();
  REQUIRE(modules.size() == 2);
  CHECK(modules[0].path == "/x/exe");
  CHECK(modules[0].samples == 21);
  CHECK(modules[1].samples == 3);
}

TEST_CASE("a function that calls itself [incomplete stack] is none") {
  Stacks stacks;
  const auto exe = stacks.Module("/x/exe", 0x20000);
  stacks.Add({stacks.Frame(exe, 0x20010, "leaf"), stacks.Frame(exe, 0x20020, "[incomplete stack]")},
             1);
  CHECK(stacks.Sum().incomplete() == 0);
}

TEST_CASE("profiles with odd tables do not mislead") {
  StackSum sum;
  sum.Add(model::Profile::Empty());
  model::Profile counts = model::Profile::Empty();
  counts.sample_types.push_back({});
  counts.samples.push_back({});
  counts.values.push_back(7);
  sum.Add(counts);  // an empty stack
  CHECK(sum.samples() == 0);
}

TEST_CASE("the cause is what the rows say of the place") {
  capture::RowTableBuilder rows(0x1000, 0x1030);
  capture::UnwindRule rule;
  rule.kind = capture::CfaKind::kNoUnwind;
  rows.Append(0, rule);
  rule.kind = capture::CfaKind::kUnsupported;
  rows.Append(0x10, rule);
  rule.kind = capture::CfaKind::kRegOffset;
  rows.Append(0x20, rule);
  ElfRows elf;
  elf.table = *rows.Finish();
  elf.segments = {{0x1000, 0x1030, 0x400, true}};
  EarlyEnd end;
  CHECK(CauseOf(end, &elf) == Cause::kNoFile);
  end.module = "/x";
  CHECK(CauseOf(end, nullptr) == Cause::kUnknown);
  CHECK(CauseOf(end, &elf) == Cause::kUnknown);  // no code at that offset
  for (const auto& [offset, cause] :
       {std::pair(0x400, Cause::kNoRow), std::pair(0x410, Cause::kResidue),
        std::pair(0x420, Cause::kHasRow)}) {
    end.file_offset = static_cast<uint64_t>(offset);
    CHECK(CauseOf(end, &elf) == cause);
  }
}

TEST_CASE("early ends are a problem above 5 %, a note above 1 %, and usual below") {
  const auto judge = [](uint64_t incomplete) {
    std::vector<EarlyEnd> ends(1);
    ends[0].module = "/x/dark.so";
    ends[0].samples = incomplete;
    const Section section = EarlyEndsSection(ends, {Cause::kNoRow}, incomplete, 1000);
    REQUIRE(section.findings.size() == 1);
    return section.findings[0];
  };
  CHECK(judge(200).mark == Mark::kProblem);
  CHECK(judge(200).text ==
        "20.0 % of all stacks end in dark.so: no unwind information for that code");
  CHECK(judge(200).advice.find("-fasynchronous-unwind-tables") != std::string::npos);
  CHECK(judge(30).mark == Mark::kNote);
  CHECK(judge(5).mark == Mark::kOk);
  CHECK(EarlyEndsSection({}, {}, 0, 1000).findings[0].mark == Mark::kOk);
  CHECK(EarlyEndsSection({}, {}, 0, 0).findings[0].mark == Mark::kNote);
}

TEST_CASE("a long list of ends is cut, and says so") {
  std::vector<EarlyEnd> ends(20);
  for (EarlyEnd& end : ends) end.samples = 10;
  const Section section = EarlyEndsSection(ends, std::vector<Cause>(20, Cause::kNoFile), 200, 1000);
  CHECK(section.table.rows.size() == 13);
  CHECK(section.table.rows.back()[1] == "and 8 more");
  CHECK(section.findings.size() == 1);
}

}  // namespace
}  // namespace podo::doctor
