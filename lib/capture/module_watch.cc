// SPDX-License-Identifier: Apache-2.0
#include "capture/module_watch.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace podo::capture {

// A snapshot and what keeps it alive. The handler sees the base only.
struct PublishedSnapshot : Snapshot {
  std::vector<ModuleRows> rows;
  std::vector<std::shared_ptr<const LoadedModule>> owners;  // as `rows`, by index
};

namespace {

// What the handler uses until the first tables are built: no modules, every stack is residue.
constexpr Snapshot kNoTables = {};

}  // namespace

ModuleWatch::ModuleWatch(State* state) : state_(state) {
  // Release: pairs with the handler's load.
  state_->snapshot.store(&kNoTables, std::memory_order_seq_cst);
}

ModuleWatch::~ModuleWatch() {
  // The pipeline is stopped: no handler is inside, the drain has ended.
  const Snapshot* last = state_->snapshot.exchange(&kNoTables, std::memory_order_seq_cst);
  if (last != &kNoTables) delete static_cast<const PublishedSnapshot*>(last);
  for (const Retired& retired : retired_) delete retired.snapshot;
}

bool ModuleWatch::Refresh(absl::FunctionRef<void()> between) {
  const ModuleList list = ListModules(process_, reinterpret_cast<uint64_t>(&kNoTables));
  std::vector<ModuleIdentity> wanted = list.modules;
  // Modules of other namespaces are not in the list: keep those that are still there.
  for (const auto& m : modules_) {
    if (std::find(wanted.begin(), wanted.end(), m->identity) == wanted.end() &&
        StillMapped(process_, m->identity)) {
      wanted.push_back(m->identity);
    }
  }
  std::vector<std::shared_ptr<const LoadedModule>> modules;
  bool changed = false;
  for (const ModuleIdentity& identity : wanted) {
    const auto known = std::find_if(modules_.begin(), modules_.end(),
                                    [&](const auto& m) { return m->identity == identity; });
    if (known != modules_.end() && Unchanged(process_, **known)) {
      modules.push_back(*known);
      continue;
    }
    absl::StatusOr<LoadedModule> loaded = LoadModule(process_, identity);
    between();
    if (!loaded.ok()) continue;  // gone again, or not readable: its stacks are flagged
    modules.push_back(std::make_shared<const LoadedModule>(*std::move(loaded)));
    changed = true;
  }
  changed |= AddModuleAt(asked_pc_, &modules) || modules.size() != modules_.size();
  if (changed || generation_ == 0) Publish(std::move(modules));
  return changed;
}

bool ModuleWatch::AddModuleAt(uint64_t pc, std::vector<std::shared_ptr<const LoadedModule>>* to) {
  asked_pc_ = 0;
  if (pc == 0) return false;
  for (const auto& m : *to) {
    if (pc >= m->module.start && pc < m->module.end) return false;
  }
  absl::StatusOr<LoadedModule> loaded = LoadModuleAt(process_, pc);
  if (!loaded.ok()) return false;
  to->push_back(std::make_shared<const LoadedModule>(*std::move(loaded)));
  return true;
}

bool ModuleWatch::Knows(uint64_t pc) {
  ModuleIdentity identity;
  if (!FindModule(process_, pc, &identity)) return false;
  for (const auto& m : modules_) {
    if (m->identity == identity) return false;  // known already: code without rows
  }
  asked_pc_ = pc;
  return true;
}

void ModuleWatch::Publish(std::vector<std::shared_ptr<const LoadedModule>> modules) {
  std::sort(modules.begin(), modules.end(),
            [](const auto& a, const auto& b) { return a->module.start < b->module.start; });
  auto map = std::make_shared<model::ModuleMap>();
  auto* next = new PublishedSnapshot;
  uint64_t bytes = 0;
  for (const auto& m : modules) {
    map->modules.emplace_back(m, &m->module);
    const ModuleRows& rows = m->table.rows();
    if (rows.start >= rows.end) continue;
    if (!next->rows.empty() && rows.start < next->rows.back().end) continue;  // nonsense: leave out
    next->rows.push_back(rows);
    next->owners.push_back(m);
    bytes += m->table.bytes();
  }
  map->generation = next->generation = ++generation_;
  next->module_count = static_cast<uint32_t>(next->rows.size());
  next->modules = next->rows.data();
  {
    const std::lock_guard lock(mutex_);
    maps_[generation_] = std::move(map);
  }
  modules_ = std::move(modules);
  module_count_.store(modules_.size(), std::memory_order_relaxed);
  row_bytes_.store(bytes, std::memory_order_relaxed);
  // seq_cst on both sides: a handler that entered (busy = 1) before this store may hold the old
  // snapshot, and FreeRetired(), which looks at busy afterwards, sees it inside; a handler that
  // enters later loads the new one.
  const Snapshot* old = state_->snapshot.exchange(next, std::memory_order_seq_cst);
  if (old != &kNoTables) retired_.push_back({static_cast<const PublishedSnapshot*>(old), 0});
}

void ModuleWatch::FreeRetired(uint64_t drain_epoch) {
  if (retired_.empty()) return;
  const uint32_t high = state_->high_water.load(std::memory_order_seq_cst);
  for (uint32_t i = 0; i < high; ++i) {
    if (state_->rings[i].busy.load(std::memory_order_seq_cst) != 0) return;  // next time
  }
  // The drain loads the pointer once a loop and drops it in the same loop. Two loops after the
  // retirement was first seen here it cannot hold it.
  for (Retired& retired : retired_) {
    if (retired.drain_epoch == 0) retired.drain_epoch = drain_epoch + 2;
  }
  std::erase_if(retired_, [&](const Retired& retired) {
    if (drain_epoch < retired.drain_epoch) return false;
    delete retired.snapshot;
    return true;
  });
}

std::shared_ptr<const model::ModuleMap> ModuleWatch::MapOf(uint32_t generation) const {
  const std::lock_guard lock(mutex_);
  const auto found = maps_.find(generation);
  return found != maps_.end() ? found->second : nullptr;
}

void ModuleWatch::ForgetBefore(uint32_t generation) {
  const std::lock_guard lock(mutex_);
  maps_.erase(maps_.begin(), maps_.lower_bound(generation));
}

ModuleCheck ModuleWatch::CheckMapped() {
  const Snapshot* snapshot = state_->snapshot.load(std::memory_order_seq_cst);
  if (snapshot == &kNoTables) return {};
  ModuleCheck check = {false, static_cast<const PublishedSnapshot*>(snapshot)};
  for (const auto& owner : check.snapshot->owners) {
    check.changed |= !StillMapped(process_, owner->identity);
  }
  return check;
}

void ModuleWatch::CutReplaced(const ModuleCheck& check, model::RawSample* sample) {
  if (!check.changed || sample->header.generation != check.snapshot->generation) return;
  for (uint16_t i = 0; i < sample->header.frames; ++i) {
    const uint64_t pc = sample->frames[i];
    const ModuleRows* rows = FindModule(*check.snapshot, pc);
    if (rows == nullptr) continue;
    const auto& owner = check.snapshot->owners[rows - check.snapshot->modules];
    ModuleIdentity now;
    // Still there, or gone and nothing in its place: the frame is the old module's.
    if (StillMapped(process_, owner->identity) || !process_.FindObject(pc, &now)) continue;
    sample->header.frames = i;
    sample->header.flags = static_cast<uint16_t>((sample->header.flags & ~model::kRawComplete) |
                                                 model::kRawReusedAddress);
    return;
  }
}

}  // namespace podo::capture
