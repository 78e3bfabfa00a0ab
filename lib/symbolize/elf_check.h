// SPDX-License-Identifier: Apache-2.0
// The checks that stand between a file's bytes and libelf/libdw.
#ifndef PODO_LIB_SYMBOLIZE_ELF_CHECK_H_
#define PODO_LIB_SYMBOLIZE_ELF_CHECK_H_

#include <cstdint>

#include "base/status.h"
#include "symbolize/byte_cursor.h"

namespace podo::symbolize {

// How many bytes the compressed sections of `image` say that they unpack to (libelf allocates what
// they say; 0 if none is compressed). An error unless `image` is a program or shared object of this
// machine's class and byte order whose header tables and sections lie inside it and whose table
// sections have whole entries.
//
// What remains for libdw to survive: the content of .debug_*. Its readers are bounds-checked and
// fuzzed upstream; our loops over it are bounded by Budget, its recursion by a depth limit.
base::StatusOr<uint64_t> CheckElf(Bytes image);

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_ELF_CHECK_H_
