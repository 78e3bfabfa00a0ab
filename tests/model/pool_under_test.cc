// SPDX-License-Identifier: Apache-2.0
// lib/capture/ring_pool.cc, unchanged but for its system calls: mappings come from the explorer's
// zone, madvise(MADV_DONTNEED) is a wipe that other threads can see happen, and time goes on by one
// whenever somebody looks.
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "explorer.h"

namespace podo::modelcheck {
namespace {

void* ModelMap(void*, size_t bytes, int, int, int, long) {
  static char room_to_spare[1];
  // The second mapping only asks whether there would be room.
  return bytes == size_t{64} << 20 ? static_cast<void*>(room_to_spare) : TakeZeroed(bytes);
}
int ModelUnmap(void*, size_t) { return 0; }
int ModelAdvise(void* from, size_t bytes, int advice) {
  if (advice == MADV_DONTNEED) Wipe(from, bytes);
  return 0;
}
void ModelBzero(void* from, size_t bytes) { Wipe(from, bytes); }

}  // namespace
}  // namespace podo::modelcheck

namespace podo::base {
static int64_t ModelClockNs() {
  static int64_t now = 0;
  return now++;
}
}  // namespace podo::base

#define mmap podo::modelcheck::ModelMap
#define munmap podo::modelcheck::ModelUnmap
#define madvise podo::modelcheck::ModelAdvise
#define explicit_bzero podo::modelcheck::ModelBzero
#define sched_yield() static_cast<void>(0)
#define SteadyClockNs ModelClockNs
#include "base/status.h"
#include "capture/ring_pool.cc"
