// SPDX-License-Identifier: Apache-2.0
// The functions that -fsanitize=thread makes compiled code call. ThreadSanitizer's own library is
// not linked: here they are the model's.
#include <cstdio>
#include <cstdlib>

#include "under_test.h"

namespace podo::modelcheck {
namespace {

template <typename T>
uint64_t Direct(const Access& a, bool* stored) {
  T* at = reinterpret_cast<T*>(a.address);
  const T operand = static_cast<T>(a.operand);
  if (stored != nullptr) *stored = true;
  switch (a.kind) {
    case Kind::kLoad:
      return __atomic_load_n(at, __ATOMIC_SEQ_CST);
    case Kind::kStore:
      __atomic_store_n(at, operand, __ATOMIC_SEQ_CST);
      return 0;
    case Kind::kExchange:
      return __atomic_exchange_n(at, operand, __ATOMIC_SEQ_CST);
    case Kind::kAdd:
      return __atomic_fetch_add(at, operand, __ATOMIC_SEQ_CST);
    case Kind::kAnd:
      return __atomic_fetch_and(at, operand, __ATOMIC_SEQ_CST);
    case Kind::kOr:
      return __atomic_fetch_or(at, operand, __ATOMIC_SEQ_CST);
    case Kind::kWipe:
    case Kind::kCompareExchange:
      break;
  }
  T expected = static_cast<T>(a.expected);
  const bool went = __atomic_compare_exchange_n(at, &expected, operand, false, __ATOMIC_SEQ_CST,
                                                __ATOMIC_SEQ_CST);
  if (stored != nullptr) *stored = went;
  return expected;
}

template <typename T>
T Access1(Kind kind, const volatile T* at, T operand, int order) {
  return static_cast<T>(
      AtomicAccess({reinterpret_cast<uintptr_t>(at), sizeof(T), kind, static_cast<Order>(order),
                    Order::kRelaxed, false, static_cast<uint64_t>(operand), 0}));
}

template <typename T>
bool CompareExchange(volatile T* at, T* expected, T desired, int order, int fail_order, bool weak) {
  bool stored = false;
  const uint64_t old =
      AtomicAccess({reinterpret_cast<uintptr_t>(at), sizeof(T), Kind::kCompareExchange,
                    static_cast<Order>(order), static_cast<Order>(fail_order), weak,
                    static_cast<uint64_t>(desired), static_cast<uint64_t>(*expected)},
                   &stored);
  if (!stored) *expected = static_cast<T>(old);
  return stored;
}

[[noreturn]] void Unknown(const char* what) {
  std::fprintf(stderr, "the model does not know %s\n", what);
  std::abort();
}

void Plain(void* at, size_t bytes, bool is_write) {
  PlainAccess(reinterpret_cast<uintptr_t>(at), bytes, is_write);
}

}  // namespace

uint64_t DirectAccess(const Access& access, bool* stored) {
  switch (access.size) {
    case 1:
      return Direct<uint8_t>(access, stored);
    case 2:
      return Direct<uint16_t>(access, stored);
    case 4:
      return Direct<uint32_t>(access, stored);
    default:
      return Direct<uint64_t>(access, stored);
  }
}

}  // namespace podo::modelcheck

namespace mc = podo::modelcheck;

#define PODO_ATOMICS(BITS, T)                                                                   \
  T __tsan_atomic##BITS##_load(const volatile T* a, int mo) {                                   \
    return mc::Access1<T>(mc::Kind::kLoad, a, 0, mo);                                           \
  }                                                                                             \
  void __tsan_atomic##BITS##_store(volatile T* a, T v, int mo) {                                \
    mc::Access1<T>(mc::Kind::kStore, a, v, mo);                                                 \
  }                                                                                             \
  T __tsan_atomic##BITS##_exchange(volatile T* a, T v, int mo) {                                \
    return mc::Access1<T>(mc::Kind::kExchange, a, v, mo);                                       \
  }                                                                                             \
  T __tsan_atomic##BITS##_fetch_add(volatile T* a, T v, int mo) {                               \
    return mc::Access1<T>(mc::Kind::kAdd, a, v, mo);                                            \
  }                                                                                             \
  T __tsan_atomic##BITS##_fetch_sub(volatile T* a, T v, int mo) {                               \
    return mc::Access1<T>(mc::Kind::kAdd, a, static_cast<T>(-v), mo);                           \
  }                                                                                             \
  T __tsan_atomic##BITS##_fetch_and(volatile T* a, T v, int mo) {                               \
    return mc::Access1<T>(mc::Kind::kAnd, a, v, mo);                                            \
  }                                                                                             \
  T __tsan_atomic##BITS##_fetch_or(volatile T* a, T v, int mo) {                                \
    return mc::Access1<T>(mc::Kind::kOr, a, v, mo);                                             \
  }                                                                                             \
  T __tsan_atomic##BITS##_fetch_xor(volatile T*, T, int) { mc::Unknown("fetch_xor"); }          \
  bool __tsan_atomic##BITS##_compare_exchange_strong(volatile T* a, T* e, T v, int mo, int f) { \
    return mc::CompareExchange<T>(a, e, v, mo, f, false);                                       \
  }                                                                                             \
  bool __tsan_atomic##BITS##_compare_exchange_weak(volatile T* a, T* e, T v, int mo, int f) {   \
    return mc::CompareExchange<T>(a, e, v, mo, f, true);                                        \
  }

#define PODO_PLAIN(BYTES)                                                    \
  void __tsan_read##BYTES(void* a) { mc::Plain(a, BYTES, false); }           \
  void __tsan_write##BYTES(void* a) { mc::Plain(a, BYTES, true); }           \
  void __tsan_unaligned_read##BYTES(void* a) { mc::Plain(a, BYTES, false); } \
  void __tsan_unaligned_write##BYTES(void* a) { mc::Plain(a, BYTES, true); } \
  void __tsan_volatile_read##BYTES(void* a) { mc::Plain(a, BYTES, false); }  \
  void __tsan_volatile_write##BYTES(void* a) { mc::Plain(a, BYTES, true); }

extern "C" {
PODO_ATOMICS(8, uint8_t)
PODO_ATOMICS(16, uint16_t)
PODO_ATOMICS(32, uint32_t)
PODO_ATOMICS(64, uint64_t)
PODO_PLAIN(1)
PODO_PLAIN(2)
PODO_PLAIN(4)
PODO_PLAIN(8)
PODO_PLAIN(16)

void __tsan_read_range(void* a, size_t bytes) { mc::Plain(a, bytes, false); }
void __tsan_write_range(void* a, size_t bytes) { mc::Plain(a, bytes, true); }
void __tsan_atomic_thread_fence(int) { mc::Unknown("fences"); }
void __tsan_atomic_signal_fence(int) {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_read(void*) {}
void __tsan_vptr_update(void*, void*) {}
void __tsan_init() {}
}
