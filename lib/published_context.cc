// SPDX-License-Identifier: Apache-2.0
#include "published_context.h"

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "context/foreign_context.h"
#include "context/label_sets.h"
#include "context/process_context.h"
#include "context/thread_record.h"
#include "encode/process_context_encoder.h"

namespace podo {
namespace {

// Readers find it by its place in memory: it outlives every run of podo in this process.
context::ProcessContext& TheProcessContext() {
  static auto& context = *new context::ProcessContext;
  return context;
}

}  // namespace

void PublishedContext::LookForTracers() {
  const context::ForeignContext foreign = context::FindForeignContext();
  // Relaxed: a tick that sees the old value misses a link, no more.
  state_->foreign_record.store(foreign.offset, std::memory_order_relaxed);
  context::g_publishes.store(!foreign.found, std::memory_order_relaxed);
  if (!foreign.found || reported_ == foreign.module) return;
  reported_ = foreign.module;
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

void PublishedContext::Update() {
  if (refused_ || !context::g_publishes.load(std::memory_order_relaxed)) return;
  const std::vector<std::string> keys = context::RecordKeys();
  if (published_ && keys.size() == keys_published_) return;
  const absl::Status status =
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
