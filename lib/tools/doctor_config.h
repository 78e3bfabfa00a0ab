// SPDX-License-Identifier: Apache-2.0
// The configuration as podo would take it here: each value, who said it, and what was refused.
// Pure.
#ifndef PODO_LIB_TOOLS_DOCTOR_CONFIG_H_
#define PODO_LIB_TOOLS_DOCTOR_CONFIG_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "config.h"
#include "tools/doctor_report.h"

namespace podo::doctor {

struct EffectiveConfig {
  Config config;
  std::vector<std::string> messages;  // what podo would say of it in its log
};

// `entries`, `secure` and `exe` as in ParseConfig.
EffectiveConfig ReadEffectiveConfig(absl::Span<const char* const> entries, bool secure,
                                    std::string_view exe);

// A row for every PODO_ variable; for those of OpenTelemetry, and of proxies, if they are set. No
// value that may hold a secret.
Section ConfigSection(const EffectiveConfig& effective, absl::Span<const char* const> entries);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_CONFIG_H_
