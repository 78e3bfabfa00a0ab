// SPDX-License-Identifier: Apache-2.0
#include "published_context.h"

#include <pthread.h>

#include <atomic>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "context/foreign_context.h"
#include "context/label_sets.h"
#include "context/process_context.h"
#include "context/thread_record.h"
#include "encode/process_context_encoder.h"
#include "own_threads.h"

namespace podo {
namespace {

// Readers find it by its place in memory: it outlives every run of podo in this process.
context::ProcessContext& TheProcessContext() {
  static auto& context = *new context::ProcessContext;
  return context;
}

// Looks asked for and not yet made; the thread that brings it from 0 to 1 makes them all. Acquire
// and release: what one such thread reported, the next one knows.
std::atomic<int> g_looks{0};

void Report(const context::ForeignContext& foreign) {
  static auto& reported = *new std::string;
  if (!foreign.found || reported == foreign.module) return;
  reported = foreign.module;
  if (foreign.offset == 0) {
    base::Log(base::LogLevel::kWarning,
              absl::StrCat("otel_thread_ctx_v1 of ", foreign.module,
                           " is not in static TLS, where a signal handler may read it: samples "
                           "carry no links of that tracer; link it at start instead of dlopen"));
  } else {
    base::Log(base::LogLevel::kInfo,
              absl::StrCat("links come from the thread contexts of ", foreign.module));
  }
}

// `state` is never unmapped, and all else here is the process's.
void Look(capture::State* state) {
  const context::ForeignContext foreign = context::FindForeignContext();
  // Relaxed: a tick that sees the old value misses a link, no more.
  state->foreign_record.store(foreign.offset, std::memory_order_relaxed);
  context::g_publishes.store(!foreign.found, std::memory_order_relaxed);
  Report(foreign);
}

void* LookThread(void* state) {
  pthread_setname_np(pthread_self(), "podo-tracers");
  for (int asked = 1; asked != 0;) {
    asked = g_looks.load(std::memory_order_acquire);
    try {
      Look(static_cast<capture::State*>(state));
    } catch (...) {  // no memory: then no links of tracers
    }
    asked = g_looks.fetch_sub(asked, std::memory_order_acq_rel) - asked;
  }
  return nullptr;
}

}  // namespace

void PublishedContext::LookForTracers() {
  if (g_looks.fetch_add(1, std::memory_order_acq_rel) != 0) return;
  // The loader is asked, and somebody may hold its lock for as long as he likes: a thread that
  // nobody waits for. It inherits that all signals are blocked.
  pthread_attr_t attributes;
  pthread_t thread;
  constexpr size_t kStackBytes = 256 << 10;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (OwnThreads::CreateWithRoom(&attributes, kStackBytes, LookThread, state_, &thread) != 0) {
    g_looks.store(0);
  }
  pthread_attr_destroy(&attributes);
}

void PublishedContext::ForgetInForkChild() { g_looks.store(0, std::memory_order_relaxed); }

void PublishedContext::Update() {
  if (refused_ || !context::g_publishes.load(std::memory_order_relaxed)) return;
  const std::vector<std::string> keys = context::RecordKeys();
  if (published_ && keys.size() == keys_published_) return;
  const base::Status status =
      TheProcessContext().Publish(encode::EncodeProcessContext(resource_, keys));
  if (status.ok()) {
    published_ = true;
    keys_published_ = keys.size();
    return;
  }
  refused_ = true;
  base::Log(base::LogLevel::kInfo, std::string(status.message()));
}

}  // namespace podo
