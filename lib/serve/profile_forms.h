// SPDX-License-Identifier: Apache-2.0
// One profile, or the difference of two, in the form asked for.
#ifndef PODO_LIB_SERVE_PROFILE_FORMS_H_
#define PODO_LIB_SERVE_PROFILE_FORMS_H_

#include <string>

#include "history/query.h"
#include "serve/exchange.h"
#include "serve/query_text.h"
#include "serve/range.h"

namespace podo::serve {

enum class Form { kJson, kPprof, kFolded, kHtml };

// The parameter `format`; json if there is none.
bool ReadForm(const Target& target, Form* form, BadRequest* bad);

Response ProfileInForm(const history::ProfileAnswer& answer, Form form, const std::string& title);
// pprof: the later one minus the earlier, as `pprof -base` makes it. folded: "stack before after".
Response DifferenceInForm(const history::ProfileAnswer& before, const history::ProfileAnswer& after,
                          Form form, const std::string& title);

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_PROFILE_FORMS_H_
