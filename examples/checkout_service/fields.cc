// SPDX-License-Identifier: Apache-2.0
#include "fields.h"

#include "request_error.h"

namespace checkout {
namespace {

using Json = nlohmann::json;

const Json* Find(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// The library's message begins with its own error number, which tells a client nothing, and may end
// with a quotation as long as the body.
std::string ShortMessage(std::string_view message) {
  constexpr std::size_t kMostBytes = 200;
  const std::size_t bracket = message.find("] ");
  if (bracket != std::string_view::npos) message.remove_prefix(bracket + 2);
  return std::string(message.substr(0, kMostBytes));
}

}  // namespace

Json ParseJson(std::string_view text) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    throw RequestError(400, "body: not JSON: " + ShortMessage(error.what()));
  }
}

std::string StringField(const Json& object, const char* name) {
  const Json* field = Find(object, name);
  if (field == nullptr || !field->is_string() || field->get_ref<const std::string&>().empty()) {
    throw RequestError(400, std::string(name) + ": expected a non-empty string");
  }
  return field->get<std::string>();
}

std::int64_t IntegerField(const Json& object, const char* name, std::int64_t least,
                          std::int64_t most) {
  const Json* field = Find(object, name);
  // A number above INT64_MAX is kept unsigned by the library and would wrap in get<int64_t>().
  const bool fits = field != nullptr && field->is_number_integer() &&
                    !(field->is_number_unsigned() &&
                      field->get<std::uint64_t>() > static_cast<std::uint64_t>(most));
  if (!fits || field->get<std::int64_t>() < least || field->get<std::int64_t>() > most) {
    throw RequestError(400, std::string(name) + ": expected an integer from " +
                                std::to_string(least) + " to " + std::to_string(most));
  }
  return field->get<std::int64_t>();
}

}  // namespace checkout
