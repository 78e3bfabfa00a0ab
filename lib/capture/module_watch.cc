// SPDX-License-Identifier: Apache-2.0
#include "capture/module_watch.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace podo::capture {

// A snapshot and what keeps it alive. The handler sees the base only.
struct PublishedSnapshot : Snapshot {
  struct Owner {
    std::shared_ptr<const LoadedModule> module;
    uint32_t since;  // the first generation that has it
  };
  std::vector<ModuleRows> rows;
  std::vector<Owner> owners;  // as `rows`, by index
  std::vector<ModuleWatch::Place> contested;
  std::vector<Standing> standing[2];  // one for each caller of CheckMapped
  // By index: another module was seen in its place. Set by any checker, taken by the module loop;
  // relaxed, since it stands for itself.
  mutable std::vector<std::atomic<bool>> replaced;

  bool Contested(uint64_t pc) const {
    return std::any_of(contested.begin(), contested.end(),
                       [pc](const auto& place) { return pc >= place.start && pc < place.end; });
  }
};

namespace {

// Remembered. Enough for a service with some hundred libraries and some dozen plugins.
constexpr size_t kMaxPlaces = 1024;
constexpr size_t kMaxContested = 128;  // looked through for each frame

// What the handler uses until the first tables are built: no modules, every stack is residue.
constexpr Snapshot kNoTables = {};

std::atomic<uint32_t> next_snapshot_id{1};  // relaxed: only has to be unique

}  // namespace

ModuleWatch::ModuleWatch(State* state) : state_(state) {
  // Release: pairs with the handler's load.
  state_->snapshot.store(&kNoTables, std::memory_order_seq_cst);
}

