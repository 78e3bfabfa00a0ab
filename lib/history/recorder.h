// SPDX-License-Identifier: Apache-2.0
// A model::Profile into a chapter's tables and back.
#ifndef PODO_LIB_HISTORY_RECORDER_H_
#define PODO_LIB_HISTORY_RECORDER_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "history/interner.h"
#include "history/tables.h"
#include "history/windows.h"
#include "model/profile.h"

namespace podo::history {

// Adds the profile's window. Kept are the values of the types "samples" and "cpu"; links are not.
WindowHead RecordWindow(const model::Profile& profile, Interner* into, Streams* streams);

// The samples, which ascend by key, as a profile of {samples,count} and {cpu,nanoseconds}.
model::Profile ToProfile(const Tables& tables, absl::Span<const WindowSample> samples);
// Bytes that ToProfile() will need, about.
size_t ProfileBytes(const Tables& tables, absl::Span<const WindowSample> samples);

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_RECORDER_H_
