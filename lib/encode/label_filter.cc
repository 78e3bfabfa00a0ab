// SPDX-License-Identifier: Apache-2.0
#include "encode/label_filter.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "encode/label_column.h"
#include "encode/top_text.h"

namespace podo::encode {
namespace {

constexpr size_t kShownNames = 12;  // of keys or values in one error line

std::string NamesText(const std::set<std::string>& names) {
  std::string text;
  size_t n = 0;
  for (const std::string& name : names) {
    if (n++ == kShownNames)
      return absl::StrCat(text, ", and ", names.size() - kShownNames, " more");
    absl::StrAppend(&text, n > 1 ? ", " : "", PrintableText(name));
  }
  return text;
}

// The values of `key` that samples of `profile` have.
std::set<std::string> ValuesOf(const model::Profile& profile, const std::string& key) {
  const LabelColumn column = ReadLabelColumn(profile, key);
  std::set<std::string> values;
  for (const uint32_t value : column.of_sample) {
    if (value != 0) values.insert(column.values[value]);
  }
  return values;
}

// One byte for each sample: whether it has one of `values` for `key`.
std::vector<bool> Accepted(const model::Profile& profile, const std::string& key,
                           const std::set<std::string>& values) {
  const LabelColumn column = ReadLabelColumn(profile, key);
  std::vector<bool> accepts(column.values.size());
  for (size_t i = 1; i < accepts.size(); ++i) accepts[i] = values.count(column.values[i]) > 0;
  std::vector<bool> accepted;
  for (const uint32_t value : column.of_sample) accepted.push_back(accepts[value]);
  return accepted;
}

// Empties what no sample refers to; ids stay as they are.
void EmptyUnused(model::Profile* profile) {
  std::vector<bool> stacks(profile->stacks.size()), sets(profile->label_sets.size());
  std::vector<bool> links(profile->links.size()), locations(profile->locations.size());
  for (const model::Sample& sample : profile->samples) {
    stacks[Index(sample.stack)] = true;
    sets[Index(sample.labels)] = true;
    links[Index(sample.link)] = true;
  }
  for (size_t i = 0; i < stacks.size(); ++i) {
    if (!stacks[i]) profile->stacks[i] = {};
    for (const model::LocationId id : profile->stacks[i].locations) locations[Index(id)] = true;
  }
  for (size_t i = 0; i < sets.size(); ++i) {
    if (!sets[i]) profile->label_sets[i] = {};
  }
  for (size_t i = 0; i < links.size(); ++i) {
    if (!links[i]) profile->links[i] = {};
  }
  for (size_t i = 0; i < locations.size(); ++i) {
    if (!locations[i]) profile->locations[i] = {};
  }
}

}  // namespace

base::StatusOr<LabelWish> ParseLabelWish(std::string_view text) {
  const size_t at = text.find('=');
  if (at == std::string_view::npos || at == 0) {
    return base::InvalidArgumentError(absl::StrCat(std::string(text), ": accepted: KEY=VALUE"));
  }
  return LabelWish{std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

base::Status CheckLabelKeys(absl::Span<const model::Profile* const> profiles,
                            const std::vector<std::string>& keys) {
  std::set<std::string> known;
  for (const model::Profile* profile : profiles) {
    for (std::string& key : LabelKeys(*profile)) known.insert(std::move(key));
  }
  for (const std::string& key : keys) {
    if (known.count(key) > 0) continue;
    return base::NotFoundError(absl::StrCat(
        "no label \"", key, "\"; ",
        known.empty() ? "no sample has labels" : absl::StrCat("accepted: ", NamesText(known))));
  }
  return base::OkStatus();
}

base::Status CheckLabelWishes(absl::Span<const model::Profile* const> profiles,
                              const std::vector<LabelWish>& wishes) {
  for (const LabelWish& wish : wishes) {
    const base::Status status = CheckLabelKeys(profiles, {wish.key});
    if (!status.ok()) return status;
    std::set<std::string> values;
    for (const model::Profile* profile : profiles) values.merge(ValuesOf(*profile, wish.key));
    if (values.count(wish.value) > 0) continue;
    return base::NotFoundError(absl::StrCat("no sample has ", wish.key, "=", wish.value,
                                            "; accepted: ", NamesText(values)));
  }
  return base::OkStatus();
}

model::Profile KeepLabelled(model::Profile profile, const std::vector<LabelWish>& wishes) {
  std::map<std::string, std::set<std::string>> by_key;
  for (const LabelWish& wish : wishes) by_key[wish.key].insert(wish.value);
  for (const auto& [key, values] : by_key) {
    const std::vector<bool> accepted = Accepted(profile, key, values);
    const size_t width = profile.sample_types.size();
    size_t kept = 0;
    for (size_t i = 0; i < accepted.size(); ++i) {
      if (!accepted[i]) continue;
      profile.samples[kept] = profile.samples[i];
      std::copy_n(profile.ValuesOf(i), width,
                  profile.values.begin() + static_cast<ptrdiff_t>(kept * width));
      ++kept;
    }
    profile.samples.resize(kept);
    profile.values.resize(kept * width);
  }
  EmptyUnused(&profile);
  return profile;
}

}  // namespace podo::encode
