// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_command_line.h"

#include <doctest/doctest.h>

namespace podo::doctor {
namespace {

TEST_CASE("everything behind -- is the program's") {
  Arguments arguments;
  CHECK(!ParseCommandLine({"-o", "r.txt", "--", "prog", "--modules", "-o", "--"}, &arguments));
  CHECK(arguments.program == std::vector<std::string>{"prog", "--modules", "-o", "--"});
  CHECK(arguments.output == "r.txt");
  CHECK(!arguments.only_modules);
}

TEST_CASE("--modules takes processes and files, or a program, or none of them") {
  Arguments some, program, none;
  CHECK(!ParseCommandLine({"--modules", "12", "lib.so"}, &some));
  CHECK(some.modules == std::vector<std::string>{"12", "lib.so"});
  CHECK(!ParseCommandLine({"--modules", "--", "prog"}, &program));
  CHECK(program.only_modules);
  CHECK(program.program == std::vector<std::string>{"prog"});
  CHECK(!ParseCommandLine({"--modules"}, &none));
  CHECK(none.only_modules);
}

TEST_CASE("wrong usage has exit status 2") {
  const std::vector<std::vector<std::string>> wrong = {
      {"prog"}, {"--"}, {"--what"}, {"-o"}, {"--modules", "12", "--", "prog"}};
  for (const auto& words : wrong) {
    CAPTURE(words.front());
    Arguments arguments;
    CHECK(ParseCommandLine(words, &arguments) == 2);
  }
}

}  // namespace
}  // namespace podo::doctor
