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
  // True if nothing is left of the last SetWork.
  bool idle() const { return idle_.load(std::memory_order_acquire); }
  void Stop();

  // Thread body.
  void Run();

 private:
  symbolize::Symbolizer* symbolizer_;
  base::Wakeup wakeup_;
  std::mutex mutex_;  // of jobs_ and done_, held for a swap only
  std::vector<SymbolJob> jobs_;
  base::Wakeup* done_ = nullptr;
  std::atomic<uint64_t> version_{0};  // counts SetWork calls: work of an older one is dropped
  std::atomic<bool> idle_{true};
  std::atomic<bool> stop_{false};
};

}  // namespace podo

#endif  // PODO_LIB_SYMBOL_LOOP_H_
