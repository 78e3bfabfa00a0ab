// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_listen.h"

#include <functional>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "serve/access.h"
#include "serve/listener.h"

namespace podo::doctor {

ListenFacts ProbeListen(const Config& config) {
  ListenFacts facts;
  facts.address = config.listen.value->Text();
  std::string token;
  if (!config.listen_token_file.value.empty()) {
    auto read = serve::ReadToken(config.listen_token_file.value);
    if (!read.ok()) {
      facts.problem = std::string(read.status().message());
      return facts;
    }
    token = *std::move(read);
    facts.has_token = true;
  }
  const auto listener =
      serve::Listener::Open(*config.listen.value, token,
                            [](serve::Request, const serve::Respond&, std::function<bool()>) {});
  if (!listener.ok()) {
    facts.is_taken = base::IsAlreadyExists(listener.status());
    facts.problem = std::string(listener.status().message());
    return facts;
  }
  (*listener)->Stop();
  return facts;
}

Finding JudgeListen(const ListenFacts& facts) {
  if (facts.is_taken) {
    return {Mark::kNote, facts.problem,
            "If that is the service itself, all is well: it answers there. Of several processes "
            "with one PODO_LISTEN the first gets it; port 0 takes a free one."};
  }
  if (!facts.problem.empty()) {
    return {Mark::kProblem, facts.problem,
            "Until then nothing listens; profiling and sinks go on."};
  }
  return {Mark::kOk,
          absl::StrCat("PODO_LISTEN: ", facts.address, " is free",
                       facts.has_token ? ", the token can be read" : ""),
          ""};
}

}  // namespace podo::doctor
