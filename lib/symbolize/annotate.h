// SPDX-License-Identifier: Apache-2.0
// A profile of addresses made a profile of functions and lines, by what a Symbolizer knows.
#ifndef PODO_LIB_SYMBOLIZE_ANNOTATE_H_
#define PODO_LIB_SYMBOLIZE_ANNOTATE_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "model/ids.h"
#include "model/module.h"
#include "model/profile.h"
#include "symbolize/symbolizer.h"

namespace podo::symbolize {

// The module behind a mapping of the profile; null for one that has none.
using ModuleOf = absl::FunctionRef<const model::Module*(model::MappingId)>;

// What Resolve should be given. `module` is the pointer ModuleOf returned.
struct Unresolved {
  const model::Module* module = nullptr;
  std::vector<uint64_t> vaddrs;  // sorted, distinct
};

// The addresses of `profile` that still want Resolve, one element a module. Locations that have
// lines already (named frames, an annotated profile) want nothing. Any thread.
std::vector<Unresolved> ListUnresolved(const model::Profile& profile, ModuleOf module_of,
                                       const Symbolizer& symbolizer);

// `profile` with lines for every location that Lookup knows; others keep address and mapping. A
// mapping's has_functions, has_filenames, has_line_numbers and has_inline_frames become true when
// at least one of its locations shows that; its htlhash is set once its file was read. Any thread;
// costs a look-up per location.
model::Profile Annotate(model::Profile profile, ModuleOf module_of, const Symbolizer& symbolizer);

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_ANNOTATE_H_
