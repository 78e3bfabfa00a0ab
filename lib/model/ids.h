// SPDX-License-Identifier: Apache-2.0
// Strong index types: an index into one table cannot be used with another. 0 is always the zero
// value.
#ifndef PODO_LIB_MODEL_IDS_H_
#define PODO_LIB_MODEL_IDS_H_

#include <cstdint>

namespace podo::model {

enum class StringId : uint32_t {};
enum class FunctionId : uint32_t {};
enum class MappingId : uint32_t {};
enum class LocationId : uint32_t {};
enum class StackId : uint32_t {};
enum class LabelSetId : uint32_t {};
enum class LinkId : uint32_t {};

// The plain number behind an id, for indexing a table and for encoders.
template <typename Id>
constexpr uint32_t Index(Id id) {
  return static_cast<uint32_t>(id);
}

}  // namespace podo::model

#endif  // PODO_LIB_MODEL_IDS_H_
