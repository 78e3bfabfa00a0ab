// SPDX-License-Identifier: Apache-2.0
// lib/capture/module_watch.cc, unchanged; opened, so that a scenario can publish.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "code.h"

#define private public
#include "base/status.h"
#include "capture/module_watch.cc"
#undef private

namespace podo::modelcheck {

void PublishModules(capture::ModuleWatch* watch,
                    const std::vector<std::shared_ptr<const capture::LoadedModule>>& modules) {
  watch->Publish(modules);
}

size_t RetiredCount(const capture::ModuleWatch& watch) { return watch.retired_.size(); }

bool IsNewest(const capture::ModuleWatch& watch) {
  const capture::Snapshot* now = watch.state_->snapshot.load();
  return now->module_count == 1 && now->generation == watch.generation_;
}

}  // namespace podo::modelcheck
