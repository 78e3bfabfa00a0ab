// SPDX-License-Identifier: Apache-2.0
// /api/v1/*: questions about the past, answered in JSON, pprof, folded stacks or HTML, as
// docs/http.md describes.
#ifndef PODO_LIB_SERVE_API_H_
#define PODO_LIB_SERVE_API_H_

#include "serve/exchange.h"
#include "serve/query_text.h"
#include "serve/sources.h"

namespace podo::serve {

// Blocks for as long as a query takes: for a thread that may wait. An unknown path is a 404 in
// JSON.
Response AnswerApi(const Target& target, const Sources& sources);

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_API_H_
