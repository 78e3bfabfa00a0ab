// SPDX-License-Identifier: Apache-2.0
// The page that a process serves at `/`: one self-contained file.
#ifndef PODO_LIB_SERVE_EXPLORER_PAGE_H_
#define PODO_LIB_SERVE_EXPLORER_PAGE_H_

#include <string_view>

namespace podo::serve {

std::string_view ExplorerPage();
// Its Content-Security-Policy: what is in the page runs, and it talks to its own origin alone.
std::string_view ExplorerPagePolicy();

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_EXPLORER_PAGE_H_
