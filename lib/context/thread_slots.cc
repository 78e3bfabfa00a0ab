// SPDX-License-Identifier: Apache-2.0
#include "context/thread_slots.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <vector>

#include "base/timed_lock.h"

namespace podo::context {
namespace {

using model::ThreadSlot;

constexpr size_t kSlotsPerChunk = 64;
constexpr size_t kMaxChunks = 4096;
constexpr uint64_t kSerialShift = 40;  // serials of a slot: (index + 1) << 40, and so on

// Constant-initialised and trivially destroyed: labels are static objects of the host, made before
// this library's constructors and used after its destructors.
struct Slots {
  std::mutex mutex;
  ThreadSlot* chunks[kMaxChunks] = {};
  size_t count = 0;     // made so far
  size_t scan_at = 64;  // look for dead owners once so many are taken
  size_t taken = 0;
  size_t search_from = 0;
  ThreadSlot& at(size_t i) { return chunks[i / kSlotsPerChunk][i % kSlotsPerChunk]; }
};
constinit Slots g_slots;
// Points at a byte that is 1 in this process and 0 in a fork child (MADV_WIPEONFORK).
constinit std::atomic<const char*> g_alive{nullptr};

const char* MapAliveByte() {
  constexpr size_t kPage = 4096;
  void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (madvise(page, kPage, MADV_WIPEONFORK) != 0) {
    munmap(page, kPage);
    return nullptr;
  }
  char* alive = static_cast<char*>(page);
  *alive = 1;
  const char* before = nullptr;
  // Release: whoever sees the page sees the 1 in it.
  if (!g_alive.compare_exchange_strong(before, alive, std::memory_order_release,
                                       std::memory_order_acquire)) {
    munmap(page, kPage);
    return before;
  }
  return alive;
}

bool OwnerIsGone(const ThreadSlot& slot) {
  const uint32_t tid = slot.tid.load(std::memory_order_relaxed);
  return syscall(SYS_tgkill, getpid(), static_cast<pid_t>(tid), 0) != 0 && errno == ESRCH;
}

void ReclaimLocked() {
  const int saved_errno = errno;
  for (size_t i = 0; i < g_slots.count; ++i) {
    ThreadSlot& slot = g_slots.at(i);
    if (slot.tid.load(std::memory_order_relaxed) == 0 || !OwnerIsGone(slot)) continue;
    // The kernel forgets a tid after the thread's last user instruction: nobody writes any more.
    slot.labels.store(nullptr, std::memory_order_relaxed);
    slot.tid.store(0, std::memory_order_relaxed);
    --g_slots.taken;
  }
  g_slots.scan_at = std::max<size_t>(64, g_slots.taken * 2);
  errno = saved_errno;
}

bool AddChunk() {
  if (g_slots.count == kSlotsPerChunk * kMaxChunks) return false;
  void* memory = mmap(nullptr, kSlotsPerChunk * sizeof(ThreadSlot), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  g_slots.chunks[g_slots.count / kSlotsPerChunk] = static_cast<ThreadSlot*>(memory);
  for (size_t i = 0; i < kSlotsPerChunk; ++i) {
    g_slots.at(g_slots.count + i).last_serial = (g_slots.count + i + 1) << kSerialShift;
  }
  g_slots.count += kSlotsPerChunk;
  return true;
}

ThreadSlot* FreeSlot() {
  if (g_slots.taken >= g_slots.scan_at) ReclaimLocked();
  if (g_slots.taken == g_slots.count && !AddChunk()) return nullptr;
  for (size_t i = 0; i < g_slots.count; ++i) {
    const size_t index = (g_slots.search_from + i) % g_slots.count;
    if (g_slots.at(index).tid.load(std::memory_order_relaxed) != 0) continue;
    g_slots.search_from = index + 1;
    return &g_slots.at(index);
  }
  return nullptr;
}

// As the memory came from the kernel, but for the serials, which go on.
void Clear(ThreadSlot* slot) {
  slot->labels.store(nullptr, std::memory_order_relaxed);
  slot->top.store(0, std::memory_order_relaxed);
  slot->orphaned.store(~uint64_t{0}, std::memory_order_relaxed);
  slot->paused.store(0, std::memory_order_relaxed);
  slot->span_active.store(0, std::memory_order_relaxed);
  slot->fiber_hi.store(0, std::memory_order_relaxed);
  slot->carrier = nullptr;
  slot->outer_record = nullptr;
  slot->published.store(nullptr, std::memory_order_relaxed);
  // A thread that died inside a look-up left an odd count.
  const uint64_t reading = slot->reading.load(std::memory_order_relaxed);
  slot->reading.store(reading + (reading & 1), std::memory_order_relaxed);
}

}  // namespace

bool LocksUsable() {
  const char* alive = g_alive.load(std::memory_order_acquire);
  if (alive == nullptr) alive = MapAliveByte();
  return alive != nullptr && *alive != 0;
}

model::ThreadSlot* ClaimSlot() {
  if (!LocksUsable()) return nullptr;
  const std::lock_guard lock(g_slots.mutex);
  ThreadSlot* slot = FreeSlot();
  if (slot == nullptr) return nullptr;
  Clear(slot);
  slot->tid.store(static_cast<uint32_t>(syscall(SYS_gettid)), std::memory_order_relaxed);
  ++g_slots.taken;
  // The handler of this thread may run from here on: the slot is complete.
  std::atomic_signal_fence(std::memory_order_release);
  model::tls_thread_slot = slot;
  return slot;
}

void ForEachSlot(absl::FunctionRef<void(const model::ThreadSlot&)> visit) {
  if (!LocksUsable()) return;
  const std::lock_guard lock(g_slots.mutex);
  for (size_t i = 0; i < g_slots.count; ++i) {
    const ThreadSlot& slot = g_slots.at(i);
    if (slot.tid.load(std::memory_order_relaxed) != 0) visit(slot);
  }
}

bool LockSlotsForFork(int64_t limit_ns) {
  return LocksUsable() && base::LockWithin(g_slots.mutex.native_handle(), limit_ns);
}

void UnlockSlotsInParent() { g_slots.mutex.unlock(); }

void UnlockSlotsInChild() {
  if (char* alive = const_cast<char*>(g_alive.load(std::memory_order_relaxed))) *alive = 1;
  // The thread goes on under another id; the slots of all others are found to be without owner.
  if (ThreadSlot* own = model::tls_thread_slot) {
    own->tid.store(static_cast<uint32_t>(syscall(SYS_gettid)), std::memory_order_relaxed);
  }
  g_slots.mutex.unlock();
}

void ReclaimSlots() {
  if (!LocksUsable()) return;
  const std::lock_guard lock(g_slots.mutex);
  ReclaimLocked();
}

}  // namespace podo::context
