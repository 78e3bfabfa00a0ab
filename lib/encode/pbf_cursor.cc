// SPDX-License-Identifier: Apache-2.0
#include "encode/pbf_cursor.h"

#include "absl/strings/str_cat.h"

namespace podo::encode {
namespace {

using protozero::pbf_wire_type;

}  // namespace

void PbfCursor::Fail(std::string_view what) {
  if (!error_->ok()) return;
  std::string where = message_;
  if (number_ != 0) absl::StrAppend(&where, " #", number_);
  *error_ = base::InvalidArgumentError(absl::StrCat(where, ": ", std::string(what)));
}

void PbfCursor::FailField(const char* name, const char* what) {
  Fail(absl::StrCat(name, " (field ", field(), "): ", what));
}

bool PbfCursor::Next() {
  if (failed()) return false;
  try {
    if (!reader_.next()) return false;
    field_ = reader_.tag();
    return true;
  } catch (const protozero::exception& e) {
    Fail(absl::StrCat("the bytes are no protobuf message (", e.what(), ")"));
    return false;
  }
}

bool PbfCursor::Expect(pbf_wire_type type, const char* name, const char* type_name) {
  if (failed()) return false;
  if (reader_.has_wire_type(type)) return true;
  FailField(name, absl::StrCat("wire type ", static_cast<uint32_t>(reader_.wire_type()),
                               "; accepted: ", static_cast<uint32_t>(type), ", ", type_name)
                      .c_str());
  return false;
}

uint64_t PbfCursor::Uint(const char* name) {
  if (!Expect(pbf_wire_type::varint, name, "a varint")) return 0;
  try {
    return reader_.get_uint64();
  } catch (const protozero::exception& e) {
    FailField(name, e.what());
    return 0;
  }
}

std::string_view PbfCursor::Bytes(const char* name) {
  if (!Expect(pbf_wire_type::length_delimited, name, "length-delimited")) return {};
  try {
    const protozero::data_view view = reader_.get_view();
    return {view.data(), view.size()};
  } catch (const protozero::exception& e) {
    FailField(name, e.what());
    return {};
  }
}

void PbfCursor::Uints(const char* name, size_t max_size, std::vector<uint64_t>* out) {
  if (failed()) return;
  try {
    if (reader_.has_wire_type(pbf_wire_type::length_delimited)) {
      const auto range = reader_.get_packed_uint64();
      for (auto it = range.begin(); it != range.end() && out->size() <= max_size; ++it) {
        out->push_back(*it);
      }
    } else if (Expect(pbf_wire_type::varint, name, "a varint, or 2, packed varints")) {
      out->push_back(reader_.get_uint64());
    }
  } catch (const protozero::exception& e) {
    FailField(name, e.what());
  }
  if (out->size() > max_size) {
    FailField(name, absl::StrCat("more than ", max_size, " numbers").c_str());
  }
}

void PbfCursor::Skip() {
  if (failed()) return;
  try {
    reader_.skip();
  } catch (const protozero::exception& e) {
    FailField("unknown", e.what());
  }
}

}  // namespace podo::encode
