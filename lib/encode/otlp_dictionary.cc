// SPDX-License-Identifier: Apache-2.0
#include "encode/otlp_dictionary.h"

#include <algorithm>
#include <string>

#include "encode/otlp_fields.h"

namespace podo::encode {
namespace {

using model::Index;
using protozero::pbf_writer;

// proto3: a zero is not written.
void AddIndex(pbf_writer* writer, uint32_t tag, uint32_t index) {
  if (index != 0) writer->add_uint32(tag, index);
}
void AddUint(pbf_writer* writer, uint32_t tag, uint64_t value) {
  if (value != 0) writer->add_uint64(tag, value);
}
void AddInt(pbf_writer* writer, uint32_t tag, int64_t value) {
  if (value != 0) writer->add_int64(tag, value);
}
void AddPacked(pbf_writer* writer, uint32_t tag, const std::vector<uint32_t>& indices) {
  writer->add_packed_uint32(tag, indices.begin(), indices.end());
}

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The index `memo` holds for `i`, made by `make` if there is none.
template <typename Memo, typename Make>
uint32_t Once(Memo& memo, uint32_t i, Make make) {
  if (!memo[i].has_value()) memo[i] = make();
  return *memo[i];
}

}  // namespace

void AddAnyValue(pbf_writer* writer, uint32_t tag, const OtlpAttribute& attribute) {
  pbf_writer value(*writer, tag);
  if (const auto* text = std::get_if<std::string>(&attribute.value)) {
    value.add_string(otlp::any_value::kString, *text);
  } else if (const auto* flag = std::get_if<bool>(&attribute.value)) {
    value.add_bool(otlp::any_value::kBool, *flag);
  } else {
    value.add_int64(otlp::any_value::kInt, std::get<int64_t>(attribute.value));
  }
}

OtlpDictionary::OtlpDictionary(const model::Profile& profile)
    : profile_(profile),
      string_memo_(profile.strings.size()),
      mapping_memo_(profile.mappings.size()),
      function_memo_(profile.functions.size()),
      location_memo_(profile.locations.size()),
      stack_memo_(profile.stacks.size()) {}

uint32_t OtlpDictionary::String(model::StringId id) {
  return Once(string_memo_, Index(id), [&] { return strings_.Add(profile_.String(id)); });
}

uint32_t OtlpDictionary::Attribute(const OtlpAttribute& attribute, uint32_t unit) {
  std::string bytes;
  pbf_writer message(bytes);
  AddIndex(&message, otlp::key_value_and_unit::kKey, strings_.Add(attribute.key));
  AddAnyValue(&message, otlp::key_value_and_unit::kValue, attribute);
  AddIndex(&message, otlp::key_value_and_unit::kUnit, unit);
  return attributes_.Add(bytes);
}

uint32_t OtlpDictionary::CommentAttribute(const std::vector<model::StringId>& comments) {
  std::string bytes;
  pbf_writer message(bytes);
  AddIndex(&message, otlp::key_value_and_unit::kKey, strings_.Add(otlp::kProfileComment));
  {
    pbf_writer value(message, otlp::key_value_and_unit::kValue);
    pbf_writer array(value, otlp::any_value::kArray);
    for (const model::StringId comment : comments) {
      pbf_writer element(array, otlp::array_value::kValues);
      element.add_string(otlp::any_value::kString, profile_.String(comment));
    }
  }
  return attributes_.Add(bytes);
}

uint32_t OtlpDictionary::Mapping(model::MappingId id) {
  if (Index(id) == 0) return 0;
  return Once(mapping_memo_, Index(id), [&] {
    const model::Mapping& mapping = profile_.mappings[Index(id)];
    std::vector<uint32_t> attributes;
    const std::string& build_id = profile_.String(mapping.build_id);
    // What another linker than GNU's has put there, Go's for one, is no GNU build id.
    if (!build_id.empty() && IsLowerHex(build_id)) {
      attributes.push_back(Attribute({otlp::kBuildIdGnu, build_id}));
    }
    if (Index(mapping.htlhash) != 0) {
      attributes.push_back(Attribute({otlp::kBuildIdHtlhash, profile_.String(mapping.htlhash)}));
    }
    std::string bytes;
    pbf_writer message(bytes);
    AddUint(&message, otlp::mapping::kMemoryStart, mapping.start);
    AddUint(&message, otlp::mapping::kMemoryLimit, mapping.limit);
    AddUint(&message, otlp::mapping::kFileOffset, mapping.file_offset);
    AddIndex(&message, otlp::mapping::kFilename, String(mapping.filename));
    AddPacked(&message, otlp::mapping::kAttributeIndices, attributes);
    return mappings_.Add(bytes);
  });
}

uint32_t OtlpDictionary::Function(model::FunctionId id) {
  return Once(function_memo_, Index(id), [&] {
    const model::Function& function = profile_.functions[Index(id)];
    std::string bytes;
    pbf_writer message(bytes);
    AddIndex(&message, otlp::function::kName, String(function.name));
    AddIndex(&message, otlp::function::kSystemName, String(function.system_name));
    AddIndex(&message, otlp::function::kFilename, String(function.filename));
    AddInt(&message, otlp::function::kStartLine, function.start_line);
    return functions_.Add(bytes);
  });
}

uint32_t OtlpDictionary::Location(model::LocationId id) {
  if (Index(id) == 0) return 0;
  return Once(location_memo_, Index(id), [&] {
    const model::Location& location = profile_.locations[Index(id)];
    std::vector<uint32_t> attributes;
    if (Index(location.mapping) != 0) {
      if (!native_) native_ = Attribute({otlp::kFrameType, otlp::kFrameTypeNative});
      attributes.push_back(*native_);
    }
    if (location.is_folded) {
      if (!folded_) folded_ = Attribute({otlp::kLocationIsFolded, true});
      attributes.push_back(*folded_);
    }
    std::string bytes;
    pbf_writer message(bytes);
    AddIndex(&message, otlp::location::kMappingIndex, Mapping(location.mapping));
    AddUint(&message, otlp::location::kAddress, location.address);
    for (const model::Line& line : location.lines) {
      std::string line_bytes;
      pbf_writer line_message(line_bytes);
      AddIndex(&line_message, otlp::line::kFunctionIndex, Function(line.function));
      AddInt(&line_message, otlp::line::kLine, line.line);
      AddInt(&line_message, otlp::line::kColumn, line.column);
      message.add_message(otlp::location::kLines, line_bytes);
    }
    AddPacked(&message, otlp::location::kAttributeIndices, attributes);
    return locations_.Add(bytes);
  });
}

uint32_t OtlpDictionary::Stack(model::StackId id) {
  return Once(stack_memo_, Index(id), [&] {
    std::vector<uint32_t> locations;
    for (const model::LocationId location : profile_.stacks[Index(id)].locations) {
      if (const uint32_t index = Location(location); index != 0) locations.push_back(index);
    }
    std::string bytes;
    pbf_writer message(bytes);
    AddPacked(&message, otlp::stack::kLocationIndices, locations);
    return stacks_.Add(bytes);
  });
}

uint32_t OtlpDictionary::Link(model::LinkId id) {
  const model::Link& link = profile_.links[Index(id)];
  if (link == model::Link{}) return 0;
  std::string bytes;
  pbf_writer message(bytes);
  // Both whole, even if one is zero: receivers refuse ids of another length.
  message.add_bytes(otlp::link::kTraceId, reinterpret_cast<const char*>(link.trace_id.data()),
                    link.trace_id.size());
  message.add_bytes(otlp::link::kSpanId, reinterpret_cast<const char*>(link.span_id.data()),
                    link.span_id.size());
  return links_.Add(bytes);
}

std::vector<uint32_t> OtlpDictionary::Labels(model::LabelSetId id,
                                             const std::vector<OtlpAttribute>& more) {
  std::vector<uint32_t> indices;
  std::vector<std::string_view> keys;
  const auto is_new = [&](std::string_view key) {
    if (key.empty() || std::find(keys.begin(), keys.end(), key) != keys.end()) return false;
    keys.push_back(key);
    return true;
  };
  for (const model::Label& label : profile_.label_sets[Index(id)].labels) {
    if (!is_new(profile_.String(label.key))) continue;
    OtlpAttribute attribute{profile_.String(label.key), label.number};
    if (Index(label.string) != 0) attribute.value = profile_.String(label.string);
    indices.push_back(Attribute(attribute, String(label.number_unit)));
  }
  for (const OtlpAttribute& attribute : more) {
    if (is_new(attribute.key)) indices.push_back(Attribute(attribute));
  }
  std::sort(indices.begin(), indices.end());
  return indices;
}

size_t OtlpDictionary::wire_bytes() const {
  size_t sum = 0;
  for (const OtlpTable* table :
       {&strings_, &attributes_, &mappings_, &functions_, &locations_, &stacks_, &links_}) {
    sum += table->wire_bytes();
  }
  return sum;
}

void OtlpDictionary::WriteTo(pbf_writer* message) const {
  namespace field = otlp::dictionary;
  const auto write = [&](uint32_t tag, const OtlpTable& table) {
    for (const std::string* entry : table.entries()) message->add_bytes(tag, *entry);
  };
  write(field::kMappingTable, mappings_);
  write(field::kLocationTable, locations_);
  write(field::kFunctionTable, functions_);
  write(field::kLinkTable, links_);
  write(field::kStringTable, strings_);
  write(field::kAttributeTable, attributes_);
  write(field::kStackTable, stacks_);
}

}  // namespace podo::encode
