// SPDX-License-Identifier: Apache-2.0
// absl::StrFormat for processes whose memory is limited.
#ifndef PODO_LIB_BASE_FORMAT_H_
#define PODO_LIB_BASE_FORMAT_H_

#include <cstddef>
#include <string>

#include "absl/strings/str_format.h"

namespace podo::base {

// Abseil's appends to its string in a destructor: a text of more than 15 characters for which there
// is no memory ends the process (std::terminate). Here the allocation throws as any other.
template <typename... Args>
std::string StrFormat(const absl::FormatSpec<Args...>& format, const Args&... args) {
  char small[512];
  const int size = absl::SNPrintF(small, sizeof small, format, args...);
  if (size < 0) return {};
  const size_t bytes = static_cast<size_t>(size);
  if (bytes < sizeof small) return std::string(small, bytes);
  std::string text(bytes + 1, '\0');
  absl::SNPrintF(text.data(), text.size(), format, args...);
  text.resize(bytes);
  return text;
}

template <typename... Args>
void StrAppendFormat(std::string* text, const absl::FormatSpec<Args...>& format,
                     const Args&... args) {
  text->append(base::StrFormat(format, args...));
}

}  // namespace podo::base

#endif  // PODO_LIB_BASE_FORMAT_H_
