// SPDX-License-Identifier: Apache-2.0
// The forms that answers come in: JSON, errors, what an answer is made of.
#ifndef PODO_LIB_SERVE_ANSWERS_H_
#define PODO_LIB_SERVE_ANSWERS_H_

#include <string>
#include <string_view>

#include "base/status.h"
#include "history/query.h"
#include "serve/exchange.h"
#include "serve/range.h"

namespace podo::serve {

inline constexpr char kJsonType[] = "application/json";
inline constexpr char kHtmlType[] = "text/html; charset=utf-8";
inline constexpr char kBinaryType[] = "application/octet-stream";

Response JsonAnswer(std::string body);
// {"error":{"message":...,"parameter":...}}
Response JsonError(int status, std::string_view message, std::string_view parameter = "");
Response JsonError(const BadRequest& bad);
// What a room answered: ResourceExhausted becomes 503.
Response JsonError(const base::Status& status);
Response TextError(int status, std::string_view message);

// {"windows":...,"from_ms":...,...} as docs/http.md has it.
std::string ResolutionJson(const history::Resolution& resolution);
// The same as headers Podo-*.
void AddResolution(const history::Resolution& resolution, Response* response);

// "text" quoted and escaped.
std::string JsonText(std::string_view text);
int64_t ToMs(int64_t ns);

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_ANSWERS_H_
