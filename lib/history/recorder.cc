// SPDX-License-Identifier: Apache-2.0
#include "history/recorder.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "history/sums.h"
#include "model/saturating.h"

namespace podo::history {
namespace {

using model::Index;

// The number of the sample type called `type`, -1 if there is none.
int TypeNamed(const model::Profile& p, std::string_view type) {
  for (size_t i = 0; i < p.sample_types.size(); ++i) {
    if (p.String(p.sample_types[i].type) == type) return static_cast<int>(i);
  }
  return -1;
}

// Translates table by table, each entry once; stacks are found anew by each sample.
class Recorder {
 public:
  Recorder(const model::Profile& p, Interner* into) : p_(p), into_(*into) {
    for (const std::string& s : p.strings) strings_.push_back(into_.AddString(s));
    for (const model::Function& f : p.functions) {
      functions_.push_back(into_.AddFunction({.name = String(f.name),
                                              .system_name = String(f.system_name),
                                              .filename = String(f.filename),
                                              .start_line = f.start_line}));
    }
    for (const model::Mapping& m : p.mappings) {
      mappings_.push_back(mappings_.empty() ? 0 : into_.AddMapping(RowOf(m)));
    }
    for (const model::Location& l : p.locations) {
      locations_.push_back(locations_.empty() ? 0 : Add(l));
    }
    for (const model::LabelSet& set : p.label_sets) label_sets_.push_back(Add(set));
  }

  uint32_t String(model::StringId id) const { return strings_[Index(id)]; }
  uint32_t Key(const model::Sample& sample) {
    const auto& leaf_first = p_.stacks[Index(sample.stack)].locations;
    uint32_t node = 0;
    for (auto it = leaf_first.rbegin(); it != leaf_first.rend(); ++it) {
      node = into_.AddNode({node, locations_[Index(*it)]});
    }
    return into_.AddKey({node, label_sets_[Index(sample.labels)]});
  }

 private:
  MappingRow RowOf(const model::Mapping& m) const {
    return {.filename = String(m.filename),
            .build_id = String(m.build_id),
            .file_offset = m.file_offset,
            .bytes = m.limit - m.start,
            .start = m.start,
            .htlhash = String(m.htlhash),
            .flags = (m.has_functions ? kFunctions : 0u) | (m.has_filenames ? kFilenames : 0u) |
                     (m.has_line_numbers ? kLineNumbers : 0u) |
                     (m.has_inline_frames ? kInlines : 0u)};
  }
  uint32_t Add(const model::Location& l) {
    lines_.clear();
    for (const model::Line& line : l.lines) {
      lines_.push_back({functions_[Index(line.function)], line.line, line.column});
    }
    LocationRow row{.mapping = mappings_[Index(l.mapping)], .is_folded = l.is_folded};
    row.offset = l.address;
    if (row.mapping != 0) {
      const model::Mapping& m = p_.mappings[Index(l.mapping)];
      row.offset = l.address - m.start + m.file_offset;
    }
    return into_.AddLocation(row, lines_);
  }
  uint32_t Add(const model::LabelSet& set) {
    std::vector<LabelRow> rows;
    for (const model::Label& label : set.labels) {
      rows.push_back(
          {String(label.key), String(label.string), String(label.number_unit), label.number});
    }
    return into_.AddLabelSet(rows);
  }

