// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_listen.h"

#include <doctest/doctest.h>

namespace podo::doctor {
namespace {

TEST_CASE("an address is judged by whether podo could listen on it") {
  struct Case {
    ListenFacts facts;
    Mark mark;
  };
  const Case cases[] = {
      {{"127.0.0.1:6060", false, false, ""}, Mark::kOk},
      {{"0.0.0.0:6060", true, false, ""}, Mark::kOk},
      {{"127.0.0.1:6060", false, true, "cannot listen: in use"}, Mark::kNote},
      {{"0.0.0.0:6060", false, false, "others can reach it"}, Mark::kProblem},
  };
  for (const Case& one : cases) {
    const Finding finding = JudgeListen(one.facts);
    CAPTURE(finding.text);
    CHECK(finding.mark == one.mark);
    CHECK(finding.advice.empty() == (one.mark == Mark::kOk));
    CHECK(finding.text.find(one.facts.problem.empty() ? one.facts.address : one.facts.problem) !=
          std::string::npos);
  }
}

TEST_CASE("a token file that cannot be read is the problem, before anything is opened") {
  std::vector<std::string> messages;
  const char* entries[] = {"PODO_LISTEN=127.0.0.1:0", "PODO_LISTEN_TOKEN_FILE=/no/such/file"};
  const ListenFacts facts = ProbeListen(ParseConfig(entries, false, "exe", &messages));
  CHECK(facts.problem.find("/no/such/file") != std::string::npos);
  CHECK(JudgeListen(facts).mark == Mark::kProblem);
}

}  // namespace
}  // namespace podo::doctor
