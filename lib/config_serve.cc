// SPDX-License-Identifier: Apache-2.0
#include "config_serve.h"

#include <utility>

#include "config_rules.h"
#include "serve/listen_address.h"

namespace podo {
namespace {

constexpr uint64_t kDefaultHistoryBytes = uint64_t{16} << 20;
constexpr uint64_t kMinHistoryBytes = uint64_t{1} << 20;

}  // namespace

uint64_t HistoryBytes(const Config& config) {
  if (config.history_bytes.value.has_value()) return *config.history_bytes.value;
  const bool is_wanted = config.listen.value.has_value() || !config.history_dir.value.empty();
  return is_wanted ? kDefaultHistoryBytes : 0;
}

base::StatusOr<std::optional<uint64_t>> CheckHistoryBytes(uint64_t bytes) {
  if (bytes == 0 || bytes >= kMinHistoryBytes) return bytes;
  return base::InvalidArgumentError("a size of at least 1MiB, such as 16MiB, or 0 for none");
}

base::StatusOr<std::optional<uint64_t>> ParseHistoryBytes(std::string_view text) {
  constexpr uint64_t kNone = 1;  // a size that is refused
  return CheckHistoryBytes(base::ParseSizeBytes(text).value_or(kNone));
}

base::StatusOr<std::string> ParseHistoryDir(std::string_view text) {
  return ParseAbsolutePath(text,
                           "the absolute path of a directory, such as /var/lib/checkout/profiles");
}

base::StatusOr<std::optional<serve::ListenAddress>> ParseListen(std::string_view text) {
  base::StatusOr<serve::ListenAddress> address = serve::ParseListenAddress(text);
  if (!address.ok()) return address.status();
  return *std::move(address);
}

base::StatusOr<std::string> ParseTokenFile(std::string_view text) {
  return ParseAbsolutePath(text, "the absolute path of a file that holds the token");
}

void ReadServe(const Environment& environment, Config* config, Messages* messages) {
  const auto read = [&](std::string_view name, auto parse, auto* setting) {
    ReadVariable(environment, name, parse, setting, messages);
  };
  read("PODO_HISTORY_BYTES", ParseHistoryBytes, &config->history_bytes);
  read("PODO_HISTORY_DIR", ParseHistoryDir, &config->history_dir);
  read("PODO_LISTEN", ParseListen, &config->listen);
  // It should be a path, but who mistakes it writes the token itself.
  ReadVariable(environment, "PODO_LISTEN_TOKEN_FILE", ParseTokenFile, &config->listen_token_file,
               messages, Show::kNothing);
}

}  // namespace podo
