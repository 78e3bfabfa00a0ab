// SPDX-License-Identifier: Apache-2.0
// The last hours of profiles, in bounded memory and, if wanted, on disk.
#ifndef PODO_LIB_HISTORY_HISTORY_H_
#define PODO_LIB_HISTORY_HISTORY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "history/query.h"
#include "model/profile.h"

namespace podo::history {

class History {
 public:
  struct Options {
    uint64_t max_bytes = uint64_t{16} << 20;
    std::string directory;  // PODO_HISTORY_DIR; empty: memory only
    std::string service;    // only its own windows are read back from the directory
  };

  // Reads and allocates next to nothing: what is on disk is read by the first call of another
  // function.
  explicit History(Options options);
  ~History();

  // One window, with the names known by now; names that come later with an equal (build id, offset)
  // hold for earlier windows too. For one thread. What cannot be kept on disk is one line in the
  // log and stays in memory. Costs some milliseconds, and now and then, where older windows are
  // made coarser, some hundred.
  void Add(const model::Profile& profile);

  // From any thread, beside Add, which they hold up for moments only. ResourceExhausted if the
  // answer would need more memory than is good for the process.
  base::StatusOr<ProfileAnswer> Profile(const Query& query) const;
  base::StatusOr<Timeline> CpuTimeline(const TimelineQuery& query) const;
  base::StatusOr<std::vector<LabelKey>> Labels(const Query& query, size_t max_values) const;
  HistoryStats Stats() const;

 private:
  class State;
  const std::unique_ptr<State> state_;
};

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_HISTORY_H_
