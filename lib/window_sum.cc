// SPDX-License-Identifier: Apache-2.0
#include "window_sum.h"

#include <algorithm>
#include <utility>

#include "model/merge.h"

namespace podo {
namespace {

void AddTotals(const model::WindowTotals& piece, model::WindowTotals* sum) {
  sum->duration_ns += piece.duration_ns;
  sum->process_cpu_ns += piece.process_cpu_ns;
  sum->own_cpu_ns += piece.own_cpu_ns;
  sum->ticks += piece.ticks;
  sum->own_ticks += piece.own_ticks;
  sum->foreign_ticks += piece.foreign_ticks;
  sum->ring_full += piece.ring_full;
  sum->no_ring += piece.no_ring;
  sum->nested += piece.nested;
  sum->small_stack += piece.small_stack;
  sum->paused += piece.paused;
  sum->unsampled += piece.unsampled;
  sum->over_budget += piece.over_budget;
  sum->rate_divisor = std::max(sum->rate_divisor, piece.rate_divisor);
  if (sum->frames_left == 0 || (piece.frames_left != 0 && piece.frames_left < sum->frames_left)) {
    sum->frames_left = piece.frames_left;
  }
}

}  // namespace

void WindowSum::Add(const aggregate::AssembledProfile& piece, const model::WindowTotals& totals) {
  if (!builder_.has_value()) {
    builder_.emplace(std::initializer_list<std::pair<std::string_view, std::string_view>>{
        {"samples", "count"}, {"cpu", "nanoseconds"}});
    modules_.assign(1, nullptr);
    totals_ = totals;
  } else {
    AddTotals(totals, &totals_);
  }
  misdelivered_ += piece.misdelivered;
  const std::vector<model::MappingId> ids = model::MergeProfile(piece.profile, &*builder_);
  modules_.resize(builder_->profile().mappings.size());
  for (size_t i = 1; i < ids.size(); ++i) modules_[model::Index(ids[i])] = piece.mapping_modules[i];
}

aggregate::AssembledProfile WindowSum::Take() {
  aggregate::AssembledProfile sum;
  sum.profile = builder_->Take();
  builder_.reset();
  sum.mapping_modules = std::exchange(modules_, {});
  sum.misdelivered = std::exchange(misdelivered_, 0);
  sum.summary = aggregate::SummaryOf(totals_);
  sum.profile.period = totals_.PeriodNs();
  sum.profile.time_ns = totals_.begin_wall_ns;  // also if the clock was set back in between
  std::vector<int64_t>& values = sum.profile.values;
  for (size_t i = 0; i + 1 < values.size(); i += 2) values[i + 1] = values[i] * sum.profile.period;
  return sum;
}

}  // namespace podo
