// SPDX-License-Identifier: Apache-2.0
// The tables of encode/top.h as text for a terminal and for scripts: numbers first, one function a
// line, its name and place last.
#ifndef PODO_LIB_ENCODE_TOP_TEXT_H_
#define PODO_LIB_ENCODE_TOP_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "encode/top.h"
#include "model/profile.h"

namespace podo::encode {

// "1.25 s", "3.4 MiB", "1234" by the unit's name; an unknown unit follows the number.
std::string ValueText(int64_t value, std::string_view unit);

// "name (file:line)"; the module stands for an unknown file. Control characters become spaces: a
// profile is not to steer the reader's terminal.
std::string FunctionText(const TopFunction& function);

// "guilty: name (file:line): 1.2 % before, 71.9 % after", or "guilty: none, ...". No line end.
std::string GuiltyText(const TopChange* guilty);

// "cpu: 18.49 s": the type's name and the sum of all samples.
std::string SampleTypeText(const model::Profile& profile, size_t type);

// `text` with control characters turned into spaces.
std::string PrintableText(std::string text);

// The whole table of one profile; `type` is an index into its sample types.
std::string TopTableText(const model::Profile& profile, size_t type, size_t limit);

// The guilty function and the top changes between two profiles.
std::string TopChangesText(const model::Profile& before, size_t before_type,
                           const model::Profile& after, size_t after_type, size_t limit);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_TOP_TEXT_H_
