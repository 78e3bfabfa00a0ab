// SPDX-License-Identifier: Apache-2.0
// Path -> who answers.
#ifndef PODO_LIB_SERVE_ROUTER_H_
#define PODO_LIB_SERVE_ROUTER_H_

#include <functional>

#include "serve/exchange.h"
#include "serve/sources.h"

namespace podo::serve {

// Answers `request` once, now or later. Blocks for as long as a query takes, so it is not for the
// server's own thread. `is_waiting` may be asked from any thread, also after the answer.
void Answer(const Request& request, const Sources& sources, std::function<bool()> is_waiting,
            Respond respond);

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_ROUTER_H_