  const model::Profile& p_;
  Interner& into_;
  std::vector<uint32_t> strings_, functions_, mappings_, locations_, label_sets_;
  std::vector<LineRow> lines_;
};

}  // namespace

WindowHead RecordWindow(const model::Profile& p, Interner* into, Streams* streams) {
  const int counts = TypeNamed(p, "samples"), cpus = TypeNamed(p, "cpu");
  Recorder recorder(p, into);
  Sums sums;
  for (size_t i = 0; i < p.samples.size(); ++i) {
    const int64_t* values = p.ValuesOf(i);
    sums.Add(
        {recorder.Key(p.samples[i]), counts < 0 ? 0 : values[counts], cpus < 0 ? 0 : values[cpus]});
  }
  WindowHead head{.begin_ns = p.time_ns,
                  .duration_ns = std::max<int64_t>(p.duration_ns, 0),
                  .period_ns = p.period};
  head.end_ns = model::SaturatingAdd(head.begin_ns, head.duration_ns);
  for (const model::StringId comment : p.comments)
    head.comments.push_back(recorder.String(comment));
  const base::PageVector<WindowSample> samples = sums.Take();
  streams->Append(head, samples);
  return head;
}

size_t ProfileBytes(const Tables& t, absl::Span<const WindowSample> samples) {
  // A node's depth is its parent's and one: parents come first.
  base::PageVector<uint32_t> depths(t.nodes.size());
  for (size_t i = 1; i < t.nodes.size(); ++i) depths[i] = depths[t.nodes[i].parent] + 1;
  size_t bytes = t.text.size() + t.string_ends.size() * sizeof(std::string) +
                 t.functions.size() * sizeof(model::Function) +
                 t.locations.size() * (sizeof(model::Location) + sizeof(model::Line));
  for (const WindowSample& s : samples) {
    bytes += depths[t.keys[s.key].node] * sizeof(model::LocationId) + sizeof(model::Stack) +
             sizeof(model::Sample) + 2 * sizeof(int64_t);
  }
  return bytes;
}

model::Profile ToProfile(const Tables& t, absl::Span<const WindowSample> samples) {
  using namespace model;
  Profile p;
  p.strings.reserve(t.string_ends.size() + 4);
  for (uint32_t i = 0; i < t.string_ends.size(); ++i) p.strings.emplace_back(t.String(i));
  for (const FunctionRow& f : t.functions) {
    p.functions.push_back(
        {StringId{f.name}, StringId{f.system_name}, StringId{f.filename}, f.start_line});
  }
  for (const MappingRow& m : t.mappings) {
    p.mappings.push_back({.start = m.start,
                          .limit = m.start + m.bytes,
                          .file_offset = m.file_offset,
                          .filename = StringId{m.filename},
                          .build_id = StringId{m.build_id},
                          .has_functions = (m.flags & kFunctions) != 0,
                          .has_filenames = (m.flags & kFilenames) != 0,
                          .has_line_numbers = (m.flags & kLineNumbers) != 0,
                          .has_inline_frames = (m.flags & kInlines) != 0,
                          .htlhash = StringId{m.htlhash}});
  }
  for (const LocationRow& l : t.locations) {
    Location location{.mapping = MappingId{l.mapping}, .address = l.offset};
    if (l.mapping != 0) {
      const MappingRow& m = t.mappings[l.mapping];
      location.address = l.offset - m.file_offset + m.start;
    }
    location.is_folded = l.is_folded;
    for (uint32_t i = l.first_line; i < l.first_line + l.lines; ++i) {
      const LineRow& line = t.lines[i];
      location.lines.push_back({FunctionId{line.function}, line.line, line.column});
    }
    p.locations.push_back(std::move(location));
  }
  for (uint32_t i = 0; i < t.label_set_ends.size(); ++i) {
    LabelSet set;
    for (uint32_t j = t.LabelsBegin(i); j < t.label_set_ends[i]; ++j) {
      const LabelRow& l = t.labels[j];
      set.labels.push_back({StringId{l.key}, StringId{l.string}, l.number, StringId{l.unit}});
    }
    p.label_sets.push_back(std::move(set));
  }
  p.stacks.emplace_back();
  p.links.emplace_back();
  base::PageVector<StackId> stacks(t.nodes.size());  // of a node, once it was written
  for (const WindowSample& s : samples) {
    const KeyRow& key = t.keys[s.key];
    StackId& stack = stacks[key.node];
    if (stack == StackId{} && key.node != 0) {
      stack = static_cast<StackId>(p.stacks.size());
      Stack& written = p.stacks.emplace_back();
      for (uint32_t n = key.node; n != 0; n = t.nodes[n].parent) {
        written.locations.push_back(LocationId{t.nodes[n].location});
      }
      written.locations.shrink_to_fit();
    }
    p.samples.push_back({stack, LabelSetId{key.label_set}, LinkId{}});
    p.values.insert(p.values.end(), {s.count, s.cpu_ns});
  }
  return p;
}

}  // namespace podo::history
