// SPDX-License-Identifier: Apache-2.0
// The sentences in which settings are refused. Internal to lib/config*.cc.
#ifndef PODO_LIB_CONFIG_REPORT_H_
#define PODO_LIB_CONFIG_REPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "config.h"

namespace podo {

using Messages = std::vector<std::string>;

// `text` of a stranger, for a line of the log: valid UTF-8, at most 80 bytes of it.
std::string Printable(std::string_view text);

// 'NAME="value" is not accepted; accepted: …; treated as unset'.
std::string Refusal(std::string_view name, std::string_view value, std::string_view accepted);

// The same without the value, which may be a secret.
std::string SecretRefusal(std::string_view name, std::string_view accepted);

// Takes the sinks of `text` over; every URL that is refused gets a line that begins with `name`.
void TakeSinks(std::string_view name, std::string_view text, Config* config, Messages* messages);

// ITIMER_PROF sends SIGPROF only, and nobody could tell its signals from the program's: with
// another signal, or a handler behind podo's, Clock::kItimer becomes kAuto, which is said if
// somebody asked for it.
void SettleClock(Config* config, Messages* messages);

// Takes labels over. service.name is no label: it is reported and left out.
void TakeLabels(std::string_view name, std::string_view text, Config* config, Messages* messages);

}  // namespace podo

#endif  // PODO_LIB_CONFIG_REPORT_H_
