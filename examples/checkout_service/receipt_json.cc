// SPDX-License-Identifier: Apache-2.0
#include "receipt_json.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace checkout {
namespace {

bool IsMarkup(char c) { return c == '<' || c == '>' || c == '&'; }

std::string_view MarkupEscape(char c) {
  switch (c) {
    case '<':
      return "\\u003c";
    case '>':
      return "\\u003e";
    default:
      return "\\u0026";
  }
}

// Escapes the markup in out[begin, end): these characters occur in JSON inside strings only.
void EscapeMarkup(std::size_t begin, std::string* out) {
  const std::string text = out->substr(begin);
  out->resize(begin);
  for (const char c : text) {
    if (IsMarkup(c)) {
      out->append(MarkupEscape(c));
    } else {
      out->push_back(c);
    }
  }
}

void AppendString(std::string_view text, std::string* out) {
  const std::size_t begin = out->size();
  // Error messages may quote a body that is not UTF-8, which dump() would otherwise throw at.
  out->append(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
  EscapeMarkup(begin, out);
}

void AppendName(std::string_view name, std::string* out) {
  if (const char last = out->back(); last != '{' && last != '[') out->push_back(',');
  out->push_back('"');
  out->append(name);
  out->append("\":");
}

void AppendField(std::string_view name, std::string_view value, std::string* out) {
  AppendName(name, out);
  AppendString(value, out);
}

void AppendField(std::string_view name, std::int64_t value, std::string* out) {
  AppendName(name, out);
  out->append(std::to_string(value));
}

// An object or array whose opening bracket is written and whose closing one is not.
struct OpenValue {
  const Json* value;
  Json::const_iterator next;  // the first member not yet written
  std::size_t text_begin;     // where its text begins in the output
};

void OpenOrAppend(const Json& value, std::vector<OpenValue>* open, std::string* out) {
  if (!value.is_structured()) {
    out->append(value.dump());
    return;
  }
  open->push_back({&value, value.begin(), out->size()});
  out->push_back(value.is_object() ? '{' : '[');
}

// Appends a client's object. Not recursive: how deep a note goes is up to the client, and the stack
// must not be.
void AppendNestedValue(const Json& root, std::string* out) {
  std::vector<OpenValue> open;
  OpenOrAppend(root, &open, out);
  while (!open.empty()) {
    OpenValue& last = open.back();
    if (last.next != last.value->end()) {
      if (last.next != last.value->begin()) out->push_back(',');
      if (last.value->is_object()) {
        out->append(Json(last.next.key()).dump());
        out->push_back(':');
      }
      const Json& member = *last.next++;
      OpenOrAppend(member, &open, out);  // `last` may dangle from here on
      continue;
    }
    out->push_back(last.value->is_object() ? '}' : ']');
    // The value is complete: make its text safe for pages. Most texts hold no markup, so look
    // before rewriting.
    const char* const end = out->data() + out->size();
    for (const char* at = out->data() + last.text_begin; at != end; ++at) {
      if (*at == '<' || *at == '>' || *at == '&') {
        EscapeMarkup(last.text_begin, out);
        break;
      }
    }
    open.pop_back();
  }
}

void AppendLine(const ReceiptLine& line, std::string* out) {
  if (out->back() != '[') out->push_back(',');
  out->push_back('{');
  AppendField("sku", line.product->sku, out);
  AppendField("name", line.product->name, out);
  AppendField("quantity", line.quantity, out);
  AppendField("unit_price_cents", line.product->price_cents, out);
  AppendField("discount_cents", line.discount_cents, out);
  AppendField("net_cents", line.net_cents, out);
  AppendField("tax_cents", line.tax_cents, out);
  out->push_back('}');
}

}  // namespace

std::string ReceiptToJson(const Receipt& receipt) {
  std::string out = "{";
  AppendField("receipt", receipt.id, &out);
  AppendField("customer", receipt.customer, &out);
  AppendField("country", receipt.country, &out);
  AppendName("lines", &out);
  out.push_back('[');
  for (const ReceiptLine& line : receipt.lines) AppendLine(line, &out);
  out.push_back(']');
  AppendField("subtotal_cents", receipt.subtotal_cents, &out);
  AppendField("discount_cents", receipt.discount_cents, &out);
  AppendField("tax_cents", receipt.tax_cents, &out);
  AppendField("total_cents", receipt.total_cents, &out);
  if (!receipt.note.is_null()) {
    AppendName("note", &out);
    AppendNestedValue(receipt.note, &out);
  }
  out.push_back('}');
  return out;
}

std::string ProductsToJson() {
  std::string out = "{\"products\":[";
  for (const Product& product : Products()) {
    if (out.back() != '[') out.push_back(',');
    out.push_back('{');
    AppendField("sku", product.sku, &out);
    AppendField("name", product.name, &out);
    AppendField("price_cents", product.price_cents, &out);
    out.push_back('}');
  }
  out.append("]}");
  return out;
}

std::string PairToJson(std::string_view name, std::string_view value) {
  std::string out = "{";
  AppendField(name, value, &out);
  out.push_back('}');
  return out;
}

}  // namespace checkout
