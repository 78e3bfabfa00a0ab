// SPDX-License-Identifier: Apache-2.0
// What one address means in the source: the unit of everything symbolize/ hands out.
#ifndef PODO_LIB_SYMBOLIZE_SOURCE_FRAME_H_
#define PODO_LIB_SYMBOLIZE_SOURCE_FRAME_H_

#include <cstdint>
#include <string>

namespace podo::symbolize {

struct SourceFrame {
  std::string function;     // demangled, compiler suffixes (.cold, .isra.0) cut off
  std::string system_name;  // as the linker knows it
  std::string file;         // where the line is; empty = unknown
  int64_t line = 0;         // 0 = unknown
  int64_t start_line = 0;   // of the function; 0 = unknown
  bool operator==(const SourceFrame&) const = default;
};

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_SOURCE_FRAME_H_
