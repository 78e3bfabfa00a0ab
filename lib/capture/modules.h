// SPDX-License-Identifier: Apache-2.0
// Finds the modules of the process and copies out what unwinding and symbols need of them.
//
// No module is pinned, and the loader's lock is never taken. A pin (dlopen with RTLD_NOLOAD, then
// dlclose) can make podo's thread the one that drops the last reference, and so run the host's
// destructors; it also waits for the loader's lock, which a host thread may hold for as long as a
// constructor of its own takes. Instead everything is copied by kernel-checked reads, which fail
// instead of faulting when the module goes away; the copy is parsed, and kept only if the loader
// still says the same about the address afterwards.
#ifndef PODO_LIB_CAPTURE_MODULES_H_
#define PODO_LIB_CAPTURE_MODULES_H_

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "capture/eh_frame.h"
#include "capture/process_view.h"
#include "capture/row_table.h"
#include "model/module.h"

namespace podo::capture {

// One module, copied: valid however long the module itself stays mapped.
struct LoadedModule {
  model::Module module;
  ModuleIdentity identity;
  // Covers all executable bytes; those without unwind information have kNoUnwind rows. Empty only
  // if the module has no code.
  RowTable table;
  base::Status unwind_status;  // why no unwind information could be used; OK if it has none
  EhFrameCounts counts;
  uint64_t content_mark = 0;  // for Unchanged()
};

// The module that covers `address`; false if none does. A module whose segments have holes between
// them (and every static program) is known to the loader by one range per segment: this gives the
// same identity for all of them wherever it can. Lock-free; one system call.
bool FindModule(ProcessView& process, uint64_t address, ModuleIdentity* identity);

// The modules that the loader's list names, the vDSO included. `complete` is false if the list
// changed under the walk; what was found is good, and the next refresh finds the rest.
struct ModuleList {
  std::vector<ModuleIdentity> modules;
  bool complete = false;
};

// `own_address` is any address in a module of the main namespace (podo's own). Modules of other
// namespaces (dlmopen) are not in the list: find them by address. Cost: some 2 us a module.
ModuleList ListModules(ProcessView& process, uint64_t own_address);

// Copies and parses. Errors: Aborted if the module went away or was replaced meanwhile (nothing to
// report); Unavailable if its memory cannot be read (gone again, or a sandbox that allows neither
// process_vm_readv nor /proc/self/mem); others name the address and the reason. Cost: about 1 ms
// for libc, 25 ns a row.
base::StatusOr<LoadedModule> LoadModule(ProcessView& process, const ModuleIdentity& identity);

// The same for whatever covers `pc`; NotFound if no module does (JIT code).
base::StatusOr<LoadedModule> LoadModuleAt(ProcessView& process, uint64_t pc);

// Whether the loader still has this very module there. Lock-free, no system call, some 10 ns.
bool StillMapped(ProcessView& process, const ModuleIdentity& identity);

// StillMapped, and its first pages still read the same: tells a rebuilt plugin apart that was
// loaded to the same place by a link_map at the same address. Two system calls, some 2 us.
bool Unchanged(ProcessView& process, const LoadedModule& module);

// Of whatever stands there now: equal marks, equal modules. 0 if it cannot be read.
uint64_t ContentMarkAt(ProcessView& process, const ModuleIdentity& identity);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_MODULES_H_
