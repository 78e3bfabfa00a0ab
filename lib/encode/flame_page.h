// SPDX-License-Identifier: Apache-2.0
// The flame graph of one profile, or the difference of two, as one HTML file that loads nothing.
//
// The page holds the profile as a prefix tree of frames with the samples on it, so that search,
// filters and tables are computed where they are looked at. Frames are the same when function name
// and file are the same (never by address), so two runs or two builds of a program compare.
#ifndef PODO_LIB_ENCODE_FLAME_PAGE_H_
#define PODO_LIB_ENCODE_FLAME_PAGE_H_

#include <string>

#include "model/profile.h"

namespace podo::encode {

struct FlamePageOptions {
  std::string title;  // shown as heading, any text; "" = "CPU profile"
  // The sample type shown first ("cpu", "samples"); the page offers all. "" or one the profile does
  // not have: the profile's default_sample_type, else its last, as pprof does.
  std::string sample_type;
};

// Pure and total: any profile gives a page. Ids outside their table count as unset. Stacks deeper
// than 4096 frames are cut at the root side and say so. Thread-safe. Time and memory grow with the
// number of frames on all distinct stacks: 3 million take about a second.
std::string FlameGraphPage(const model::Profile& profile, const FlamePageOptions& options);

// As above for two profiles, which are compared in the sample types that both have.
std::string DiffPage(const model::Profile& before, const model::Profile& after,
                     const FlamePageOptions& options);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_FLAME_PAGE_H_
