// SPDX-License-Identifier: Apache-2.0
// The thread that finds names: at the lowest priority, so that warm-up takes CPU nobody else wants.
#ifndef PODO_LIB_SYMBOL_LOOP_H_
#define PODO_LIB_SYMBOL_LOOP_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/wakeup.h"
#include "model/module.h"
#include "symbolize/symbolizer.h"

namespace podo {

// Addresses of one module that want names.
struct SymbolJob {
  std::shared_ptr<const model::Module> module;
  std::vector<uint64_t> vaddrs;
};

class SymbolLoop {
 public:
  explicit SymbolLoop(symbolize::Symbolizer* symbolizer) : symbolizer_(symbolizer) {}

  // Replaces what is still to do. Posts `done` when all of it is resolved.
  void SetWork(std::vector<SymbolJob> jobs, base::Wakeup* done);
  // Beside that work: blocks until `jobs` are resolved, or until `limit_ns` is over or the loop
  // ends; then some may be. One thread at a time.
  void Resolve(std::vector<SymbolJob> jobs, int64_t limit_ns);
  // True if nothing is left of the last SetWork.
  bool idle() const { return idle_.load(std::memory_order_acquire); }
  void Stop();

  // Thread body.
  void Run();

 private:
  void ResolveAsked();

  symbolize::Symbolizer* symbolizer_;
  base::Wakeup wakeup_;
  std::mutex mutex_;  // of jobs_, asked_ and done_, held for a swap only
  std::vector<SymbolJob> jobs_;
  std::vector<SymbolJob> asked_;
  base::Wakeup answered_;
  std::atomic<uint64_t> questions_{0};  // asked; under mutex_ where asked_ changes
  std::atomic<uint64_t> answers_{0};    // the newest question that is answered
  base::Wakeup* done_ = nullptr;
  std::atomic<uint64_t> version_{0};  // counts SetWork calls: work of an older one is dropped
  std::atomic<bool> idle_{true};
  std::atomic<bool> stop_{false};
};

}  // namespace podo

#endif  // PODO_LIB_SYMBOL_LOOP_H_
