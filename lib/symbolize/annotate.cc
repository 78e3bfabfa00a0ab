// SPDX-License-Identifier: Apache-2.0
#include "symbolize/annotate.h"

#include <string>
#include <tuple>
#include <utility>

#include "base/hash_map.h"
#include "model/utf8.h"

namespace podo::symbolize {
namespace {

// Adds to the string and function tables of a profile that exists already.
class Interner {
 public:
  explicit Interner(model::Profile* profile) : profile_(*profile) {
    for (uint32_t i = 0; i < profile_.strings.size(); ++i) {
      strings_.try_emplace(profile_.strings[i], static_cast<model::StringId>(i));
    }
    for (uint32_t i = 0; i < profile_.functions.size(); ++i) {
      functions_.try_emplace(KeyOf(profile_.functions[i]), static_cast<model::FunctionId>(i));
    }
  }

  model::FunctionId Function(const SourceFrame& frame) {
    const model::Function function = {String(frame.function), String(frame.system_name),
                                      String(frame.file), frame.start_line};
    auto [it, inserted] = functions_.try_emplace(
        KeyOf(function), static_cast<model::FunctionId>(profile_.functions.size()));
    if (inserted) profile_.functions.push_back(function);
    return it->second;
  }

  model::StringId String(const std::string& text) {
    if (auto it = strings_.find(text); it != strings_.end()) return it->second;
    std::string valid = model::ToValidUtf8(text);
    auto [it, inserted] =
        strings_.try_emplace(valid, static_cast<model::StringId>(profile_.strings.size()));
    if (inserted) profile_.strings.push_back(std::move(valid));
    return it->second;
  }

 private:
  using FunctionKey = std::tuple<model::StringId, model::StringId, model::StringId, int64_t>;
  static FunctionKey KeyOf(const model::Function& f) {
    return {f.name, f.system_name, f.filename, f.start_line};
  }

  model::Profile& profile_;
  base::HashMap<std::string, model::StringId> strings_;
  base::HashMap<FunctionKey, model::FunctionId> functions_;
};

bool WantsLines(const model::Location& location) {
  return location.lines.empty() && location.mapping != model::MappingId{};
}

void MarkMapping(const std::vector<SourceFrame>& frames, model::Mapping* mapping) {
  if (frames.size() > 1) mapping->has_inline_frames = true;
  for (const SourceFrame& frame : frames) {
    mapping->has_functions = true;
    if (!frame.file.empty()) mapping->has_filenames = true;
    if (frame.line != 0) mapping->has_line_numbers = true;
  }
}

}  // namespace

std::vector<Unresolved> ListUnresolved(const model::Profile& profile, ModuleOf module_of,
                                       const Symbolizer& symbolizer) {
  std::vector<Unresolved> all;
  base::HashMap<const model::Module*, size_t> places;
  for (const model::Location& location : profile.locations) {
    if (!WantsLines(location)) continue;
    const model::Module* module = module_of(location.mapping);
    if (module == nullptr) continue;
    auto [it, inserted] = places.try_emplace(module, all.size());
    if (inserted) all.push_back({module, {}});
    all[it->second].vaddrs.push_back(location.address - module->load_bias);
  }
  std::vector<Unresolved> unresolved;
  for (Unresolved& one : all) {
    one.vaddrs = symbolizer.Missing(*one.module, one.vaddrs);
    if (!one.vaddrs.empty()) unresolved.push_back(std::move(one));
  }
  return unresolved;
}

model::Profile Annotate(model::Profile profile, ModuleOf module_of, const Symbolizer& symbolizer) {
  Interner interner(&profile);
  std::vector<SourceFrame> frames;
  for (model::Location& location : profile.locations) {
    if (!WantsLines(location)) continue;
    const model::Module* module = module_of(location.mapping);
    if (module == nullptr) continue;
    if (!symbolizer.Lookup(*module, location.address - module->load_bias, &frames)) continue;
    for (const SourceFrame& frame : frames) {
      location.lines.push_back({.function = interner.Function(frame), .line = frame.line});
    }
    MarkMapping(frames, &profile.mappings[Index(location.mapping)]);
  }
  for (uint32_t i = 1; i < profile.mappings.size(); ++i) {
    const model::Module* module = module_of(static_cast<model::MappingId>(i));
    if (module == nullptr) continue;
    const std::string hash = symbolizer.FileHash(*module);
    if (!hash.empty()) profile.mappings[i].htlhash = interner.String(hash);
  }
  return profile;
}

}  // namespace podo::symbolize
