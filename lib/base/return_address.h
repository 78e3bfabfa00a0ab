// SPDX-License-Identifier: Apache-2.0
// Return addresses as code leaves them on the stack: on aarch64 perhaps signed (PAC).
#ifndef PODO_LIB_BASE_RETURN_ADDRESS_H_
#define PODO_LIB_BASE_RETURN_ADDRESS_H_

#include <cstdint>

namespace podo::base {

// Without the authentication code in its upper bits, if it has one.
inline uint64_t Unsigned(uint64_t return_address) noexcept {
#if defined(__aarch64__)
  register uint64_t x30 __asm__("x30") = return_address;
  __asm__("hint #7" : "+r"(x30));  // xpaclri: a nop before Armv8.3
  return x30;
#else
  return return_address;
#endif
}

}  // namespace podo::base

#endif  // PODO_LIB_BASE_RETURN_ADDRESS_H_
