// SPDX-License-Identifier: Apache-2.0
#include "aggregate/assemble.h"

#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash_map.h"
#include "model/profile_builder.h"

namespace podo::aggregate {
namespace {

using model::LocationId;
using model::MappingId;

class Assembler {
 public:
  Assembler(const model::WindowTotals& totals,
            const std::function<const model::ModuleMap*(uint32_t)>& modules_of,
            const Carried& carried)
      : totals_(totals),
        modules_of_(modules_of),
        carried_(carried),
        period_ns_(totals.PeriodNs()),
        builder_({{"samples", "count"}, {"cpu", "nanoseconds"}}) {
    result_.mapping_modules.emplace_back();
  }

  // pprof's first mapping is the main program, whether or not it was sampled.
  void AddMainMapping(const model::ModuleMap* modules) {
    if (modules == nullptr) return;
    for (const auto& module : modules->modules) {
      if (!module->is_main) continue;
      for (const model::Segment& segment : module->segments) {
        if (segment.executable) return static_cast<void>(MappingOf(module, segment));
      }
    }
  }

  void AddTable(const StackTable& table) {
    for (size_t i = 0; i < table.size(); ++i) {
      const StackTable::Entry& entry = table.entry(i);
      AddStack(entry, table.frames(entry), table.span(entry));
    }
    AddNamed(kFrameOverflow, table.overflow());
  }

  void AddNamed(const char* name, uint64_t ticks) {
    if (ticks == 0) return;
    AddTicks({builder_.AddNamedFrame(name)}, ticks);
  }

  AssembledProfile Finish(const std::vector<std::string>& comments) {
    AddNamed(kFrameRingFull, totals_.ring_full);
    AddNamed(kFrameNoRing, totals_.no_ring);
    AddNamed(kFrameNested, totals_.nested);
    AddNamed(kFrameSmallStack, totals_.small_stack);
    AddNamed(kFramePaused, totals_.paused);
    AddNamed(("[threads blocking " + carried_.signal + "]").c_str(), result_.misdelivered);
    AddNamed(kFrameUnsampled, totals_.unsampled);
    AddNamed(kFrameOverBudget, totals_.over_budget);
    model::Profile& p = builder_.profile();
    p.time_ns = totals_.begin_wall_ns;
    p.duration_ns = totals_.duration_ns;
    p.period_type = {builder_.AddString("cpu"), builder_.AddString("nanoseconds")};
    p.period = period_ns_;
    p.default_sample_type = builder_.AddString("cpu");
    result_.summary = SummaryOf(totals_);
    for (const std::string& c : comments) p.comments.push_back(builder_.AddString(c));
    result_.profile = builder_.Take();
    return std::move(result_);
  }

 private:
  void AddTicks(absl::Span<const LocationId> leaf_first, uint64_t ticks,
                model::LabelSetId labels = {}, model::LinkId link = {}) {
    const int64_t count = static_cast<int64_t>(ticks);
    builder_.AddSample(builder_.AddStack(leaf_first), labels, link, {count, count * period_ns_});
  }

  model::LabelSetId LabelsOf(uint32_t label_set, uint32_t thread) {
    auto [it, inserted] = label_sets_.try_emplace({label_set, thread});
    if (!inserted) return it->second;
    model::LabelSet labels;
    const auto add = [&](std::string_view key, std::string_view value) {
      labels.labels.push_back({builder_.AddString(key), builder_.AddString(value), 0, {}});
    };
    if (label_set != 0 && carried_.labels_of) {
      for (const auto& [key, value] : carried_.labels_of(label_set)) add(key, value);
    }
    if (thread != 0 && carried_.thread_of) {
      const ThreadLabels of = carried_.thread_of(thread);
      if (!of.name.empty()) add("thread_name", of.name);
      if (of.id != 0) labels.labels.push_back({builder_.AddString("thread_id"), {}, of.id, {}});
    }
    return it.value() = builder_.AddLabelSet(std::move(labels));
  }

  model::LinkId LinkOf(const uint64_t* span) {
    if (span == nullptr) return {};
    model::Link link;
    std::memcpy(link.trace_id.data(), span, link.trace_id.size());
    std::memcpy(link.span_id.data(), span + 2, link.span_id.size());
    return builder_.AddLink(link);
  }

