// SPDX-License-Identifier: Apache-2.0
// The build id of OpenTelemetry that needs no linker's help: a hash of a file's head, tail, length.
#ifndef PODO_LIB_SYMBOLIZE_HTLHASH_H_
#define PODO_LIB_SYMBOLIZE_HTLHASH_H_

#include <string>

#include "symbolize/byte_cursor.h"

namespace podo::symbolize {

// process.executable.build_id.htlhash of a file: the first 16 bytes, in lower-case hex, of the
// SHA-256 of its first 4096 bytes, its last 4096 bytes and its length as a big-endian uint64.
std::string HtlHash(Bytes file);

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_HTLHASH_H_
