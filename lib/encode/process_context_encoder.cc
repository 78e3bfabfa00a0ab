// SPDX-License-Identifier: Apache-2.0
#include "encode/process_context_encoder.h"

#include <protozero/pbf_builder.hpp>

#include "model/utf8.h"

namespace podo::encode {
namespace {

// Field numbers of opentelemetry/proto/common/v1 and .../processcontext (facts A1b, A9).
enum class ProcessContext : protozero::pbf_tag_type { kResource = 1, kAttributes = 2 };
enum class Resource : protozero::pbf_tag_type { kAttributes = 1 };
enum class KeyValue : protozero::pbf_tag_type { kKey = 1, kValue = 2 };
enum class AnyValue : protozero::pbf_tag_type { kString = 1, kArray = 5 };
enum class ArrayValue : protozero::pbf_tag_type { kValues = 1 };

using Attributes = std::vector<std::pair<std::string, std::string>>;

void AddString(protozero::pbf_builder<KeyValue> pair, const std::string& key,
               const std::string& value) {
  pair.add_string(KeyValue::kKey, model::ToValidUtf8(key));
  protozero::pbf_builder<AnyValue> any(pair, KeyValue::kValue);
  any.add_string(AnyValue::kString, model::ToValidUtf8(value));
}

void AddKeyMap(protozero::pbf_builder<ProcessContext>& context,
               const std::vector<std::string>& record_keys) {
  protozero::pbf_builder<KeyValue> pair(context, ProcessContext::kAttributes);
  pair.add_string(KeyValue::kKey, "threadlocal.attribute_key_map");
  protozero::pbf_builder<AnyValue> any(pair, KeyValue::kValue);
  protozero::pbf_builder<ArrayValue> array(any, AnyValue::kArray);
  for (const std::string& key : record_keys) {
    protozero::pbf_builder<AnyValue> element(array, ArrayValue::kValues);
    element.add_string(AnyValue::kString, model::ToValidUtf8(key));
  }
}

}  // namespace

std::string EncodeProcessContext(const Attributes& resource,
                                 const std::vector<std::string>& record_keys) {
  std::string bytes;
  protozero::pbf_builder<ProcessContext> context(bytes);
  {
    protozero::pbf_builder<Resource> message(context, ProcessContext::kResource);
    for (const auto& [key, value] : resource) {
      AddString({message, Resource::kAttributes}, key, value);
    }
  }
  AddString({context, ProcessContext::kAttributes}, "threadlocal.schema_version", "tlsdesc_v1_dev");
  AddKeyMap(context, record_keys);
  return bytes;
}

}  // namespace podo::encode
