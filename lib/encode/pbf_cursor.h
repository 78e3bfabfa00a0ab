// SPDX-License-Identifier: Apache-2.0
// Reads the fields of one protobuf message that nobody vouches for.
#ifndef PODO_LIB_ENCODE_PBF_CURSOR_H_
#define PODO_LIB_ENCODE_PBF_CURSOR_H_

#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace podo::encode {

// protozero throws on damaged input and asserts on an unexpected wire type; this does neither. The
// first failure goes to `*error` as one line that names message and field; from then on Next() is
// false for every cursor on that error, and getters return zero. So callers loop and read without
// checking, and look at the error once.
class PbfCursor {
 public:
  // `message` names this message in errors, with its number unless that is 0: "location #3".
  PbfCursor(std::string_view bytes, const char* message, size_t number, base::Status* error)
      : reader_(bytes.data(), bytes.size()), message_(message), number_(number), error_(error) {}

  // Goes to the next field; false at the end of the message or after a failure.
  bool Next();
  uint32_t field() const { return field_; }

  // The current field's value; exactly one of these a Next(). `name` is the field's, for errors.
  uint64_t Uint(const char* name);
  std::string_view Bytes(const char* name);
  // Appends the numbers of a repeated field, packed or not. Fails when `out` would get longer than
  // `max_size`.
  void Uints(const char* name, size_t max_size, std::vector<uint64_t>* out);
  void Skip();

  // Notes "MESSAGE #N: WHAT" as the error unless there is one already.
  void Fail(std::string_view what);
  bool failed() const { return !error_->ok(); }

 private:
  bool Expect(protozero::pbf_wire_type type, const char* name, const char* type_name);
  void FailField(const char* name, const char* what);

  protozero::pbf_reader reader_;
  uint32_t field_ = 0;  // protozero forgets it once the value is read
  const char* message_;
  size_t number_;
  base::Status* error_;
};

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_PBF_CURSOR_H_
