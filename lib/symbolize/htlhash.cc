// SPDX-License-Identifier: Apache-2.0
#include "symbolize/htlhash.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "base/sha256.h"

namespace podo::symbolize {

std::string HtlHash(Bytes file) {
  constexpr size_t kEndBytes = 4096;
  constexpr size_t kHashBytes = 16;
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  base::Sha256 sha;
  sha.Add(text.substr(0, kEndBytes));
  sha.Add(text.substr(text.size() - std::min(text.size(), kEndBytes)));
  char length[sizeof(uint64_t)];
  for (size_t i = 0; i < sizeof length; ++i) {
    length[i] = static_cast<char>(uint64_t{text.size()} >> (56 - 8 * i));
  }
  sha.Add(std::string_view(length, sizeof length));
  const base::Sha256::Digest digest = sha.Finish();
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), kHashBytes));
}

}  // namespace podo::symbolize
