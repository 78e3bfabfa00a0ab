// SPDX-License-Identifier: Apache-2.0
// pprof -> Profile, for files whoever wrote them: Go programs, gperftools, podo, or an attacker.
#ifndef PODO_LIB_ENCODE_PPROF_READER_H_
#define PODO_LIB_ENCODE_PPROF_READER_H_

#include <cstddef>
#include <string_view>

#include "base/status.h"
#include "model/profile.h"

namespace podo::encode {

// What one file may hold. The defaults are some ten times the largest profiles seen in the wild (a
// heap profile of a big Go server: 10 MB unpacked, 100,000 locations), and keep the memory a
// hostile file can claim near 1 GiB.
struct PprofLimits {
  size_t max_bytes = size_t{128} << 20;        // unpacked
  size_t max_table_entries = size_t{4} << 20;  // of each table, samples included
  size_t max_labels = size_t{8} << 20;         // of all samples together
  size_t max_values = size_t{32} << 20;        // likewise
  // Of all samples together, inlined ones included: one location with a million lines on a million
  // stacks fits in a small file, but nobody can draw it.
  size_t max_frames = size_t{32} << 20;
};

// Reads a profile.proto message, bare, gzipped or in zstd. Takes what google/pprof takes: ids in
// any order and with gaps, packed and unpacked numbers, unknown fields, any number of sample types,
// locations without mapping or lines. The same things are errors as there: no string 0 or one that
// is not "", a string index out of range, an id of 0 or given twice, a reference to nothing, a
// sample with another number of values than there are sample types; also a profile without sample
// types. The error is one line: where, what, and what is accepted.
//
// Strings that are not UTF-8 are mended. Samples keep the file's order and are not merged. Labels
// trace_id (32 lower-case hex digits, not all 0) and span_id (16) become the sample's link; of
// another form they stay labels. Pure; throws nothing.
base::StatusOr<model::Profile> ReadPprof(std::string_view file, const PprofLimits& limits = {});

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_PPROF_READER_H_
