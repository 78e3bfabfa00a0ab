// SPDX-License-Identifier: Apache-2.0
#include "kept_windows.h"

#include <utility>

#include "config_serve.h"

namespace podo {

KeptWindows::KeptWindows(const Config& config)
    : wanted_(HistoryBytes(config) > 0 || config.listen.value.has_value()) {
  if (HistoryBytes(config) == 0) return;
  history::History::Options options;
  options.max_bytes = HistoryBytes(config);
  options.directory = config.history_dir.value;
  options.service = config.service_name.value;
  history_ = std::make_unique<history::History>(std::move(options));
}

void KeptWindows::Add(const model::Profile& window) {
  if (history_ != nullptr) history_->Add(window);
  totals_.Add(window);
}

}  // namespace podo
