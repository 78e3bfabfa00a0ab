// SPDX-License-Identifier: Apache-2.0
// Labels and span of a thread as OTEP 4947 publishes them, for eBPF profilers and other readers.
#ifndef PODO_LIB_CONTEXT_THREAD_RECORD_H_
#define PODO_LIB_CONTEXT_THREAD_RECORD_H_

#include "context/label_sets.h"

namespace podo::context {

// Gives the set a record with all its labels and no span. Under the table's lock.
void WriteRecord(LabelSet* set);

// False: another module of the process publishes its own records, or nobody asked.
extern std::atomic<bool> g_publishes;
// After a change of what the calling thread carries inside a span: its own record says it, and its
// record pointer shows that. Outside a span the record of the label set is shown (scope.h).
void PublishSpan(model::ThreadSlot* slot);

}  // namespace podo::context

#endif  // PODO_LIB_CONTEXT_THREAD_RECORD_H_
