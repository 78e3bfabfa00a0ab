// SPDX-License-Identifier: Apache-2.0
#include "config_report.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "config_rules.h"
#include "model/utf8.h"

namespace podo {

std::string Printable(std::string_view text) {
  constexpr size_t kMaxBytes = 80;
  std::string printable = model::ToValidUtf8(text.substr(0, kMaxBytes));
  if (text.size() > kMaxBytes) printable += "...";
  return printable;
}

std::string Refusal(std::string_view name, std::string_view value, std::string_view accepted) {
  return absl::StrCat(std::string(name), "=\"", Printable(value),
                      "\" is not accepted; accepted: ", std::string(accepted),
                      "; treated as unset");
}

std::string SecretRefusal(std::string_view name, std::string_view accepted) {
  return absl::StrCat(std::string(name),
                      " (value not shown) is not accepted; accepted: ", std::string(accepted),
                      "; treated as unset");
}

void TakeSinks(std::string_view name, std::string_view text, Config* config, Messages* messages) {
  exporting::SinkList list = exporting::ParseSinkList(text);
  for (const std::string& error : list.errors) {
    messages->push_back(absl::StrCat(std::string(name), ": ", error, "; left out"));
  }
  config->sinks = {std::move(list.sinks), std::string(name)};
}

void SettleClock(Config* config, Messages* messages) {
  const Clock clock = config->clock.value;
  const bool other_signal = config->signal.value != SIGPROF;
  const bool chains = config->signal_conflict.value == SignalConflict::kChain;
  if ((!chains && !other_signal) || (clock != Clock::kItimer && clock != Clock::kPerf)) return;
  const std::string& cause = other_signal ? config->signal.source : config->signal_conflict.source;
  const std::string why =
      other_signal ? absl::StrCat("sends SIGPROF only, which ", cause, " has replaced")
                   : absl::StrCat("has ticks that look like the program's own (", cause, ")");
  messages->push_back(absl::StrCat(config->clock.source, "=\"",
                                   clock == Clock::kPerf ? "perf" : "itimer", "\" ", why,
                                   "; auto is used"));
  config->clock = {Clock::kAuto, cause};
}

void TakeLabels(std::string_view name, std::string_view text, Config* config, Messages* messages) {
  base::StatusOr<Labels> labels = ParseLabels(text);
  if (!labels.ok()) {
    const std::string& accepted = labels.status().message();
    messages->push_back(Refusal(name, text, accepted));
    return;
  }
  const auto is_name = [](const base::KeyValue& label) { return label.key == "service.name"; };
  if (std::erase_if(*labels, is_name) > 0) {
    messages->push_back(
        absl::StrCat(std::string(name), ": service.name is left out; use PODO_SERVICE_NAME"));
  }
  config->labels = {*std::move(labels), std::string(name)};
}

}  // namespace podo
