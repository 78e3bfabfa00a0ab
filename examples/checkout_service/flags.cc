// SPDX-License-Identifier: Apache-2.0
#include "flags.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

namespace checkout {
namespace {

std::string SetFlag(const Flag& flag, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool parsed = error == std::errc() && end == text.data() + text.size();
  // Negated so that a NaN is refused.
  if (!parsed || !(value >= flag.least && value <= flag.most) ||
      (flag.whole && value != std::floor(value))) {
    std::ostringstream message;
    message << flag.name << ": \"" << text << "\" is not "
            << (flag.whole ? "an integer" : "a number") << " from " << flag.least << " to "
            << flag.most;
    return message.str();
  }
  *flag.value = value;
  return "";
}

}  // namespace

std::string ParseFlags(int argc, char** argv, std::span<const Flag> flags) {
  for (int i = 1; i < argc; i += 2) {
    const auto flag = std::ranges::find(flags, std::string_view(argv[i]), &Flag::name);
    if (flag == flags.end()) {
      std::string message = "unknown argument \"" + std::string(argv[i]) + "\"; known:";
      for (const Flag& known : flags) message += " " + std::string(known.name);
      return message;
    }
    if (i + 1 == argc) return std::string(argv[i]) + ": a value is missing";
    if (std::string error = SetFlag(*flag, argv[i + 1]); !error.empty()) return error;
  }
  return "";
}

}  // namespace checkout
