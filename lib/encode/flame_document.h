// SPDX-License-Identifier: Apache-2.0
// The JSON that a flame-graph page is drawn from; read by flame_page/profile_tree.js.
//
//   format        "podo-flame-1"
//   title         heading
//   strings       string table; 0 = ""
//   frames        columns name, file, module (string numbers), start (line), and lines: for each
//                 frame a count, then so many (line, value) pairs, most expensive first
//   nodes         the prefix tree in preorder, without its root 0. frame: one number a node.
//                 branches: (gap, back) pairs for nodes whose parent is not the node before: gap to
//                 the previous such node, distance to the parent. inlined: gaps between nodes that
//                 were inlined into their parent
//   labelSets     a column: for each set from 1 on a count, then so many (key, value) pairs of
//   string
//                 numbers; set 0 is the empty one. Never trace_id or span_id: profiles count those
//   sampleTypes   [[type, unit], ...] that all profiles of the page have; shown: the first to show
//   profiles      one, or before and after: timeMs, durationNs, period, periodType, comments, and
//                 samples: (gap to the previous node, label set, signed values...) in node order;
//                 if there are any, traces and spans: how many distinct ones the samples have
//
// Columns are packed as flame_json.h describes.
#ifndef PODO_LIB_ENCODE_FLAME_DOCUMENT_H_
#define PODO_LIB_ENCODE_FLAME_DOCUMENT_H_

#include <string>

#include "absl/types/span.h"
#include "encode/flame_page.h"
#include "model/profile.h"

namespace podo::encode {

// Pure; `profiles` is one profile, or before and after.
std::string FlameDocument(absl::Span<const model::Profile* const> profiles,
                          const FlamePageOptions& options);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_FLAME_DOCUMENT_H_
