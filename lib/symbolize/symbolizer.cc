// SPDX-License-Identifier: Apache-2.0
#include "symbolize/symbolizer.h"

#include <elfutils/libdw.h>
#include <libelf.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "symbolize/budget.h"
#include "symbolize/demangle.h"
#include "symbolize/dwarf_reader.h"
#include "symbolize/elf_symbols.h"
#include "symbolize/htlhash.h"

namespace podo::symbolize {
namespace {

// One identity a content: the build id, or without one the mapping itself.
std::string KeyOf(const model::Module& module) {
  if (!module.build_id.empty()) return module.build_id;
  return absl::StrCat(module.path, "@", absl::Hex(module.start), "-", absl::Hex(module.end));
}

// Reading a sound file takes less than one step for two of its bytes (a DIE, a line row or a
// symbol has more); ranges may be shared by many DIEs, so allow eight times that.
constexpr uint64_t kStepsPerByte = 4;
constexpr uint64_t kMinSteps = 1'000'000;

uint64_t StepsFor(const ModuleFiles& files, size_t addresses) {
  uint64_t bytes = 0;
  for (const ElfFile* file : {files.main.get(), files.debug.get(), files.alt.get()}) {
    if (file != nullptr) bytes += file->image().size() + file->unpacked_bytes();
  }
  return kMinSteps + bytes * kStepsPerByte + addresses * 1024;
}

}  // namespace

// One Resolve: the addresses still to answer, in order, and what the symbol tables say about them.
class Symbolizer::Run {
 public:
  Run(Symbolizer* owner, std::string key, std::vector<uint64_t> pending)
      : owner_(owner),
        key_(std::move(key)),
        pending_(std::move(pending)),
        symbols_(pending_.size()),
        done_(pending_.size()) {}

  // False if stopped.
  bool Go(const model::Module& module, absl::FunctionRef<bool()> should_stop) {
    const size_t max_unpacked_bytes = owner_->options_.byte_cap / 2;
    const ModuleFiles files = OpenModuleFiles(module, owner_->options_.places, max_unpacked_bytes);
    if (!files.problem.empty()) owner_->LogOnce(key_, files.problem);
    if (files.main != nullptr && !module.is_vdso) owner_->StoreFileHash(key_, *files.main);
    Budget budget(StepsFor(files, pending_.size()), should_stop);
    for (const ElfFile* file : {files.main.get(), files.debug.get()}) {
      if (file != nullptr && budget.CheckStop()) {
        MatchSymbols(*file, pending_, absl::MakeSpan(symbols_), &budget);
      }
    }
    const ElfFile* file = files.ForDwarf();
    if (owner_->options_.mode == Mode::kFull && file != nullptr) {
      ReadDwarf(*file, files.alt.get(), &budget);
    }
    if (budget.exhausted()) {
      owner_->LogOnce(key_, absl::StrCat(module.path, ": damaged debug information, given up"));
    }
    CommitSymbols(!budget.stopped());
    return !budget.stopped();
  }

 private:
  void ReadDwarf(const ElfFile& file, const ElfFile* alt, Budget* budget) {
    owner_->unpacked_bytes_.store(
        file.unpacked_bytes() + (alt != nullptr ? alt->unpacked_bytes() : 0),
        std::memory_order_relaxed);
    DwarfReader reader(file, alt);
    if (!reader.ok()) {
      owner_->LogOnce(key_, absl::StrCat(file.path(), ": unreadable debug information"));
      return;
    }
    std::vector<UnitRange> units;
    if (!owner_->cache_->GetUnits(key_, &units)) {
      if (!reader.ListUnits(&units, budget)) return;
      owner_->cache_->StoreUnits(key_, units);
    }
    for (const auto& [unit, indices] : GroupByUnit(units)) {
      if (!budget->CheckStop() || full_ || !file.Unchanged()) return;
      ReadUnit(&reader, unit, indices, budget);
    }
  }

  using Group = std::pair<uint64_t, std::vector<uint32_t>>;
  // The units that cover pending addresses, by their place in the file.
  std::vector<Group> GroupByUnit(const std::vector<UnitRange>& units) const {
    std::vector<std::pair<uint64_t, uint32_t>> pairs;
    for (uint32_t i = 0; i < pending_.size(); ++i) {
      auto after = std::upper_bound(
          units.begin(), units.end(), pending_[i],
          [](uint64_t value, const UnitRange& range) { return value < range.low; });
      // Ranges of sound files do not overlap; look back over a few for those that do.
      for (int back = 0; back < 8 && after != units.begin(); ++back) {
        --after;
        if (pending_[i] < after->high) {
          pairs.emplace_back(after->unit, i);
          break;
        }
      }
    }
    std::sort(pairs.begin(), pairs.end());
    std::vector<Group> groups;
    for (const auto& [unit, index] : pairs) {
      if (groups.empty() || groups.back().first != unit) groups.push_back({unit, {}});
      groups.back().second.push_back(index);
    }
    return groups;
  }

  void ReadUnit(DwarfReader* reader, uint64_t unit, const std::vector<uint32_t>& indices,
                Budget* budget) {
    std::vector<uint64_t> addresses;
    for (const uint32_t i : indices) addresses.push_back(pending_[i]);
    reader->Resolve(unit, addresses, budget, [&](size_t k, DwarfReader::Answer answer) {
      if (!full_) Commit(indices[k], Merge(std::move(answer), symbols_[indices[k]]), true);
    });
  }

