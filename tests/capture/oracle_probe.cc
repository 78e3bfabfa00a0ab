// SPDX-License-Identifier: Apache-2.0
#include "oracle_probe.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "aggregate/residue_unwinder.h"
#include "capture/handler.h"
#include "capture/module_watch.h"
#include "capture/ring_pool.h"
#include "capture/thread_layout.h"

namespace probe {
namespace {

using podo::capture::kRingWords;
using podo::model::kRawHeaderWords;
using podo::model::Residue;

constexpr uint32_t kKept = 256;

podo::capture::State* g_state = nullptr;
Residue* g_kept = nullptr;  // kKept of them, touched as needed
uint32_t g_tickets = 0;

struct LayoutSearch {
  char* stack;
  size_t bytes;
  podo::capture::LayoutCandidates candidates;
  podo::capture::ThreadLayout layout;
};

void* FindCandidates(void* argument) {
  auto* search = static_cast<LayoutSearch*>(argument);
  search->candidates = podo::capture::FindLayoutCandidatesHere(search->stack, search->bytes);
  return nullptr;
}

void* Narrow(void* argument) {
  auto* search = static_cast<LayoutSearch*>(argument);
  if (auto layout = podo::capture::NarrowLayoutHere(search->candidates)) search->layout = *layout;
  return nullptr;
}

void RunThread(pthread_attr_t* attributes, void* (*body)(void*), void* argument) {
  pthread_t thread;
  if (pthread_create(&thread, attributes, body, argument) != 0) std::abort();
  pthread_join(thread, nullptr);
}

podo::capture::ThreadLayout FindLayout() {
  LayoutSearch search = {};
  search.bytes = 256 << 10;
  search.stack = static_cast<char*>(
      mmap(nullptr, search.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, search.stack, search.bytes);
  RunThread(&attributes, FindCandidates, &search);
  RunThread(nullptr, Narrow, &search);
  return search.layout;
}

// The newest record of the calling thread's ring; the ring is empty afterwards.
bool Fetch(Seen* seen) {
  const uint64_t self = reinterpret_cast<uint64_t>(__builtin_thread_pointer());
  const uint32_t high = g_state->high_water.load();
  for (uint32_t i = 0; i < high; ++i) {
    podo::capture::Ring& ring = g_state->rings[i];
    if (ring.owner.load() != self) continue;
    const uint64_t head = ring.head.load();
    const uint64_t tail = ring.tail.load();
    if (head == tail) continue;  // a dead thread's, whose block was used again
    const uint64_t first = ring.words[tail & (kRingWords - 1)];
    seen->flags = static_cast<uint16_t>(first >> 16);
    seen->count = static_cast<uint16_t>(first >> 32);
    for (uint32_t f = 0; f < seen->count && f < Seen::kMax; ++f) {
      seen->frames[f] = ring.words[(tail + kRawHeaderWords + f) & (kRingWords - 1)];
    }
    ring.tail.store(head);
    return true;
  }
  return false;
}

bool KeepResidue(Seen* seen) {
  const uint64_t ready = g_state->residue_ready.exchange(0);
  if (ready == 0) return false;
  Residue& from = g_state->residues[__builtin_ctzll(ready)];
  seen->residue = true;
  seen->flags = from.flags;
  seen->ticket = g_tickets++;
  if (seen->ticket < kKept) {
    std::memcpy(&g_kept[seen->ticket], &from, offsetof(Residue, stack) + from.stack_bytes);
  }
  g_state->residue_free.fetch_or(ready);
  return true;
}

}  // namespace

void Open(uint32_t max_frames) {
  auto state = podo::capture::MapState(64, max_frames);
  if (!state.ok()) std::exit(3);
  g_state = *state;
  g_kept = static_cast<Residue*>(mmap(nullptr, sizeof(Residue) * kKept, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  const podo::capture::ThreadLayout layout = FindLayout();
  if (layout.stack_offset == 0 || layout.tid_offset == 0 || g_kept == MAP_FAILED) {
    std::fprintf(stderr, "the thread layout was not found\n");
    std::exit(3);
  }
  g_state->layout.store(podo::capture::Pack(layout));
  auto* watch = new podo::capture::ModuleWatch(g_state);  // as long as the process
  watch->Refresh([] {});
  podo::capture::g_state.store(g_state);
  g_state->armed.store(1);
}

void Take(void* context, Seen* seen) {
  siginfo_t cause = {};
  cause.si_code = SI_KERNEL;
  podo::capture::podo_sigprof_entry(SIGPROF, &cause, context);
  seen->residue = false;
  seen->count = 0;
  seen->flags = 0;
  seen->taken = Fetch(seen) || KeepResidue(seen);
}

uint16_t Finish(uint32_t ticket, std::vector<uint64_t>* frames) {
  static auto* unwinder = new podo::aggregate::ResidueUnwinder(podo::aggregate::ProcessSources());
  frames->clear();
  if (ticket >= kKept) return 0;
  return unwinder->Unwind(g_kept[ticket], Seen::kMax, frames);
}

uint32_t Tickets() { return g_tickets; }
bool TicketsLost() { return g_tickets > kKept; }
void ResetTickets() { g_tickets = 0; }

}  // namespace probe
