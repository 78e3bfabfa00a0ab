// SPDX-License-Identifier: Apache-2.0
// The dictionary of one OTLP request, filled with what its samples refer to.
#ifndef PODO_LIB_ENCODE_OTLP_DICTIONARY_H_
#define PODO_LIB_ENCODE_OTLP_DICTIONARY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <protozero/pbf_writer.hpp>
#include <string_view>
#include <vector>

#include "encode/otlp_encoder.h"
#include "encode/otlp_table.h"
#include "model/profile.h"

namespace podo::encode {

// Appends an AnyValue as field `tag`. A value is written even if it is zero: it is one of a oneof.
void AddAnyValue(protozero::pbf_writer* writer, uint32_t tag, const OtlpAttribute& attribute);

// Every function returns the index of what it is given in the dictionary's table, adding it and
// what it refers to if need be. Not thread-safe.
class OtlpDictionary {
 public:
  explicit OtlpDictionary(const model::Profile& profile);

  uint32_t String(model::StringId id);
  uint32_t Text(std::string_view text) { return strings_.Add(text); }
  uint32_t Attribute(const OtlpAttribute& attribute, uint32_t unit = 0);
  uint32_t CommentAttribute(const std::vector<model::StringId>& comments);
  uint32_t Location(model::LocationId id);
  uint32_t Stack(model::StackId id);
  uint32_t Link(model::LinkId id);
  // Attributes of a label set and of `more`, ascending; of equal keys the first one counts.
  std::vector<uint32_t> Labels(model::LabelSetId id, const std::vector<OtlpAttribute>& more);

  // What WriteTo will append.
  size_t wire_bytes() const;
  // Appends the seven tables as the fields of a ProfilesDictionary.
  void WriteTo(protozero::pbf_writer* message) const;

 private:
  using Memo = std::vector<std::optional<uint32_t>>;  // by index in the profile's table

  uint32_t Function(model::FunctionId id);
  uint32_t Mapping(model::MappingId id);

  const model::Profile& profile_;
  OtlpTable strings_, attributes_, mappings_, functions_, locations_, stacks_, links_;
  Memo string_memo_, mapping_memo_, function_memo_, location_memo_, stack_memo_;
  std::optional<uint32_t> native_, folded_;
};

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_OTLP_DICTIONARY_H_
