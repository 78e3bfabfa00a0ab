// SPDX-License-Identifier: Apache-2.0
#include "encode/otlp_table.h"

#include <protozero/varint.hpp>

#include "absl/strings/string_view.h"

namespace podo::encode {

uint32_t OtlpTable::Add(std::string_view entry) {
  const auto [it, inserted] = ids_.try_emplace(std::string(entry), entries_.size());
  if (inserted) {
    entries_.push_back(&it->first);
    wire_bytes_ += 1 + protozero::length_of_varint(entry.size()) + entry.size();
  }
  return it->second;
}

}  // namespace podo::encode
