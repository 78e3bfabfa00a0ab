// SPDX-License-Identifier: Apache-2.0
#include "serve/router.h"

#include <string_view>
#include <utility>

#include "serve/answers.h"
#include "serve/api.h"
#include "serve/explorer_page.h"
#include "serve/metrics.h"
#include "serve/pprof_endpoints.h"
#include "serve/query_text.h"

namespace podo::serve {
namespace {

Response Page() {
  Response response;
  response.content_type = kHtmlType;
  response.headers.emplace_back("Content-Security-Policy", std::string(ExplorerPagePolicy()));
  response.body = std::string(ExplorerPage());
  return response;
}

Response Metrics(const Request& request, const Sources& sources) {
  const bool openmetrics = WantsOpenMetrics(request.accept);
  Response response;
  response.content_type = MetricsContentType(openmetrics);
  response.body = sources.metrics(openmetrics);
  return response;
}

}  // namespace

void Answer(const Request& request, const Sources& sources, std::function<bool()> is_waiting,
            Respond respond) {
  const base::StatusOr<Target> target = ParseTarget(request.target);
  if (!target.ok()) return respond(JsonError(400, std::string(target.status().message())));
  const std::string_view path = target->path;
  if (path == "/debug/pprof" || path.starts_with("/debug/pprof/")) {
    return AnswerPprof(request, *target, sources, std::move(is_waiting), std::move(respond));
  }
  if (request.method == "POST") return respond(TextError(405, "accepted: GET, HEAD"));
  if (path == "/") return respond(Page());
  if (path.starts_with("/api/")) return respond(AnswerApi(*target, sources));
  if (path == "/metrics") return respond(Metrics(request, sources));
  if (path == "/healthz") return respond(TextError(200, "ok"));
  respond(TextError(404,
                    "nothing here; there is: / (page), /api/v1/, /debug/pprof/, /metrics, "
                    "/healthz"));
}

}  // namespace podo::serve
