// SPDX-License-Identifier: Apache-2.0
// Reads typed fields of a JSON request; what is wrong becomes a RequestError that names the field.
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_FIELDS_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_FIELDS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace checkout {

// Throws RequestError (400) with the parser's position if `text` is not JSON.
nlohmann::json ParseJson(std::string_view text);

// A field that must be there, be a string and not be empty.
std::string StringField(const nlohmann::json& object, const char* name);

// A field that must be there and be an integer in [least, most].
std::int64_t IntegerField(const nlohmann::json& object, const char* name, std::int64_t least,
                          std::int64_t most);

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_FIELDS_H_
