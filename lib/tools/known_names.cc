// SPDX-License-Identifier: Apache-2.0
#include "tools/known_names.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace podo::tools {
namespace {

using model::Index;

// Empty if the location cannot be placed in a file.
std::string PlaceOf(const model::Profile& p, const model::Location& location) {
  if (location.address == 0 || Index(location.mapping) == 0) return "";
  const model::Mapping& m = p.mappings[Index(location.mapping)];
  if (location.address < m.start) return "";
  return absl::StrCat(p.String(m.filename), "\n", p.String(m.build_id), "\n",
                      location.address - m.start + m.file_offset);
}

template <typename Table, typename T>
auto Append(Table& table, T value) {
  table.push_back(std::move(value));
  return table.size() - 1;
}

}  // namespace

void KnownNames::Learn(const model::Profile& p) {
  for (const model::Location& location : p.locations) {
    std::string place = PlaceOf(p, location);
    if (place.empty() || location.lines.empty()) continue;
    auto [it, inserted] = lines_.try_emplace(std::move(place));
    if (!inserted) continue;
    for (const model::Line& line : location.lines) {
      const model::Function& f = p.functions[Index(line.function)];
      it.value().push_back({p.String(f.name), p.String(f.system_name), p.String(f.filename),
                            f.start_line, line.line, line.column});
    }
  }
}

model::Profile KnownNames::Apply(model::Profile p) const {
  const auto text = [&p](const std::string& s) {
    return static_cast<model::StringId>(Append(p.strings, s));
  };
  for (model::Location& location : p.locations) {
    if (!location.lines.empty()) continue;
    const auto known = lines_.find(PlaceOf(p, location));
    if (known == lines_.end()) continue;
    // Doubles in the tables do no harm here: merging interns them.
    for (const Line& line : known->second) {
      model::Function f = {text(line.name), text(line.system_name), text(line.filename),
                           line.start_line};
      const auto id = static_cast<model::FunctionId>(Append(p.functions, f));
      location.lines.push_back({.function = id, .line = line.line, .column = line.column});
    }
  }
  return p;
}

}  // namespace podo::tools
