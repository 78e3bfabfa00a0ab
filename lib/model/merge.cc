// SPDX-License-Identifier: Apache-2.0
#include "model/merge.h"

#include <algorithm>

namespace podo::model {
namespace {

// Translates the ids of one profile into another's, table by table, each entry once.
class Translation {
 public:
  Translation(const Profile& from, ProfileBuilder* into, Links links) : from_(from), into_(*into) {
    for (const std::string& s : from.strings) strings_.push_back(into_.AddString(s));
    for (const Function& f : from.functions) {
      functions_.push_back(into_.AddFunction(
          {String(f.name), String(f.system_name), String(f.filename), f.start_line}));
    }
    for (const Mapping& m : from.mappings) {
      Mapping copy = m;
      copy.filename = String(m.filename);
      copy.build_id = String(m.build_id);
      copy.htlhash = String(m.htlhash);
      mappings.push_back(mappings.empty() ? MappingId{} : into_.AddMapping(copy));
    }
    for (const Location& l : from.locations) locations_.push_back(Add(l));
    for (const Stack& s : from.stacks) {
      std::vector<LocationId> ids;
      for (LocationId id : s.locations) ids.push_back(locations_[Index(id)]);
      stacks_.push_back(into_.AddStack(ids));
    }
    for (const LabelSet& set : from.label_sets) label_sets_.push_back(Add(set));
    for (const Link& link : from.links) {
      links_.push_back(links == Links::kKeep ? into_.AddLink(link) : LinkId{});
    }
  }

  void AddSamples() {
    for (size_t i = 0; i < from_.samples.size(); ++i) {
      const Sample& s = from_.samples[i];
      into_.AddSample(stacks_[Index(s.stack)], label_sets_[Index(s.labels)], links_[Index(s.link)],
                      {from_.ValuesOf(i), from_.sample_types.size()});
    }
  }

  StringId String(StringId id) const { return strings_[Index(id)]; }

  std::vector<MappingId> mappings;

 private:
  LocationId Add(const Location& l) {
    if (locations_.empty()) return {};  // the zero value
    Location copy = l;
    copy.mapping = mappings[Index(l.mapping)];
    for (Line& line : copy.lines) line.function = functions_[Index(line.function)];
    return into_.AddLocation(std::move(copy));
  }
  LabelSetId Add(const LabelSet& set) {
    LabelSet copy = set;
    for (Label& label : copy.labels) {
      label.key = String(label.key);
      label.string = String(label.string);
      label.number_unit = String(label.number_unit);
    }
    return into_.AddLabelSet(std::move(copy));
  }

  const Profile& from_;
  ProfileBuilder& into_;
  std::vector<StringId> strings_;
  std::vector<FunctionId> functions_;
  std::vector<LocationId> locations_;
  std::vector<StackId> stacks_;
  std::vector<LabelSetId> label_sets_;
  std::vector<LinkId> links_;
};

}  // namespace

std::vector<MappingId> MergeProfile(const Profile& from, ProfileBuilder* into, Links links) {
  Translation translation(from, into, links);
  translation.AddSamples();
  Profile& p = into->profile();
  if (p.time_ns == 0 || (from.time_ns != 0 && from.time_ns < p.time_ns)) p.time_ns = from.time_ns;
  p.duration_ns += from.duration_ns;
  p.period = std::max(p.period, from.period);
  p.period_type = {translation.String(from.period_type.type),
                   translation.String(from.period_type.unit)};
  p.default_sample_type = translation.String(from.default_sample_type);
  p.drop_frames = translation.String(from.drop_frames);
  p.keep_frames = translation.String(from.keep_frames);
  p.doc_url = translation.String(from.doc_url);
  for (StringId comment : from.comments) {
    const StringId id = translation.String(comment);
    if (std::find(p.comments.begin(), p.comments.end(), id) == p.comments.end()) {
      p.comments.push_back(id);
    }
  }
  return std::move(translation.mappings);
}

}  // namespace podo::model
