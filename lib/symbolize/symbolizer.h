// SPDX-License-Identifier: Apache-2.0
// Addresses -> functions, files, lines and inlined frames. The slow side (disk, DWARF) and the
// quick side (a cache) are two calls, so that nobody who must be quick waits for a disk.
#ifndef PODO_LIB_SYMBOLIZE_SYMBOLIZER_H_
#define PODO_LIB_SYMBOLIZE_SYMBOLIZER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "base/hash_map.h"
#include "model/module.h"
#include "symbolize/frame_cache.h"
#include "symbolize/module_files.h"
#include "symbolize/source_frame.h"

namespace podo::symbolize {

class Symbolizer {
 public:
  enum class Mode {
    kNone,       // addresses only; no file is opened
    kFunctions,  // names from symbol tables
    kFull,       // functions, files, lines and inlined frames from DWARF, names elsewhere
  };
  struct Options {
    Mode mode = Mode::kFull;
    size_t byte_cap = size_t{64} << 20;  // PODO_SYMBOL_BYTES
    FilePlaces places;
    std::function<void(std::string_view)> log;  // one sentence; at most one a module
  };

  explicit Symbolizer(Options options);

  // Called once by the thread that is going to Resolve: libelf and libdw get their thread-locals
  // while there is memory; where there is none libc would end the process.
  static void BeginThread();

  // Resolves those of `vaddrs` (ELF virtual addresses: run-time address - module.load_bias) that
  // are not known yet; afterwards each has an answer, if only "nothing is known". Slow: disk and
  // CPU; needs up to 256 KiB of stack. One thread at a time. should_stop() is asked about every
  // millisecond of work; false if it said yes, and then names found so far are kept. Broken files
  // cost a logged sentence and time in proportion to their size.
  //
  // Memory beside the cache while it runs: libdw's, mostly some megabytes; sections that are
  // compressed, up to half of byte_cap (files with more give names, no lines).
  bool Resolve(const model::Module& module, absl::Span<const uint64_t> vaddrs,
               absl::FunctionRef<bool()> should_stop);

  // The frames of one address, innermost inlined first, the physical function last; false if
  // nothing is known (yet). Any thread; a short lock, never Resolve's work.
  bool Lookup(const model::Module& module, uint64_t vaddr, std::vector<SourceFrame>* frames) const;

  // Those of `vaddrs` that Resolve would work on, sorted, without duplicates. Any thread.
  std::vector<uint64_t> Missing(const model::Module& module,
                                absl::Span<const uint64_t> vaddrs) const;

  // HtlHash of the module's file; empty until Resolve has opened it. Any thread; a short lock.
  std::string FileHash(const model::Module& module) const;

  // The cache, and while Resolve runs the sections it has unpacked. Any thread.
  size_t bytes() const;

 private:
  class Run;  // one Resolve
  void StoreFileHash(const std::string& module_key, const ElfFile& file);
  void LogOnce(const std::string& module_key, const std::string& sentence);

  const Options options_;
  std::unique_ptr<FrameCache> cache_;
  std::atomic<size_t> unpacked_bytes_{0};  // Resolve's; a plain figure, orders nothing
  mutable std::mutex hashes_mutex_;
  base::HashMap<std::string, std::string> file_hashes_;  // by module key
  base::HashSet<std::string> logged_;                    // module keys; Resolve's thread only
};

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_SYMBOLIZER_H_
