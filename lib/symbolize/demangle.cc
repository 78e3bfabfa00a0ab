// SPDX-License-Identifier: Apache-2.0
#include "symbolize/demangle.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace podo::symbolize {
namespace {

// Back references (S_, S1_, T0_) multiply the output: with two in each level it doubles, with
// three it triples, so n of them can make 3^(n/3) names out of a few hundred bytes. 36 keep that
// under some megabytes; of 87,435 names in libLLVM, libclang, librocksdb and libstdc++ three have
// more.
constexpr int kMaxBackReferences = 36;
// libstdc++ refuses names over about 1,000 bytes itself; this keeps others from trying.
constexpr size_t kMaxMangledBytes = 4096;
// A longer name helps nobody and costs cache.
constexpr size_t kMaxDemangledBytes = 8192;

bool IsAlnumUpper(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); }

int CountBackReferences(std::string_view name) {
  int count = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] != 'S' && name[i] != 'T') continue;
    size_t end = i + 1;
    while (end < name.size() && IsAlnumUpper(name[end])) ++end;
    if (end < name.size() && name[end] == '_') ++count;
  }
  return count;
}

struct Free {
  void operator()(char* text) const { free(text); }
};

}  // namespace

std::string_view StripCloneSuffix(std::string_view raw) {
  raw = raw.substr(0, raw.find('@'));
  static constexpr std::string_view kSuffixes[] = {
      ".cold",   ".isra.",      ".part.", ".lto_priv", ".constprop.", ".llvm.",
      ".clone.", ".localalias", ".warm",  ".hot",      ".__uniq.",    ".unlikely"};
  size_t cut = raw.size();
  for (std::string_view suffix : kSuffixes) {
    const size_t at = raw.find(suffix);
    if (at == std::string_view::npos || at == 0) continue;
    // ".cold" but not ".colder".
    const size_t after = at + suffix.size();
    if (suffix.back() != '.' && after < raw.size() && raw[after] != '.') continue;
    if (at < cut) cut = at;
  }
  return raw.substr(0, cut);
}

std::string Demangle(std::string_view raw, std::string_view fallback) {
  const std::string base(StripCloneSuffix(raw));
  // A plain C name is readable as it is; _R is Rust's scheme, which libstdc++ does not know.
  const bool is_mangled = base.compare(0, 2, "_Z") == 0 || base.compare(0, 2, "_R") == 0;
  const std::string plain = fallback.empty() || !is_mangled ? base : std::string(fallback);
  if (base.compare(0, 2, "_Z") != 0) return plain;
  if (base.size() > kMaxMangledBytes || CountBackReferences(base) > kMaxBackReferences) {
    return plain;
  }
  int status = 0;
  std::unique_ptr<char, Free> text(abi::__cxa_demangle(base.c_str(), nullptr, nullptr, &status));
  if (status != 0 || text == nullptr) return plain;
  std::string_view readable(text.get());
  return readable.size() > kMaxDemangledBytes ? plain : std::string(readable);
}

}  // namespace podo::symbolize
