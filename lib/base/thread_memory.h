// SPDX-License-Identifier: Apache-2.0
// What a thread needs so that running out of memory ends no more than its work.
#ifndef PODO_LIB_BASE_THREAD_MEMORY_H_
#define PODO_LIB_BASE_THREAD_MEMORY_H_

#include <cstdlib>
#include <exception>

namespace podo::base {

// Takes what a later `throw` needs of the calling thread; false if that much memory is not there:
// then nothing that may throw must run. glibc makes the thread-locals of a library that came by
// dlopen (in a C host libstdc++ is one) when a thread first touches them, and ends the process if
// it cannot ("cannot allocate memory for thread-local data"): the first bad_alloc would do that.
// So they are touched now, right after memory was seen to be there, in the arena of this thread.
inline bool PrepareThread() {
  constexpr size_t kEnough = size_t{64}
                             << 10;            // below malloc's threshold for mappings of their own
  void* volatile room = std::malloc(kEnough);  // volatile: the pair must not be optimised away
  if (room == nullptr) return false;
  std::free(room);
  [[maybe_unused]] volatile int touched = std::uncaught_exceptions();  // declared pure
  return true;
}

}  // namespace podo::base

#endif  // PODO_LIB_BASE_THREAD_MEMORY_H_
