// SPDX-License-Identifier: Apache-2.0
// What a receiver says in the body of a refusal: plain text, or the JSON of Connect and its kin.
#ifndef PODO_LIB_EXPORT_HTTP_WORDS_H_
#define PODO_LIB_EXPORT_HTTP_WORDS_H_

#include <optional>
#include <string>
#include <string_view>

#include "export/send_outcome.h"

namespace podo::exporting {

// Nothing of a success; of all else `message` of {"code":..,"message":..} where the body is such an
// object, or the body itself. Takes any bytes.
AnswerWords ReadPlainWords(const HttpResult& result);

// The member `key` of a JSON object if it is there and a string. Members of members do not count.
// None if the text before it is no JSON. Takes any bytes; no recursion.
std::optional<std::string> JsonStringMember(std::string_view json, std::string_view key);

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_HTTP_WORDS_H_
