// SPDX-License-Identifier: Apache-2.0
// Finishes with libunwind the stacks that the handler's rows could not express.
//
// libunwind's remote interface works on the copied registers and stack bytes, on a background
// thread; nothing of it runs in the signal (docs/capture.md says why). This is libunwind's only
// home.
#ifndef PODO_LIB_AGGREGATE_RESIDUE_UNWINDER_H_
#define PODO_LIB_AGGREGATE_RESIDUE_UNWINDER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "model/raw_sample.h"

namespace podo::aggregate {

// Where the unwind index of the code at a pc stands.
struct UnwindIndex {
  uint64_t module_start = 0;
  uint64_t module_end = 0;
  uint64_t eh_frame_hdr = 0;  // run-time address of PT_GNU_EH_FRAME
};

// One thread at a time.
class ResidueUnwinder {
 public:
  struct Sources {
    // The index for `pc`, or nullopt; must not take the loader lock (_dl_find_object does not).
    std::function<std::optional<UnwindIndex>(uint64_t pc)> find_index;
    // Reads memory other than the copied stack (unwind tables), checked; returns bytes read.
    std::function<size_t(uint64_t address, void* to, size_t bytes)> read;
  };

  explicit ResidueUnwinder(Sources sources);
  ~ResidueUnwinder();
  ResidueUnwinder(const ResidueUnwinder&) = delete;
  ResidueUnwinder& operator=(const ResidueUnwinder&) = delete;

  // False if libunwind could not be set up; Unwind() then gives the leaf only.
  bool ready() const { return space_ != nullptr; }

  // Forgets what was read of unwind tables: modules may have gone since. Before each batch.
  void BeginBatch();

  // Frames leaf first, as in a raw sample, at most `max_frames`; the flags that replace
  // residue.flags. Some 10 us a frame, less for code met before in the batch.
  uint16_t Unwind(const model::Residue& residue, size_t max_frames, std::vector<uint64_t>* frames);

 private:
  size_t ReadCached(uint64_t address, void* to, size_t bytes);

  // Pages of unwind tables: libunwind reads them word by word, and each checked read is a system
  // call. Direct-mapped; a page that could not be read whole is not kept.
  static constexpr size_t kPage = 4096;
  static constexpr size_t kPages = 64;
  struct Page {
    uint64_t address = 0;  // 0 = empty
    unsigned char bytes[kPage];
  };

  Sources sources_;  // `read` goes through the pages
  std::function<size_t(uint64_t, void*, size_t)> read_;
  std::unique_ptr<Page[]> pages_;
  void* space_;
};

// The process' own sources: _dl_find_object and kernel-checked reads.
ResidueUnwinder::Sources ProcessSources();

}  // namespace podo::aggregate

#endif  // PODO_LIB_AGGREGATE_RESIDUE_UNWINDER_H_
