// SPDX-License-Identifier: Apache-2.0
#include "symbolize/frame_cache.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace podo::symbolize {
namespace {

// A chain of inlined calls longer than this is cut at its outer end's inside; real ones have tens.
constexpr size_t kMaxFrames = 1024;

uint32_t ToLine(int64_t line) {
  const int64_t max = std::numeric_limits<uint32_t>::max();
  return line < 0 || line > max ? 0 : static_cast<uint32_t>(line);
}

// What malloc takes for a string that does not fit inside the object.
size_t HeapBytes(const std::string& text) {
  return text.capacity() < sizeof(std::string) / 2 ? 0 : (text.capacity() + 1 + 8 + 15) / 16 * 16;
}

}  // namespace

void ModuleFrames::Add(uint64_t vaddr, absl::Span<const SourceFrame> frames, bool is_final) {
  frames = frames.subspan(0, kMaxFrames);
  Entry entry;
  entry.first = static_cast<uint32_t>(frames_.size());
  entry.count = static_cast<uint16_t>(frames.size());
  entry.is_final = is_final;
  // New ones survive the next sweep: they were asked for.
  entry.is_used = true;
  for (const SourceFrame& frame : frames) {
    frames_.push_back({InternFunction(frame), ToLine(frame.line)});
  }
  entries_[vaddr] = entry;
}

uint32_t ModuleFrames::InternString(const std::string& text) {
  if (const auto it = string_ids_.find(text); it != string_ids_.end()) return it->second;
  // In this order: should memory run out between the two, an id is left over that nobody has.
  const auto id = static_cast<uint32_t>(strings_.size());
  strings_.push_back(nullptr);
  const std::string& stored = string_ids_.try_emplace(text, id).first->first;
  strings_.back() = &stored;
  string_heap_bytes_ += HeapBytes(stored);
  return id;
}

uint32_t ModuleFrames::InternFunction(const SourceFrame& frame) {
  const Function function = {InternString(frame.function), InternString(frame.system_name),
                             InternString(frame.file), ToLine(frame.start_line)};
  if (const auto it = function_ids_.find(function); it != function_ids_.end()) return it->second;
  const auto id = static_cast<uint32_t>(functions_.size());
  functions_.push_back(function);
  function_ids_.try_emplace(function, id);
  return id;
}

bool ModuleFrames::IsFinal(uint64_t vaddr) const {
  auto it = entries_.find(vaddr);
  return it != entries_.end() && it->second.is_final;
}

bool ModuleFrames::Find(uint64_t vaddr, std::vector<SourceFrame>* frames) {
  auto it = entries_.find(vaddr);
  if (it == entries_.end()) return false;
  it.value().is_used = true;
  Read(it->second, frames);
  return it->second.count > 0;
}

void ModuleFrames::Read(const Entry& entry, std::vector<SourceFrame>* frames) const {
  frames->clear();
  for (uint32_t i = 0; i < entry.count; ++i) {
    const Frame& frame = frames_[entry.first + i];
    const Function& function = functions_[frame.function];
    frames->push_back({*strings_[function.name], *strings_[function.system_name],
                       *strings_[function.file], frame.line, function.start_line});
  }
}

std::unique_ptr<ModuleFrames> ModuleFrames::CopyUsed() const {
  auto copy = std::make_unique<ModuleFrames>();
  std::vector<SourceFrame> frames;
  for (const auto& [vaddr, entry] : entries_) {
    if (!entry.is_used) continue;
    Read(entry, &frames);
    copy->Add(vaddr, frames, entry.is_final);
    copy->entries_[vaddr].is_used = false;
  }
  if (copy->empty()) return copy;
  copy->units = units;
  copy->units_listed = units_listed;
  return copy;
}

size_t ModuleFrames::bytes() const {
  // A node holds the pair, its hash, the next one's place, and malloc's 8 bytes.
  const size_t node_bytes = sizeof(std::pair<const std::string, uint32_t>) + 3 * 8;
  return sizeof *this + string_heap_bytes_ + string_ids_.bucket_count() * sizeof(void*) +
         string_ids_.size() * node_bytes + strings_.size() * sizeof(void*) +
         base::TableBytes(function_ids_) + functions_.size() * sizeof(Function) +
         frames_.size() * sizeof(Frame) + base::TableBytes(entries_) +
         units.capacity() * sizeof(UnitRange);
}

ModuleFrames* FrameCache::Module(const std::string& key) {
  std::unique_ptr<ModuleFrames>& module = modules_[key];
  if (module == nullptr) {
    module = std::make_unique<ModuleFrames>();
    bytes_ += module->bytes();
  }
  return module.get();
}

bool FrameCache::Add(const std::string& module, uint64_t vaddr,
                     absl::Span<const SourceFrame> frames, bool is_final) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (IsFull() && !Sweep()) return false;
  ModuleFrames* known = Module(module);
  const size_t before = known->bytes();
  known->Add(vaddr, frames, is_final);
  bytes_ += known->bytes() - before;
  return true;
}

bool FrameCache::Find(const std::string& module, uint64_t vaddr, std::vector<SourceFrame>* frames) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto it = modules_.find(module);
  return it != modules_.end() && it->second->Find(vaddr, frames);
}

std::vector<uint64_t> FrameCache::Missing(const std::string& module,
                                          absl::Span<const uint64_t> vaddrs) {
  std::vector<uint64_t> missing;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    auto it = modules_.find(module);
    for (const uint64_t vaddr : vaddrs) {
      if (it == modules_.end() || !it->second->IsFinal(vaddr)) missing.push_back(vaddr);
    }
  }
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  return missing;
}

bool FrameCache::HasRoom() {
  std::lock_guard<std::mutex> lock(mutex_);
  return !IsFull() || Sweep();
}

bool FrameCache::Sweep() {
  bytes_ = 0;
  for (auto it = modules_.begin(); it != modules_.end();) {
    // One module at a time, so that at most one is in memory twice.
    it.value() = it->second->CopyUsed();
    if (it->second->empty()) {
      it = modules_.erase(it);
    } else {
      bytes_ += it->second->bytes();
      ++it;
    }
  }
  return !IsFull();
}

bool FrameCache::GetUnits(const std::string& module, std::vector<UnitRange>* units) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto it = modules_.find(module);
  if (it == modules_.end() || !it->second->units_listed) return false;
  *units = it->second->units;
  return true;
}

void FrameCache::StoreUnits(const std::string& module, const std::vector<UnitRange>& units) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (units.size() * sizeof(UnitRange) > byte_cap_ / 4) return;
  ModuleFrames* known = Module(module);
  const size_t before = known->bytes();
  known->units = units;
  known->units_listed = true;
  bytes_ += known->bytes() - before;
}

size_t FrameCache::bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

}  // namespace podo::symbolize
