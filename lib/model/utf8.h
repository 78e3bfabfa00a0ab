// SPDX-License-Identifier: Apache-2.0
// Text from outside made valid UTF-8.
#ifndef PODO_LIB_MODEL_UTF8_H_
#define PODO_LIB_MODEL_UTF8_H_

#include <string>
#include <string_view>

namespace podo::model {

// True if `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool IsValidUtf8(std::string_view text);

// `text` with every ill-formed byte replaced by U+FFFD; a copy even if nothing was wrong.
std::string ToValidUtf8(std::string_view text);

}  // namespace podo::model

#endif  // PODO_LIB_MODEL_UTF8_H_
