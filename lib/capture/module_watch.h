// SPDX-License-Identifier: Apache-2.0
// Keeps the handler's snapshot of modules in step with the process, and knows what addresses meant.
//
// Nothing here takes the loader's lock: modules are found through lock-free look-ups and checked
// copies (modules.h). Two threads use it, each its own half: the module loop refreshes and retires,
// the drain checks whether what it drains was taken while the modules were still mapped.
#ifndef PODO_LIB_CAPTURE_MODULE_WATCH_H_
#define PODO_LIB_CAPTURE_MODULE_WATCH_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/functional/function_ref.h"
#include "capture/modules.h"
#include "capture/snapshot.h"
#include "capture/state.h"
#include "model/module_map.h"
#include "model/raw_sample.h"

namespace podo::capture {

struct PublishedSnapshot;

// What became of a module since the snapshot.
enum class Standing : uint8_t {
  kSame,
  kGone,      // nothing is there, or the same file loaded again, and no other in between
  kReplaced,  // another module is there, or may have been
};

// The standing of each module of `snapshot` at one moment; `changed` if not all are the same.
struct ModuleCheck {
  bool changed = false;
  const PublishedSnapshot* snapshot = nullptr;
  const Standing* standing = nullptr;  // by module; overwritten by the thread's next check
};

class ModuleWatch {
 public:
  explicit ModuleWatch(State* state);
  ~ModuleWatch();

  // --- module loop ---
  // Looks at the process again and publishes a new snapshot if anything changed; true if it did.
  // Rows of modules that stayed are shared with the old snapshot. Milliseconds for new modules, a
  // tenth of a second for a compiler's; `between` is called after each, so that other work can go
  // on.
  bool Refresh(absl::FunctionRef<void()> between);
  bool Refresh() {
    return Refresh([] {});
  }
  // True if `pc`, which the handler did not know, belongs to a module that is not known yet; the
  // next Refresh() will find it, also in another namespace (dlmopen).
  bool Knows(uint64_t pc);
  // Frees old snapshots that neither a handler nor the drain can hold any more. `drain_epoch`
  // counts the drain's loops.
  void FreeRetired(uint64_t drain_epoch);
  // The modules of a generation, or null; thread-safe, not for the drain.
  std::shared_ptr<const model::ModuleMap> MapOf(uint32_t generation) const;
  // The modules of the newest generation, or null; thread-safe, not for the drain.
  std::shared_ptr<const model::ModuleMap> NewestMap() const;
  // Places where different modules are known to have stood; thread-safe, not for the drain.
  std::shared_ptr<const std::vector<model::AddressRange>> ContestedNow() const;
  // Takes in what the checkers saw; before a window goes out. Module loop.
  void NoteReplaced();
  // Generations before `generation` will not be asked for again.
  void ForgetBefore(uint32_t generation);
  uint32_t generation() const { return generation_; }
  uint64_t module_count() const { return module_count_.load(std::memory_order_relaxed); }
  uint64_t row_bytes() const { return row_bytes_.load(std::memory_order_relaxed); }

  // --- drain, and the module loop for residue: no lock, no allocation ---
  // For samples taken before it. Half a microsecond a module.
  enum class Caller { kDrain, kModuleLoop };
  ModuleCheck CheckMapped(Caller caller);
  // Cuts a stack at the first frame that may be another module's than the snapshot of its
  // generation says: the module was replaced since, or modules replace each other at that place
  // and the frame's one is not known to have been there all the time. A frame of a module that is
  // gone, or that was found only after the sample was taken, with nothing known against it, makes
  // the sample kRawUnsure: ask ContestedNow() later.
  void CutReplaced(const ModuleCheck& check, model::RawSample* sample);

 private:
  struct Place {
    uint64_t start, end, content_mark;
    friend bool operator==(const Place&, const Place&) = default;
  };
  friend struct PublishedSnapshot;
  struct Retired {
    const PublishedSnapshot* snapshot;
    uint64_t drain_epoch;
  };
  bool AddModuleAt(uint64_t pc, std::vector<std::shared_ptr<const LoadedModule>>* to);
  enum class Owner { kKnown, kUnsure, kAnother };
  Owner WhoseFrame(const ModuleCheck& check, uint32_t generation, uint64_t pc);
  void NotePlace(const LoadedModule& module);
  void NoteContested(const Place& place);
  uint32_t SinceWhen(const std::shared_ptr<const LoadedModule>& module, uint32_t now) const;
  void Publish(std::vector<std::shared_ptr<const LoadedModule>> modules);

  State* state_;
  LiveProcess process_;  // thread-safe
  uint32_t generation_ = 0;
  uint64_t asked_pc_ = 0;
  std::vector<std::shared_ptr<const LoadedModule>> modules_;
  const PublishedSnapshot* newest_ = nullptr;  // what this object published last
  std::vector<Retired> retired_;
  std::vector<Place> places_;     // of all modules ever seen, newest last
  std::vector<Place> contested_;  // where different modules stood, one after the other
  mutable std::mutex mutex_;      // of maps_, held for look-ups only
  std::map<uint32_t, std::shared_ptr<const model::ModuleMap>> maps_;
  std::shared_ptr<const std::vector<model::AddressRange>> contested_now_;  // under mutex_, too
  std::atomic<uint64_t> module_count_{0};
  std::atomic<uint64_t> row_bytes_{0};
};

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_MODULE_WATCH_H_
