// SPDX-License-Identifier: Apache-2.0
// The path and query of a pprof POST, with placeholders for what differs from window to window.
#ifndef PODO_LIB_EXPORT_POST_TEMPLATE_H_
#define PODO_LIB_EXPORT_POST_TEMPLATE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace podo::exporting {

// What {service} {start} {end} {type} {hz} stand for.
struct PostValues {
  std::string service;
  int64_t start_ns = 0;  // of the window, Unix epoch
  int64_t end_ns = 0;
  std::string type;  // "cpu"
  double hz = 0;     // samples per CPU-second
};

class PostTemplate {
 public:
  // `text` is path and query of a URL and stays percent-encoded as it is; braces are placeholders
  // unless written %7B, %7D. The error says what is wrong, and not what `text` is.
  static base::StatusOr<PostTemplate> Parse(std::string_view text);

  // Values are percent-encoded, all but letters, digits and -._~. Times are nanoseconds, which have
  // 19 digits until the year 2286: Pyroscope's /ingest tells s, ms, us and ns by 10, 13, 16 and 19
  // digits, and in seconds a window of 100 ms would be none. The rate is a whole number of at least
  // 1, because /ingest takes no other.
  std::string Expand(const PostValues& values) const;

  bool operator==(const PostTemplate&) const = default;

 private:
  enum class Kind { kLiteral, kService, kStart, kEnd, kType, kHz };
  struct Part {
    Kind kind;
    std::string literal;
    bool operator==(const Part&) const = default;
  };
  base::Status AddPlaceholder(std::string_view text);

  std::vector<Part> parts_;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_POST_TEMPLATE_H_
