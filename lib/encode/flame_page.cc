// SPDX-License-Identifier: Apache-2.0
#include "encode/flame_page.h"

#include <string_view>
#include <utility>

#include "encode/flame_document.h"
#include "encode/flame_json.h"
#include "encode/flame_page_template.h"

namespace podo::encode {
namespace {

// Replaces the first `mark` of `page`; the build checks that each mark stands there once.
void Fill(std::string* page, std::string_view mark, std::string_view text) {
  if (const size_t at = page->find(mark); at != std::string::npos) {
    page->replace(at, mark.size(), text);
  }
}

std::string Page(absl::Span<const model::Profile* const> profiles, FlamePageOptions options) {
  if (options.title.empty()) {
    options.title = profiles.size() == 1 ? "CPU profile" : "CPU profiles compared";
  }
  std::string page(FlamePageTemplate());
  // The document goes in first: nothing that a profile says is searched for a mark afterwards,
  // since the title's mark stands before it.
  Fill(&page, "@PODO_DOCUMENT@", FlameDocument(profiles, options));
  Fill(&page, "@PODO_TITLE@", EscapeHtml(options.title));
  return page;
}

}  // namespace

std::string FlameGraphPage(const model::Profile& profile, const FlamePageOptions& options) {
  return Page({&profile}, options);
}

std::string DiffPage(const model::Profile& before, const model::Profile& after,
                     const FlamePageOptions& options) {
  return Page({&before, &after}, options);
}

}  // namespace podo::encode