ModuleWatch::~ModuleWatch() {
  // The pipeline is stopped: no handler is inside, the drain has ended. The next one may have begun
  // on another thread: what it has published is not this one's to take back.
  const Snapshot* own = newest_;
  if (own != nullptr) {
    state_->snapshot.compare_exchange_strong(own, &kNoTables, std::memory_order_seq_cst);
  }
  delete newest_;
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
    base::StatusOr<LoadedModule> loaded = LoadModule(process_, identity);
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
  base::StatusOr<LoadedModule> loaded = LoadModuleAt(process_, pc);
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
  for (const auto& m : modules) {
    if (std::find(modules_.begin(), modules_.end(), m) == modules_.end()) NotePlace(*m);
  }
  auto map = std::make_shared<model::ModuleMap>();
  auto* next = new PublishedSnapshot;
  uint64_t bytes = 0;
  for (const auto& m : modules) {
    // A copy, so that a profile that names a module does not keep its tables.
    map->modules.push_back(std::make_shared<const model::Module>(m->module));
    const ModuleRows& rows = m->table.rows();
    if (rows.start >= rows.end) continue;
    if (!next->rows.empty() && rows.start < next->rows.back().end) continue;  // nonsense: leave out
    next->rows.push_back(rows);
    next->owners.push_back({m, SinceWhen(m, generation_ + 1)});
    bytes += m->table.bytes();
  }
  NoteReplaced();
  next->contested = contested_;
  for (auto& standing : next->standing) standing.resize(next->rows.size());
  next->replaced = std::vector<std::atomic<bool>>(next->rows.size());
  map->generation = next->generation = ++generation_;
  next->id = next_snapshot_id.fetch_add(1, std::memory_order_relaxed);
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
  newest_ = next;
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

std::shared_ptr<const model::ModuleMap> ModuleWatch::NewestMap() const {
  const std::lock_guard lock(mutex_);
  return maps_.empty() ? nullptr : maps_.rbegin()->second;
}

std::shared_ptr<const model::ModuleMap> ModuleWatch::MapOf(uint32_t generation) const {
  const std::lock_guard lock(mutex_);
  const auto found = maps_.find(generation);
  return found != maps_.end() ? found->second : nullptr;
}

std::shared_ptr<const std::vector<model::AddressRange>> ModuleWatch::ContestedNow() const {
  const std::lock_guard lock(mutex_);
  return contested_now_;
}

void ModuleWatch::ForgetBefore(uint32_t generation) {
  const std::lock_guard lock(mutex_);
  maps_.erase(maps_.begin(), maps_.lower_bound(generation));
}

// A module that was not in the last snapshot.
void ModuleWatch::NotePlace(const LoadedModule& loaded) {
  const Place now = {loaded.module.start, loaded.module.end, loaded.content_mark};
  if (std::find(places_.begin(), places_.end(), now) != places_.end()) return;
  for (const Place& before : places_) {
    if (before.start >= now.end || now.start >= before.end) continue;
    NoteContested({std::min(before.start, now.start), std::max(before.end, now.end), 0});
  }
  places_.push_back(now);
  if (places_.size() > kMaxPlaces) places_.erase(places_.begin());
}

void ModuleWatch::NoteContested(const Place& place) {
  if (std::find(contested_.begin(), contested_.end(), place) != contested_.end()) return;
  contested_.push_back(place);
  if (contested_.size() > kMaxContested) contested_.erase(contested_.begin());
  auto now = std::make_shared<std::vector<model::AddressRange>>();
  for (const Place& each : contested_) now->push_back({each.start, each.end});
  const std::lock_guard lock(mutex_);
  contested_now_ = std::move(now);
}

void ModuleWatch::NoteReplaced() {
  const Snapshot* last = state_->snapshot.load(std::memory_order_relaxed);  // this thread's own
  if (last == &kNoTables) return;
  const auto* published = static_cast<const PublishedSnapshot*>(last);
  for (size_t i = 0; i < published->replaced.size(); ++i) {
    if (!published->replaced[i].exchange(false, std::memory_order_relaxed)) continue;
    const model::Module& module = published->owners[i].module->module;
    NoteContested({module.start, module.end, 0});
  }
}

uint32_t ModuleWatch::SinceWhen(const std::shared_ptr<const LoadedModule>& module,
                                uint32_t now) const {
  const Snapshot* last = state_->snapshot.load(std::memory_order_relaxed);  // this thread's own
  if (last == &kNoTables) return now;
  for (const auto& owner : static_cast<const PublishedSnapshot*>(last)->owners) {
    if (owner.module == module) return owner.since;
  }
  return now;
}

ModuleCheck ModuleWatch::CheckMapped(Caller caller) {
  const Snapshot* snapshot = state_->snapshot.load(std::memory_order_seq_cst);
  if (snapshot == &kNoTables) return {};
  auto* published = const_cast<PublishedSnapshot*>(static_cast<const PublishedSnapshot*>(snapshot));
  // Each caller has its own array in the snapshot: nothing is shared and nothing allocated.
  std::vector<Standing>& standing = published->standing[caller == Caller::kDrain ? 0 : 1];
  ModuleCheck check = {false, published, standing.data()};
  for (size_t i = 0; i < standing.size(); ++i) {
    const LoadedModule& module = *published->owners[i].module;
    standing[i] = Standing::kSame;
    if (StillMapped(process_, module.identity)) continue;
    check.changed = true;
    ModuleIdentity now;
    const bool taken = process_.FindObject(module.identity.map_start, &now);
    // The same file again, and others were loaded in between: each may have stood here meanwhile.
    const bool in_turns = taken && now.serial != module.identity.serial + 1;
    const bool other = taken && (in_turns || ContentMarkAt(process_, now) != module.content_mark);
    standing[i] = other ? Standing::kReplaced : Standing::kGone;
    if (other) published->replaced[i].store(true, std::memory_order_relaxed);
  }
  return check;
}

ModuleWatch::Owner ModuleWatch::WhoseFrame(const ModuleCheck& check, uint32_t generation,
                                           uint64_t pc) {
  const PublishedSnapshot& snapshot = *check.snapshot;
  const ModuleRows* rows = FindModule(snapshot, pc);
  if (rows != nullptr) {
    const size_t index = static_cast<size_t>(rows - snapshot.modules);
    const Standing standing = check.standing[index];
    if (standing == Standing::kReplaced) return Owner::kAnother;
    // Here when the sample was taken, and still here: nothing else was in between.
    if (standing == Standing::kSame && snapshot.owners[index].since <= generation) {
      return Owner::kKnown;
    }
    ModuleIdentity now;
    if (standing == Standing::kGone && process_.FindObject(pc, &now) &&
        now.map_start != snapshot.owners[index].module->identity.map_start) {
      return Owner::kAnother;  // something smaller or larger stands in its place
    }
  }
  return snapshot.Contested(pc) ? Owner::kAnother : Owner::kUnsure;
}

void ModuleWatch::CutReplaced(const ModuleCheck& check, model::RawSample* sample) {
  if (check.snapshot == nullptr) return;
  const uint32_t generation = sample->header.generation;
  // The usual case: all frames are of modules that this snapshot knows, and all are still there.
  constexpr uint16_t kStrangeCode =
      model::kRawUnknownCode | model::kRawFramePointer | model::kRawResidue;
  if (!check.changed && check.snapshot->contested.empty() &&
      generation == check.snapshot->generation && !(sample->header.flags & kStrangeCode)) {
    return;
  }
  for (uint16_t i = 0; i < sample->header.frames; ++i) {
    const Owner owner = WhoseFrame(check, generation, sample->frames[i]);
    if (owner == Owner::kUnsure) sample->header.flags |= model::kRawUnsure;
    if (owner != Owner::kAnother) continue;
    sample->header.frames = i;
    sample->header.flags = static_cast<uint16_t>((sample->header.flags & ~model::kRawComplete) |
                                                 model::kRawReusedAddress);
    return;
  }
}

}  // namespace podo::capture