  // DWARF's frames, with the symbol's name where DWARF has none.
  static std::vector<SourceFrame> Merge(DwarfReader::Answer answer, const SymbolHit& symbol) {
    std::vector<SourceFrame> frames = std::move(answer.frames);
    if (frames.empty() && !symbol.name.empty()) {
      SourceFrame frame = FromSymbol(symbol);
      frame.file = std::move(answer.file);
      frame.line = answer.line;
      frames.push_back(std::move(frame));
    }
    if (frames.empty()) return frames;
    SourceFrame& physical = frames.back();
    // The readable name stays DWARF's, without parameters: where the function is inlined there is
    // no symbol to take them from, and one function must not have two names. Nor two raw ones: its
    // cold part is called after it.
    constexpr std::string_view kCold = ".cold";
    const bool is_cold = symbol.name.size() > kCold.size() &&
                         symbol.name.substr(symbol.name.size() - kCold.size()) == kCold;
    if (physical.system_name.empty() && (is_cold || symbol.start == answer.function_start)) {
      physical.system_name =
          std::string(symbol.name.substr(0, symbol.name.size() - (is_cold ? kCold.size() : 0)));
    }
    for (SourceFrame& frame : frames) {
      if (frame.system_name.empty()) frame.system_name = frame.function;
      if (frame.function.empty()) frame.function = "[unnamed]";
    }
    return frames;
  }

  static SourceFrame FromSymbol(const SymbolHit& symbol) {
    SourceFrame frame;
    frame.function = Demangle(symbol.name);
    frame.system_name = std::string(symbol.name);
    return frame;
  }

  void CommitSymbols(bool is_final) {
    for (uint32_t i = 0; i < pending_.size() && !full_; ++i) {
      if (done_[i]) continue;
      std::vector<SourceFrame> frames;
      if (!symbols_[i].name.empty()) frames.push_back(FromSymbol(symbols_[i]));
      if (is_final || !frames.empty()) Commit(i, frames, is_final);
    }
  }

  void Commit(uint32_t index, absl::Span<const SourceFrame> frames, bool is_final) {
    full_ = !owner_->cache_->Add(key_, pending_[index], frames, is_final);
    done_[index] = true;
    if (full_) {
      owner_->LogOnce("", absl::StrCat("PODO_SYMBOL_BYTES (", owner_->options_.byte_cap,
                                       ") is used up: some addresses stay without names"));
    }
  }

  Symbolizer* const owner_;
  const std::string key_;
  const std::vector<uint64_t> pending_;  // sorted
  std::vector<SymbolHit> symbols_;       // names point into the open files
  std::vector<bool> done_;
  bool full_ = false;
};

void Symbolizer::BeginThread() {
  static_cast<void>(elf_errno());
  static_cast<void>(dwarf_errno());
}

Symbolizer::Symbolizer(Options options)
    : options_(std::move(options)), cache_(std::make_unique<FrameCache>(options_.byte_cap)) {}

bool Symbolizer::Resolve(const model::Module& module, absl::Span<const uint64_t> vaddrs,
                         absl::FunctionRef<bool()> should_stop) {
  std::vector<uint64_t> pending = Missing(module, vaddrs);
  if (pending.empty() || !cache_->HasRoom()) return true;
  if (should_stop()) return false;
  Run run(this, KeyOf(module), std::move(pending));
  const bool finished = run.Go(module, should_stop);
  unpacked_bytes_.store(0, std::memory_order_relaxed);
  return finished;
}

bool Symbolizer::Lookup(const model::Module& module, uint64_t vaddr,
                        std::vector<SourceFrame>* frames) const {
  frames->clear();
  return options_.mode != Mode::kNone && cache_->Find(KeyOf(module), vaddr, frames);
}

std::vector<uint64_t> Symbolizer::Missing(const model::Module& module,
                                          absl::Span<const uint64_t> vaddrs) const {
  if (options_.mode == Mode::kNone) return {};
  return cache_->Missing(KeyOf(module), vaddrs);
}

std::string Symbolizer::FileHash(const model::Module& module) const {
  const std::lock_guard lock(hashes_mutex_);
  const auto it = file_hashes_.find(KeyOf(module));
  return it != file_hashes_.end() ? it->second : std::string();
}

void Symbolizer::StoreFileHash(const std::string& module_key, const ElfFile& file) {
  // A process has hundreds of modules at most; one that loads plugins without end goes without.
  constexpr size_t kMaxHashes = 4096;
  if (!file.Unchanged()) return;
  std::string hash = HtlHash(file.image());
  const std::lock_guard lock(hashes_mutex_);
  if (file_hashes_.size() < kMaxHashes) file_hashes_.try_emplace(module_key, std::move(hash));
}

size_t Symbolizer::bytes() const {
  return cache_->bytes() + unpacked_bytes_.load(std::memory_order_relaxed);
}

void Symbolizer::LogOnce(const std::string& module_key, const std::string& sentence) {
  if (options_.log && logged_.insert(module_key).second) options_.log(sentence);
}

}  // namespace podo::symbolize
