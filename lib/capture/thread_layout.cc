// SPDX-License-Identifier: Apache-2.0
#include "capture/thread_layout.h"

#include <pthread.h>
#include <unistd.h>

#include <cstring>

namespace podo::capture {
namespace {

template <typename T>
T Load(const unsigned char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

LayoutCandidates FindLayoutCandidates(const unsigned char* block, size_t bytes, uint32_t tid,
                                      uint64_t stack, uint64_t stack_bytes) {
  LayoutCandidates found;
  for (uint32_t at = 8; at + 16 <= bytes; at += 4) {
    if (Load<uint32_t>(block + at) == tid && found.tid_count < LayoutCandidates::kMax) {
      found.tid_offsets[found.tid_count++] = at;
    }
    if (at % 8 == 0 && Load<uint64_t>(block + at) == stack &&
        Load<uint64_t>(block + at + 8) == stack_bytes &&
        found.stack_count < LayoutCandidates::kMax) {
      found.stack_offsets[found.stack_count++] = at;
    }
  }
  return found;
}

std::optional<ThreadLayout> NarrowLayout(const LayoutCandidates& candidates,
                                         const unsigned char* block, uint32_t tid,
                                         uint64_t stack_low, uint64_t stack_top) {
  ThreadLayout layout = {};
  int tids = 0;
  for (int i = 0; i < candidates.tid_count; ++i) {
    if (Load<uint32_t>(block + candidates.tid_offsets[i]) != tid) continue;
    layout.tid_offset = candidates.tid_offsets[i];
    ++tids;
  }
  int stacks = 0;
  for (int i = 0; i < candidates.stack_count; ++i) {
    const uint64_t low = Load<uint64_t>(block + candidates.stack_offsets[i]);
    const uint64_t size = Load<uint64_t>(block + candidates.stack_offsets[i] + 8);
    if (low > stack_low || low + size != stack_top) continue;
    layout.stack_offset = candidates.stack_offsets[i];
    ++stacks;
  }
  if (tids != 1 || stacks != 1) return std::nullopt;
  return layout;
}

const unsigned char* ThisThreadBlock() {
  const uint64_t here = reinterpret_cast<uint64_t>(__builtin_thread_pointer());
  return reinterpret_cast<const unsigned char*>(ThreadBlock(here));
}

LayoutCandidates FindLayoutCandidatesHere(const void* stack, uint64_t stack_bytes) {
  const auto* low = static_cast<const unsigned char*>(stack);
  const unsigned char* const block = ThisThreadBlock();
  if (block <= low || block >= low + stack_bytes) return {};
  return FindLayoutCandidates(block, static_cast<size_t>(low + stack_bytes - block),
                              static_cast<uint32_t>(gettid()), reinterpret_cast<uint64_t>(stack),
                              stack_bytes);
}

std::optional<ThreadLayout> NarrowLayoutHere(const LayoutCandidates& candidates) {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return std::nullopt;
  void* address = nullptr;
  size_t bytes = 0;
  pthread_attr_getstack(&attributes, &address, &bytes);
  pthread_attr_destroy(&attributes);
  const uint64_t low = reinterpret_cast<uint64_t>(address);
  return NarrowLayout(candidates, ThisThreadBlock(), static_cast<uint32_t>(gettid()), low,
                      low + bytes);
}

}  // namespace podo::capture
