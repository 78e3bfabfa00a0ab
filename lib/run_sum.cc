// SPDX-License-Identifier: Apache-2.0
#include "run_sum.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "model/merge.h"

namespace podo {
namespace {

using model::Index;

constexpr size_t kRowCost = 16;  // of a stack, a sample or a location, in frames

// What of `profile` stays as it is: the heaviest stacks that cost `room` together.
std::vector<bool> Heaviest(const model::Profile& profile, size_t room) {
  std::vector<int64_t> ticks(profile.stacks.size());
  std::vector<size_t> costs(profile.stacks.size());
  for (size_t i = 0; i < profile.samples.size(); ++i) {
    const size_t stack = Index(profile.samples[i].stack);
    ticks[stack] += profile.ValuesOf(i)[0];
    costs[stack] += kRowCost;
  }
  std::vector<uint32_t> order(profile.stacks.size());
  for (uint32_t i = 0; i < order.size(); ++i) {
    order[i] = i;
    costs[i] += kRowCost + profile.stacks[i].locations.size();
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return ticks[a] > ticks[b]; });
  std::vector<bool> stays(order.size()), located(profile.locations.size());
  size_t spent = 0;
  for (const uint32_t stack : order) {
    spent += costs[stack];
    for (const model::LocationId id : profile.stacks[stack].locations) {
      if (!located[Index(id)]) spent += kRowCost;
      located[Index(id)] = true;
    }
    if (spent > room) break;
    stays[stack] = true;
  }
  return stays;
}

}  // namespace

RunSum::RunSum(size_t max_cost) : max_cost_(max_cost) { Begin(); }

void RunSum::Begin() {
  builder_.emplace(std::initializer_list<std::pair<std::string_view, std::string_view>>{
      {"samples", "count"}, {"cpu", "nanoseconds"}});
  modules_.assign(1, nullptr);
  counted_stacks_ = frames_ = 0;
}

void RunSum::Merge(const model::Profile& from,
                   const std::vector<std::shared_ptr<const model::Module>>& modules) {
  const std::vector<model::MappingId> ids =
      model::MergeProfile(from, &*builder_, model::Links::kDrop);
  const model::Profile& sum = builder_->profile();
  modules_.resize(sum.mappings.size());
  for (size_t i = 1; i < ids.size(); ++i) modules_[Index(ids[i])] = modules[i];
  for (; counted_stacks_ < sum.stacks.size(); ++counted_stacks_) {
    frames_ += sum.stacks[counted_stacks_].locations.size();
  }
  cost_ = frames_ + kRowCost * (sum.stacks.size() + sum.samples.size() + sum.locations.size());
}

void RunSum::Add(const aggregate::AssembledProfile& window) {
  Merge(window.profile, window.mapping_modules);
  // Fewer callers where those alone are too many.
  for (const size_t outer_frames : {8, 2, 0}) {
    if (cost_ > max_cost_) Fold(outer_frames);
  }
}

void RunSum::Fold(size_t outer_frames) {
  const model::LocationId other = builder_->AddNamedFrame("[other]");
  model::Profile all = builder_->Take();
  const std::vector<std::shared_ptr<const model::Module>> modules = std::move(modules_);
  const std::vector<bool> stays = Heaviest(all, max_cost_ / 2);
  std::vector<bool> used(all.locations.size());
  for (size_t i = 0; i < all.stacks.size(); ++i) {
    std::vector<model::LocationId>& frames = all.stacks[i].locations;  // leaf first
    if (!stays[i] && !frames.empty() &&
        (frames.front() != other || frames.size() > outer_frames + 1)) {
      const size_t outer = std::min(outer_frames, frames.size() - 1);
      frames.erase(frames.begin(), frames.end() - static_cast<ptrdiff_t>(outer));
      frames.insert(frames.begin(), other);
    }
    for (const model::LocationId id : frames) used[Index(id)] = true;
  }
  // Rows that are equal become one: what nobody refers to any more goes so.
  for (size_t i = 1; i < all.locations.size(); ++i) {
    if (!used[i]) all.locations[i] = {};
  }
  Begin();
  Merge(all, modules);
}

}  // namespace podo
