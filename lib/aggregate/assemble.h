// SPDX-License-Identifier: Apache-2.0
// A window's stacks made a profile: addresses resolved to modules, ticks to CPU time.
#ifndef PODO_LIB_AGGREGATE_ASSEMBLE_H_
#define PODO_LIB_AGGREGATE_ASSEMBLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aggregate/stack_table.h"
#include "model/module_map.h"
#include "model/profile.h"
#include "model/window.h"

namespace podo::aggregate {

// The modules behind a profile's mappings, by mapping index (element 0 is null).
struct AssembledProfile {
  model::Profile profile;
  std::vector<std::shared_ptr<const model::Module>> mapping_modules;
  // "podo: 100 Hz asked, sampling_ratio ...": a comment of this window, kept apart because a run
  // that is the sum of many windows must not collect them all.
  std::string summary;
  uint64_t misdelivered = 0;  // ticks shown as "[threads blocking SIGPROF]"
};

// Named frames at the root of what has no stack, or not all of it.
inline constexpr char kFrameRingFull[] = "[dropped: ring full]";
inline constexpr char kFrameNoRing[] = "[dropped: no ring]";
inline constexpr char kFrameSmallStack[] = "[dropped: small signal stack]";
inline constexpr char kFrameNested[] = "[dropped: tick inside a tick]";
inline constexpr char kFramePaused[] = "[paused]";
inline constexpr char kFrameUnsampled[] = "[not sampled]";
inline constexpr char kFrameOverBudget[] = "[paused: PODO_MAX_OVERHEAD]";
inline constexpr char kFrameOverflow[] = "[dropped: window full]";
inline constexpr char kFrameTruncated[] = "[deeper than PODO_MAX_FRAMES]";
inline constexpr char kFrameIncomplete[] = "[incomplete stack]";
inline constexpr char kFrameReused[] = "[module replaced]";

struct ThreadLabels {
  std::string name;  // empty: no label
  uint32_t id = 0;   // 0: no label
};

// Labels as (key, value).
using LabelPairs = std::vector<std::pair<std::string, std::string>>;

// What stands behind the ids that samples carry; null functions mean: nothing.
struct Carried {
  std::function<LabelPairs(uint32_t label_set)> labels_of;
  // Name and id of a thread, as far as they are wanted: thread_name is a string, thread_id a
  // number.
  std::function<ThreadLabels(uint32_t thread)> thread_of;
  // Places where different modules are known by now to have stood, one after the other.
  std::function<bool(uint64_t address)> contested;
  // The signal of ticks, for the frame "[threads blocking SIGPROF]".
  std::string signal = "SIGPROF";
};

// What a window's totals say, for AssembledProfile::summary.
std::string SummaryOf(const model::WindowTotals& totals);

// Sums `tables` (the drain's and libunwind's) into one profile with values {samples, cpu ns}.
// `modules_of(generation)` gives the modules a stack's addresses mean; null for none; an
// address that this generation does not know is looked up in the next one (a stack taken before the
// tables were ready). `comments` are added to the profile's. Every host
// tick of `totals` ends up in exactly one sample. Pure.
AssembledProfile Assemble(const std::vector<const StackTable*>& tables,
                          const model::WindowTotals& totals,
                          const std::function<const model::ModuleMap*(uint32_t)>& modules_of,
                          const std::vector<std::string>& comments = {},
                          const Carried& carried = {});

}  // namespace podo::aggregate

#endif  // PODO_LIB_AGGREGATE_ASSEMBLE_H_
