// SPDX-License-Identifier: Apache-2.0
// Finds where glibc keeps a thread's id and stack bounds in its thread block.
//
// The handler needs both without a system call and without libc. The offsets are private to glibc
// and differ between versions, so they are measured: a thread of podo runs on a stack podo mapped
// and scans its own block for the three known values; a second thread, on a stack glibc chose,
// confirms them. Where they cannot be found, the handler asks the kernel (gettid) and reads stacks
// through kernel-checked copies only.
#ifndef PODO_LIB_CAPTURE_THREAD_LAYOUT_H_
#define PODO_LIB_CAPTURE_THREAD_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "capture/state.h"

namespace podo::capture {

// Offsets at which the known values stand. Small thread ids (a fresh PID namespace) stand in
// several places by chance; a second thread with other values leaves the true one.
struct LayoutCandidates {
  static constexpr int kMax = 16;
  uint32_t tid_offsets[kMax];
  int tid_count = 0;
  uint32_t stack_offsets[kMax];
  int stack_count = 0;
};

// Looks in [block, block + bytes) for `tid` and for the pair
// {stack, stack_bytes}. Pure.
LayoutCandidates FindLayoutCandidates(const unsigned char* block, size_t bytes, uint32_t tid,
                                      uint64_t stack, uint64_t stack_bytes);

// The one pair of offsets that also holds for another thread's block: its tid, and a stack whose
// low end is at most `stack_low` (glibc counts the guard in) and whose top is `stack_top`. Pure.
std::optional<ThreadLayout> NarrowLayout(const LayoutCandidates& candidates,
                                         const unsigned char* block, uint32_t tid,
                                         uint64_t stack_low, uint64_t stack_top);

// Of the calling thread (state.h).
const unsigned char* ThisThreadBlock();

// FindLayoutCandidates for the calling thread, which runs on this stack with its block at the top;
// none if it does not.
LayoutCandidates FindLayoutCandidatesHere(const void* stack, uint64_t stack_bytes);

// NarrowLayout for the calling thread, by pthread_getattr_np. Any thread but the main one.
std::optional<ThreadLayout> NarrowLayoutHere(const LayoutCandidates& candidates);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_THREAD_LAYOUT_H_
