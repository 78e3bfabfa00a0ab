// SPDX-License-Identifier: Apache-2.0
// Tells two loads to one address apart: glibc numbers the modules it loads, in a field of its
// private link_map (l_serial) that is never used twice.
//
// Without the number a plugin that replaced another one of the same layout cannot be told from it:
// address, size and even the link_map's address are the same. The field's place is private to
// glibc, hence measured, as thread_layout.h does.
#ifndef PODO_LIB_CAPTURE_LOAD_SERIAL_H_
#define PODO_LIB_CAPTURE_LOAD_SERIAL_H_

#include <cstdint>

#include "capture/process_view.h"

namespace podo::capture {

// Offset of the number in a link_map, or 0 if it cannot be told: the one word that is 0 for the
// main program and then grows along the loader's list (the loader itself, which is not loaded, has
// 0 too). `own_address` is any address in a module of the main namespace. One read a module.
uint32_t FindSerialOffset(ProcessView& process, uint64_t own_address);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_LOAD_SERIAL_H_
