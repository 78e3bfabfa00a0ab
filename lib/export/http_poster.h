// SPDX-License-Identifier: Apache-2.0
// One POST, one answer: what the sinks that speak HTTP are built on.
#ifndef PODO_LIB_EXPORT_HTTP_POSTER_H_
#define PODO_LIB_EXPORT_HTTP_POSTER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "export/send_outcome.h"

namespace podo::exporting {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// One request. `path` has the query in it; empty: that of the target.
struct HttpPost {
  HttpHeaders headers;
  std::string path;
  std::shared_ptr<const std::string> body;  // not copied
  int64_t timeout_ns = 0;  // of the whole exchange: name, connection, TLS, sending, answer
};

// Used by one thread at a time.
class HttpPoster {
 public:
  virtual ~HttpPoster() = default;
  // Blocks for at most some milliseconds more than the timeout.
  virtual HttpResult Post(const HttpPost& post) = 0;
  // Ends the exchange under way, if any: it has no answer. From any thread.
  virtual void Interrupt() {}
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_HTTP_POSTER_H_
