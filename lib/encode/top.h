// SPDX-License-Identifier: Apache-2.0
// The functions that cost most, and those whose cost changed most: what a table, a log line or a
// script names.
#ifndef PODO_LIB_ENCODE_TOP_H_
#define PODO_LIB_ENCODE_TOP_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/profile.h"

namespace podo::encode {

// One function: one (name, file), whatever its addresses. A frame without a name is
// module+0xoffset, which is the same in every run of one build.
struct TopFunction {
  std::string name;
  std::string file;    // "" = unknown
  int64_t line = 0;    // the line of this function that most of `total` passes; 0 = unknown
  std::string module;  // path of the program or library
  bool operator==(const TopFunction&) const = default;
};

// `self` is what its own instructions cost (an inlined function has instructions of its own),
// `total` adds what it calls; recursion counts once.
struct TopRow {
  TopFunction function;
  int64_t self = 0;
  int64_t total = 0;
  double self_share = 0;  // of all samples: 0 to 1
  double total_share = 0;
};

// A function in two profiles, each normalized to itself: +0.10 is ten percent points of growth.
struct TopChange {
  TopFunction function;  // line and module as in the later profile, if it is there
  double self_before = 0;
  double self_after = 0;
  double total_before = 0;
  double total_after = 0;
  double SelfGrowth() const { return self_after - self_before; }
  double TotalGrowth() const { return total_after - total_before; }
};

// The sum of all values of one sample type. Negative ones (profiles that are differences
// themselves) count by their size, as in pprof, so that shares stay between -1 and 1.
int64_t TotalOf(const model::Profile& profile, size_t type);

// How many samples the profile was made of; 0 if it does not say.
int64_t SampleCount(const model::Profile& profile);
// One standard deviation of a share that `samples` random samples showed: sqrt(p (1 - p) / n). A
// bound from above where threads have clocks of their own (docs/accuracy.md).
double SamplingError(double share, int64_t samples);

// At most `limit` functions, by self, then total. `type` is an index into sample_types
// (encode/sample_type.h). Pure; time grows with the frames of all samples.
std::vector<TopRow> TopTable(const model::Profile& profile, size_t type, size_t limit);

// At most `limit` functions, by the size of their self growth, then of their total growth, what
// grew before what shrank; those that did not change are left out.
std::vector<TopChange> TopChanges(const model::Profile& before, size_t before_type,
                                  const model::Profile& after, size_t after_type, size_t limit);

// The function to name when asked what got more expensive, among all `changes`: the innermost one
// that still holds at least half of the largest growth in total; code of one's own (not std::, not
// from /usr) goes before the library code it calls. Null if nothing grew by 0.1 % of all samples.
const TopChange* GuiltyFunction(const std::vector<TopChange>& changes);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_TOP_H_
