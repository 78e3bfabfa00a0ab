// SPDX-License-Identifier: Apache-2.0
// podo's own code as the scenarios call it.
#ifndef PODO_TESTS_MODEL_CODE_H_
#define PODO_TESTS_MODEL_CODE_H_

#include <signal.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "capture/modules.h"
#include "capture/state.h"

namespace podo::capture {
class ModuleWatch;
}

namespace podo::modelcheck {

// What __builtin_thread_pointer() is to the handler. Set by a scenario's thread before each tick.
void* ThreadPointer();

struct HandlerCode {
  void (*handle)(int, siginfo_t*, void*);
  std::atomic<capture::State*>* state;
  void** ring;  // of the thread that runs
};
// The one that is linked, unless another one was loaded: a mutant.
const HandlerCode& Handler();
void UseHandler(const HandlerCode* handler);

// ModuleWatch::Publish(), which is private: Refresh() would ask the process about its modules.
void PublishModules(capture::ModuleWatch* watch,
                    const std::vector<std::shared_ptr<const capture::LoadedModule>>& modules);

// Old tables that wait to be freed.
size_t RetiredCount(const capture::ModuleWatch& watch);
// Whether handlers use what it published last.
bool IsNewest(const capture::ModuleWatch& watch);

}  // namespace podo::modelcheck

#endif  // PODO_TESTS_MODEL_CODE_H_
