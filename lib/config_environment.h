// SPDX-License-Identifier: Apache-2.0
// Those environment variables that podo reads, or would read if it knew them. Internal to
// lib/config*.cc.
#ifndef PODO_LIB_CONFIG_ENVIRONMENT_H_
#define PODO_LIB_CONFIG_ENVIRONMENT_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "config.h"
#include "config_report.h"

namespace podo {

// Views of the entries, which must outlive it.
class Environment {
 public:
  explicit Environment(absl::Span<const char* const> entries);

  // Without blanks around it; nullopt if unset or empty, which is the same.
  std::optional<std::string_view> Find(std::string_view name) const;
  // No variable of podo's or OpenTelemetry's.
  bool empty() const { return variables_.empty(); }
  // Names that begin with PODO_ and mean nothing, sorted, each once.
  std::vector<std::string_view> UnknownNames() const;
  // What the variables of proxies say; those are everybody's.
  const exporting::ProxyVariables& proxies() const { return proxies_; }

 private:
  std::vector<std::pair<std::string_view, std::string_view>> variables_;
  exporting::ProxyVariables proxies_;
};

// The names of OpenTelemetry's variables that podo reads.
absl::Span<const std::string_view> OtelNames();

enum class Show { kValue, kNothing };  // kNothing: the value may be a secret

// Sets `setting` if the variable is set and `parse` accepts it; else says why not.
template <typename T>
void ReadVariable(const Environment& environment, std::string_view name,
                  base::StatusOr<T> (*parse)(std::string_view), Setting<T>* setting,
                  Messages* messages, Show show = Show::kValue) {
  const std::optional<std::string_view> text = environment.Find(name);
  if (!text) return;
  base::StatusOr<T> value = parse(*text);
  if (value.ok()) {
    *setting = {*std::move(value), std::string(name)};
    return;
  }
  const std::string& accepted = value.status().message();
  messages->push_back(show == Show::kValue ? Refusal(name, *text, accepted)
                                           : SecretRefusal(name, accepted));
}

}  // namespace podo

#endif  // PODO_LIB_CONFIG_ENVIRONMENT_H_
