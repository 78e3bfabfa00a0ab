// SPDX-License-Identifier: Apache-2.0
#include "load_requests.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace checkout {
namespace {

using Json = nlohmann::json;

Json Mail(const char* from) {
  return {{"from", from}, {"text", "Could it arrive before Friday, please?"}, {"read", true}};
}

std::string BodyWithNote(Json note) {
  Json body = {{"customer", "Ada Byron"},
               {"country", "DE"},
               {"coupon", "WELCOME10"},
               {"items",
                {{{"sku", "TEA-GREEN"}, {"quantity", 12}},
                 {{"sku", "POT-CLAY"}, {"quantity", 1}},
                 {{"sku", "BOOK-TEA"}, {"quantity", 2}}}}};
  body["note"] = std::move(note);
  return body.dump();
}

}  // namespace

std::string FlatCheckoutBody() {
  Json note = Mail("ada@example.org");
  note["gift"] = true;
  note["wrapping"] = {{"paper", "blue"}, {"card", "Happy birthday!"}};
  return BodyWithNote(std::move(note));
}

std::string NestedCheckoutBody(int depth) {
  Json note = Mail("ada@example.org");
  for (int level = 1; level < depth; ++level) {
    Json answer = Mail(level % 2 == 0 ? "ada@example.org" : "shop@example.org");
    answer["in_reply_to"] = std::move(note);
    note = std::move(answer);
  }
  return BodyWithNote(std::move(note));
}

std::string PayBody(const std::string& receipt) {
  const Json answer = Json::parse(receipt, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object() || !answer.contains("receipt") || !answer.contains("total_cents")) {
    return "";
  }
  return Json{{"receipt", answer["receipt"]}, {"amount_cents", answer["total_cents"]}}.dump();
}

}  // namespace checkout
