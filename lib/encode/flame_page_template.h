// SPDX-License-Identifier: Apache-2.0
// The page of flame_page/ in one piece, as flame_page/embed.py puts it together at build time.
#ifndef PODO_LIB_ENCODE_FLAME_PAGE_TEMPLATE_H_
#define PODO_LIB_ENCODE_FLAME_PAGE_TEMPLATE_H_

#include <string_view>

namespace podo::encode {

// HTML with the marks @PODO_TITLE@ (escaped for HTML) and, after it, @PODO_DOCUMENT@ (the JSON of
// flame_document.h).
std::string_view FlamePageTemplate();

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_FLAME_PAGE_TEMPLATE_H_
