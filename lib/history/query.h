// SPDX-License-Identifier: Apache-2.0
// What can be asked of the history, and what it answers: plain structs.
#ifndef PODO_LIB_HISTORY_QUERY_H_
#define PODO_LIB_HISTORY_QUERY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/profile.h"

namespace podo::history {

// Samples whose label `key` has one of `values`, or a value that `pattern` takes. A sample without
// the label has the value "". A number with a unit is written as in pprof: "12bytes"; without:
// "12".
struct LabelMatch {
  std::string key;
  std::vector<std::string> values;
  std::function<bool(std::string_view)> pattern;  // may be null
};

// Windows whose begin lies in [from_ns, until_ns), Unix epoch; all matches must hold.
struct Query {
  int64_t from_ns = 0;
  int64_t until_ns = INT64_MAX;
  std::vector<LabelMatch> labels;
};

// What an answer is really made of: windows are not cut, so it may begin earlier and end later than
// asked for.
struct Resolution {
  size_t windows = 0;             // kept entries that were merged, coarse ones counted once
  int64_t from_ns = 0;            // begin of the first; 0 if there is none
  int64_t until_ns = 0;           // end of the last
  int64_t longest_window_ns = 0;  // of those merged: how sharp the edges of the range are
  bool folded = false;            // small labels or stacks of some are in [other]
};

struct ProfileAnswer {
  model::Profile profile;  // with names; period, times and comments as MergeProfile makes them
  Resolution resolution;
};

// CPU time over time, divided by the values of one label.
struct TimelineQuery {
  Query query;
  std::string by;            // label key; empty: not divided
  size_t max_points = 1000;  // neighbours are added up until so few are left
  size_t max_values = 10;    // those with most CPU time; the rest together
};
struct TimelinePoint {
  int64_t begin_ns = 0;
  int64_t duration_ns = 0;
  std::vector<int64_t> cpu_ns;  // of each of Timeline::values, then of the rest
};
struct Timeline {
  std::vector<std::string> values;    // by CPU time; "" = samples without the label
  std::vector<TimelinePoint> points;  // in the order of recording
  Resolution resolution;
};

// The labels that samples in a range carry.
struct LabelValue {
  std::string value;
  int64_t cpu_ns = 0;
};
struct LabelKey {
  std::string key;
  std::vector<LabelValue> values;  // by CPU time, at most max_values
  size_t more = 0;                 // values beyond them
};

struct HistoryStats {
  uint64_t bytes = 0;       // memory of all windows and their tables
  uint64_t disk_bytes = 0;  // in PODO_HISTORY_DIR
  uint64_t windows = 0;     // entries, coarse ones counted once
  uint64_t windows_added = 0;
  uint64_t windows_merged = 0;   // into coarser ones
  uint64_t windows_dropped = 0;  // the oldest, when even the coarsest had no room; or unreadable
  int64_t begin_ns = 0;          // of the oldest window; 0: none
  int64_t end_ns = 0;            // of the newest
};

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_QUERY_H_
