// SPDX-License-Identifier: Apache-2.0
#include "history/tables.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace podo::history {

std::string LabelText(const Tables& tables, const LabelRow& label) {
  if (label.string != 0) return std::string(tables.String(label.string));
  if (label.number == 0 && label.unit == 0) return "";  // how pprof writes an empty string
  const std::string_view unit = tables.String(label.unit);
  return absl::StrCat(label.number, absl::string_view(unit.data(), unit.size()));
}

std::string LabelText(const Tables& tables, uint32_t label_set, std::string_view key) {
  for (uint32_t i = tables.LabelsBegin(label_set); i < tables.label_set_ends[label_set]; ++i) {
    if (tables.String(tables.labels[i].key) == key) return LabelText(tables, tables.labels[i]);
  }
  return "";
}

}  // namespace podo::history
