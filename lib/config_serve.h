// SPDX-License-Identifier: Apache-2.0
// What the process keeps of its own past, and on which address it shows it.
#ifndef PODO_LIB_CONFIG_SERVE_H_
#define PODO_LIB_CONFIG_SERVE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "config.h"
#include "config_environment.h"
#include "config_report.h"

namespace podo {

// Bytes of history to keep in memory: what was asked for, else 16 MiB if somebody can look at them
// (PODO_LISTEN) or they are kept on disk (PODO_HISTORY_DIR), else 0: none.
uint64_t HistoryBytes(const Config& config);

base::StatusOr<std::optional<uint64_t>> CheckHistoryBytes(uint64_t bytes);
base::StatusOr<std::optional<uint64_t>> ParseHistoryBytes(
    std::string_view text);                                          // "0" switches it off
base::StatusOr<std::string> ParseHistoryDir(std::string_view text);  // absolute
base::StatusOr<std::optional<serve::ListenAddress>> ParseListen(std::string_view text);
base::StatusOr<std::string> ParseTokenFile(std::string_view text);  // absolute

// PODO_HISTORY_* and PODO_LISTEN*.
void ReadServe(const Environment& environment, Config* config, Messages* messages);

}  // namespace podo

#endif  // PODO_LIB_CONFIG_SERVE_H_