  void AddStack(const StackTable::Entry& entry, const uint64_t* frames, const uint64_t* span) {
    if ((entry.flags & model::kRawMaybeAsleep) != 0) {
      using Doubtful = model::WindowTotals::Doubtful;
      if (totals_.doubtful == Doubtful::kOwn) return;
      if (totals_.doubtful == Doubtful::kBlocking) {
        result_.misdelivered += entry.count;
        return;
      }
    }
    std::vector<LocationId> stack;
    stack.reserve(entry.frames + size_t{1});
    uint16_t flags = entry.flags;
    for (uint32_t i = 0; i < entry.frames; ++i) {
      if ((flags & model::kRawUnsure) && carried_.contested && carried_.contested(frames[i])) {
        flags |= model::kRawReusedAddress;
        break;
      }
      stack.push_back(LocationOf(entry.generation, frames[i]));
    }
    if (const char* end = HowItEnds(flags)) stack.push_back(builder_.AddNamedFrame(end));
    AddTicks(stack, entry.count, LabelsOf(entry.label_set, entry.thread), LinkOf(span));
  }

  static const char* HowItEnds(uint16_t flags) {
    if (flags & model::kRawReusedAddress) return kFrameReused;
    if (flags & model::kRawTruncated) return kFrameTruncated;
    if (flags & model::kRawComplete) return nullptr;
    return kFrameIncomplete;
  }

  LocationId LocationOf(uint32_t generation, uint64_t address) {
    auto [it, inserted] = locations_.try_emplace({generation, address});
    if (!inserted) return it->second;
    model::Location location;
    location.address = address;
    location.mapping = FindMapping(modules_of_(generation), address);
    if (location.mapping == MappingId{}) {
      location.mapping = FindMapping(modules_of_(generation + 1), address);
    }
    return locations_[{generation, address}] = builder_.AddLocation(std::move(location));
  }

  MappingId FindMapping(const model::ModuleMap* modules, uint64_t address) {
    if (modules == nullptr) return {};
    for (const auto& module : modules->modules) {
      if (address < module->start || address >= module->end) continue;
      for (const model::Segment& segment : module->segments) {
        if (address >= segment.start && address < segment.end) return MappingOf(module, segment);
      }
    }
    return {};
  }

  MappingId MappingOf(const std::shared_ptr<const model::Module>& module,
                      const model::Segment& segment) {
    model::Mapping mapping;
    mapping.start = segment.start;
    mapping.limit = segment.end;
    mapping.file_offset = segment.file_offset;
    mapping.filename = builder_.AddString(module->path);
    mapping.build_id = builder_.AddString(module->build_id);
    const MappingId id = builder_.AddMapping(mapping);
    if (model::Index(id) == result_.mapping_modules.size()) {
      result_.mapping_modules.push_back(module);
    }
    return id;
  }

  const model::WindowTotals& totals_;
  const std::function<const model::ModuleMap*(uint32_t)>& modules_of_;
  const Carried& carried_;
  const int64_t period_ns_;
  model::ProfileBuilder builder_;
  AssembledProfile result_;
  base::HashMap<std::pair<uint32_t, uint64_t>, LocationId> locations_;
  base::HashMap<std::pair<uint32_t, uint32_t>, model::LabelSetId> label_sets_;
};

}  // namespace

std::string SummaryOf(const model::WindowTotals& totals) {
  std::string summary = absl::StrCat(
      "podo: ", totals.nominal_hz, " Hz asked, sampling_ratio ",
      absl::SixDigits(totals.SamplingRatio()), ", ticks ", totals.HostTicks(), ", dropped ",
      totals.ring_full + totals.no_ring + totals.nested + totals.small_stack);
  if (totals.rate_divisor > 1) {
    absl::StrAppend(&summary, ", down to ",
                    absl::SixDigits(totals.nominal_hz / totals.rate_divisor),
                    " Hz for PODO_MAX_OVERHEAD");
  }
  if (totals.frames_left != 0) {
    absl::StrAppend(&summary, ", stacks cut at ", totals.frames_left, " frames for it");
  }
  if (totals.over_budget != 0) {
    absl::StrAppend(&summary, ", ", totals.over_budget, " ticks paused for PODO_MAX_OVERHEAD");
  }
  return summary;
}

AssembledProfile Assemble(const std::vector<const StackTable*>& tables,
                          const model::WindowTotals& totals,
                          const std::function<const model::ModuleMap*(uint32_t)>& modules_of,
                          const std::vector<std::string>& comments, const Carried& carried) {
  Assembler assembler(totals, modules_of, carried);
  uint32_t newest = 1;  // the first snapshot, if nothing was sampled
  for (const StackTable* table : tables) {
    for (size_t i = 0; i < table->size(); ++i) {
      newest = std::max(newest, table->entry(i).generation);
    }
  }
  assembler.AddMainMapping(modules_of(newest));
  for (const StackTable* table : tables) assembler.AddTable(*table);
  return assembler.Finish(comments);
}

}  // namespace podo::aggregate
