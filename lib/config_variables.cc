// SPDX-License-Identifier: Apache-2.0
#include "config_variables.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>

namespace podo {
namespace {

constexpr bool kLater = false;

constexpr Variable kVariables[] = {
    {"PODO_ENABLED"},
    {"PODO_SERVICE_NAME"},
    {"PODO_LABELS"},
    {"PODO_EXPORT"},
    {"PODO_HEADERS"},
    {"PODO_TENANT"},
    {"PODO_CERTIFICATE"},
    {"PODO_CLIENT_CERTIFICATE"},
    {"PODO_CLIENT_KEY"},
    {"PODO_COMPRESSION"},
    {"PODO_SAMPLE_HZ"},
    {"PODO_CLOCK"},
    {"PODO_PROFILES", kLater, "cpu"},
    {"PODO_MAX_FRAMES"},
    {"PODO_MAX_THREADS"},
    {"PODO_INTERVAL"},
    {"PODO_SYMBOLIZE"},
    {"PODO_SYMBOL_BYTES"},
    {"PODO_SPOOL_DIR"},
    {"PODO_SPOOL_BYTES"},
    {"PODO_HISTORY_BYTES"},
    {"PODO_HISTORY_DIR"},
    {"PODO_LISTEN"},
    {"PODO_LISTEN_TOKEN_FILE"},
    {"PODO_MAX_OVERHEAD"},
    {"PODO_LABEL_SETS"},
    {"PODO_THREAD_LABELS"},
    {"PODO_FORK"},
    {"PODO_SIGNAL"},
    {"PODO_SIGNAL_CONFLICT"},
    {"PODO_FLUSH_ON_SIGTERM"},
    {"PODO_EXIT_TIMEOUT"},
    {"PODO_LOG"},
};

// Longer names are compared by their first bytes: the environment may hold anything.
constexpr size_t kMaxCompared = 64;

// Levenshtein's distance, one row at a time.
size_t EditDistance(std::string_view a, std::string_view b) {
  a = a.substr(0, kMaxCompared);
  b = b.substr(0, kMaxCompared);
  std::array<size_t, kMaxCompared + 1> row;
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

absl::Span<const Variable> KnownVariables() { return kVariables; }

const Variable* FindVariable(std::string_view name) {
  const auto* found = std::find_if(std::begin(kVariables), std::end(kVariables),
                                   [&](const Variable& variable) { return variable.name == name; });
  return found == std::end(kVariables) ? nullptr : found;
}

const Variable& NearestVariable(std::string_view name) {
  return *std::min_element(std::begin(kVariables), std::end(kVariables),
                           [&](const Variable& a, const Variable& b) {
                             return EditDistance(name, a.name) < EditDistance(name, b.name);
                           });
}

}  // namespace podo
