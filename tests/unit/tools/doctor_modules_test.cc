// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_modules.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

namespace podo::doctor {
namespace {

ModuleFacts Healthy(const std::string& name) {
  ModuleFacts module;
  module.name = name;
  module.build_id = "0123456789abcdef";
  module.coverage = {100'000, 98'000, 0};
  module.symbols.symbols = Symbols::kDebugInfo;
  return module;
}

TEST_CASE("maps name each file with code once, and count code of no file") {
  const ProcessModules modules = ParseMaps(
      "55d0-55e0 r--p 00000000 fe:01 11 /usr/bin/x\n"
      "1000-2000 r-xp 00001000 fe:01 11                    /usr/bin/x\n"
      "3000-4000 r-xp 00005000 fe:01 11                    /usr/bin/x\n"
      "5000-6000 r-xp 00000000 fe:01 12                    /opt/with blank.so (deleted)\n"
      "7000-9000 rwxp 00000000 00:00 0 \n"
      "9000-a000 r-xp 00000000 00:00 0                     [vdso]\n"
      "b000-c000 --xp 00000000 00:00 0                     [vsyscall]\n"
      "nonsense\nffff\n-\n zz-xx r-xp 0 0 1 /a\n9-1 r-xp 0 0:0 1 /b\n",
      "/proc/1");
  REQUIRE(modules.files.size() == 2);
  CHECK(modules.files[0].name == "/usr/bin/x");
  CHECK(modules.files[1].name == "/opt/with blank.so (deleted)");
  CHECK(modules.files[1].path == "/proc/1/map_files/5000-6000");
  CHECK(modules.anonymous_code == 0x2000);
}

TEST_CASE("of this process every module is found and can be read") {
  const auto modules = ModulesOfProcess(getpid());
  REQUIRE(modules.ok());
  CHECK(modules->files.size() >= 3);
  for (const ModuleFile& file : modules->files) {
    CAPTURE(file.name);
    CHECK(ReadModule(file, 1 << 20).problem == "");
  }
  CHECK(!ModulesOfProcess(0).ok());
}

TEST_CASE("a file that was replaced since it was mapped is not taken for it") {
  ModuleFile by_inode{"exe", "/proc/self/exe", 1, "", 0};
  CHECK(ReadModule(by_inode, 1 << 20).problem.find("not there any more") != std::string::npos);
  ModuleFile by_build_id{"exe", "/proc/self/exe", 0, "00", 0};
  CHECK(ReadModule(by_build_id, 1 << 20).problem.find("build id") != std::string::npos);
}

TEST_CASE("modules are judged by rows, residue and symbols") {
  struct Case {
    Coverage coverage;
    Symbols symbols;
    std::string unwind_problem;
    uint32_t broken;
    Mark mark;
    std::string text;
  };
  const auto debug = Symbols::kDebugInfo;
  const Case cases[] = {
      {{100'000, 98'000, 0}, debug, "", 0, Mark::kOk, "every module"},
      {{100'000, 20'000, 0}, debug, "", 0, Mark::kProblem, "20.0 % of its code has unwind rows"},
      {{100'000, 70'000, 0}, debug, "", 0, Mark::kNote, "70.0 % of its code"},
      {{1'000, 300, 0}, debug, "", 0, Mark::kOk, "every module"},  // crt files, no more
      {{10'000, 8'000, 0}, debug, "", 0, Mark::kOk, "every module"},
      {{100'000, 90'000, 8'000}, debug, "", 0, Mark::kNote, "8.0 % of its code has rules"},
      {{100'000, 98'000, 0}, debug, "", 3, Mark::kNote, "3 of its .eh_frame entries"},
      {{100'000, 0, 0}, debug, "bad table", 0, Mark::kProblem, "bad table"},
      {{100'000, 98'000, 0}, Symbols::kNone, "", 0, Mark::kNote, "without symbols"},
      {{100'000, 98'000, 0}, Symbols::kDynamic, "", 0, Mark::kNote, "without symbols"},
      {{100'000, 98'000, 0}, Symbols::kTable, "", 0, Mark::kOk, "every module"},
      {{100'000, 98'000, 0}, Symbols::kDebugFile, "", 0, Mark::kOk, "every module"},
      {{0, 0, 0}, Symbols::kNone, "", 0, Mark::kOk, "every module"},  // no code, nothing to name
  };
  for (const Case& one : cases) {
    CAPTURE(one.text);
    ModuleFacts module = Healthy("/x/lib.so");
    module.coverage = one.coverage;
    module.symbols.symbols = one.symbols;
    module.unwind_problem = one.unwind_problem;
    module.broken = one.broken;
    const Section section = ModulesSection("x", {module}, 0, 0);
    REQUIRE(section.findings.size() == 1);
    CHECK(section.findings[0].mark == one.mark);
    CHECK(section.findings[0].text.find(one.text) != std::string::npos);
    CHECK(section.findings[0].advice.empty() == (one.mark == Mark::kOk));
  }
}

TEST_CASE("the advice for symbols names the file in which they are looked for") {
  ModuleFacts module = Healthy("/x/lib.so");
  module.symbols.symbols = Symbols::kNone;
  const Section section = ModulesSection("x", {module}, 0, 0);
  CHECK(section.findings[0].advice.find("/usr/lib/debug/.build-id/01/23456789abcdef.debug") !=
        std::string::npos);
}

TEST_CASE("of a run, modules that hardly a sample hit are shown and not judged") {
  ModuleFacts dark = Healthy("/x/dark.so");
  dark.coverage = {100'000, 0, 0};
  dark.samples = 5;
  const Section seldom = ModulesSection("x", {dark}, 0, 1000);
  CHECK(seldom.table.rows.size() == 1);
  CHECK(seldom.table.rows[0][1] == "0.5 %");
  CHECK(seldom.findings[0].mark == Mark::kOk);
  dark.samples = 50;
  CHECK(ModulesSection("x", {dark}, 0, 1000).findings[0].mark == Mark::kProblem);
}

TEST_CASE("a module that cannot be read is a problem, code of no file a note") {
  ModuleFacts gone = Healthy("/x/gone.so");
  gone.problem = "No such file";
  const Section section = ModulesSection("x", {gone}, 4096, 0);
  REQUIRE(section.findings.size() == 2);
  CHECK(section.findings[0].mark == Mark::kProblem);
  CHECK(section.findings[0].text == "/x/gone.so: No such file");
  CHECK(section.findings[1].mark == Mark::kNote);
  CHECK(section.table.rows.empty());
}

}  // namespace
}  // namespace podo::doctor
