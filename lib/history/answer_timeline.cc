// SPDX-License-Identifier: Apache-2.0
// CPU time over time.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/hash_map.h"
#include "history/snapshot.h"
#include "model/saturating.h"

namespace podo::history {
namespace {

using model::SaturatingAdd;

// CPU time of each value of a label.
class ValueTotals final : public WindowVisitor {
 public:
  explicit ValueTotals(const std::string& by) : by_(by) {}

  void Begin(const Contents& contents) override {
    of_sets_.assign(contents.tables.label_set_ends.size(), 0);
    seen_.assign(of_sets_.size(), false);
  }
  void Visit(const Contents& contents, const WindowHead&,
             absl::Span<const WindowSample> samples) override {
    for (const WindowSample& s : samples) {
      const uint32_t set = contents.tables.keys[s.key].label_set;
      of_sets_[set] = SaturatingAdd(of_sets_[set], s.cpu_ns);
      seen_[set] = true;
    }
  }
  base::Status End(const Contents& contents) override {
    for (uint32_t set = 0; set < of_sets_.size(); ++set) {
      if (!seen_[set]) continue;
      std::string value = LabelText(contents.tables, set, by_);
      bytes_ += value.size() + sizeof(value);
      int64_t& sum = totals_[std::move(value)];
      sum = SaturatingAdd(sum, of_sets_[set]);
    }
    return bytes_ > kMaxAnswerBytes ? TooMuchToAnswer(bytes_) : base::OkStatus();
  }

  std::vector<std::string> Largest(size_t count) const {
    std::vector<std::pair<int64_t, std::string>> order;
    for (const auto& [value, cpu_ns] : totals_) order.emplace_back(cpu_ns, value);
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    std::vector<std::string> values;
    for (const auto& [cpu_ns, value] : order) {
      if (values.size() < count) values.push_back(value);
    }
    return values;
  }

 private:
  const std::string& by_;
  std::vector<int64_t> of_sets_;
  std::vector<bool> seen_;
  base::HashMap<std::string, int64_t> totals_;
  size_t bytes_ = 0;
};

// A point a window.
class Drawing final : public WindowVisitor {
 public:
  Drawing(const std::string& by, const std::vector<std::string>& values,
          std::vector<TimelinePoint>* points)
      : by_(by), values_(values), points_(*points) {}

  void Begin(const Contents& contents) override {
    of_sets_.clear();
    for (uint32_t set = 0; set < contents.tables.label_set_ends.size(); ++set) {
      const std::string value = by_.empty() ? "" : LabelText(contents.tables, set, by_);
      of_sets_.push_back(std::find(values_.begin(), values_.end(), value) - values_.begin());
    }
  }
  void Visit(const Contents& contents, const WindowHead& head,
             absl::Span<const WindowSample> samples) override {
    if (bytes_ > kMaxAnswerBytes) return;
    TimelinePoint& point = points_.emplace_back();
    point.begin_ns = head.begin_ns;
    point.duration_ns = head.span_ns();
    point.cpu_ns.resize(values_.size() + 1);
    bytes_ += sizeof(point) + point.cpu_ns.size() * sizeof(int64_t);
    for (const WindowSample& s : samples) {
      int64_t& sum = point.cpu_ns[of_sets_[contents.tables.keys[s.key].label_set]];
      sum = SaturatingAdd(sum, s.cpu_ns);
    }
  }
  base::Status End(const Contents&) override {
    return bytes_ > kMaxAnswerBytes ? TooMuchToAnswer(bytes_) : base::OkStatus();
  }

 private:
  const std::string& by_;
  const std::vector<std::string>& values_;
  std::vector<TimelinePoint>& points_;
  std::vector<size_t> of_sets_;  // place of each label set's value
  size_t bytes_ = 0;
};

int64_t EndOf(const TimelinePoint& p) { return SaturatingAdd(p.begin_ns, p.duration_ns); }

void AddTo(TimelinePoint* sum, const TimelinePoint& p) {
  const int64_t end_ns = std::max(EndOf(*sum), EndOf(p));
  sum->begin_ns = std::min(sum->begin_ns, p.begin_ns);
  sum->duration_ns = end_ns - sum->begin_ns;
  for (size_t i = 0; i < p.cpu_ns.size(); ++i) {
    sum->cpu_ns[i] = SaturatingAdd(sum->cpu_ns[i], p.cpu_ns[i]);
  }
}

// Neighbours that together, with what lies between them, are no longer than `length_ns`. What went
// back in time is no neighbour.
std::vector<TimelinePoint> Joined(const std::vector<TimelinePoint>& points, double length_ns) {
  std::vector<TimelinePoint> joined;
  for (const TimelinePoint& p : points) {
    const bool joins =
        !joined.empty() && p.begin_ns >= joined.back().begin_ns &&
        static_cast<double>(EndOf(p)) - static_cast<double>(joined.back().begin_ns) <= length_ns;
    if (joins) {
      AddTo(&joined.back(), p);
    } else {
      joined.push_back(p);
    }
  }
  return joined;
}

std::vector<TimelinePoint> AtMost(size_t max_points, std::vector<TimelinePoint> points) {
  max_points = std::max<size_t>(max_points, 1);
  if (points.size() <= max_points) return points;
  double total_ns = 0;
  for (const TimelinePoint& p : points) total_ns += static_cast<double>(p.duration_ns);
  double length_ns = total_ns / static_cast<double>(max_points);
  constexpr int kTries = 64;  // 1.25^64 > 10^6: by then only a clock that leaps about is in the way
  for (int i = 0; i < kTries; ++i, length_ns *= 1.25) {
    std::vector<TimelinePoint> joined = Joined(points, length_ns);
    if (joined.size() <= max_points) return joined;
  }
  const size_t each = (points.size() + max_points - 1) / max_points;
  std::vector<TimelinePoint> joined;
  for (size_t i = 0; i < points.size(); ++i) {
    if (i % each == 0) {
      joined.push_back(points[i]);
    } else {
      AddTo(&joined.back(), points[i]);
    }
  }
  return joined;
}

}  // namespace

base::StatusOr<Timeline> AnswerTimeline(const Snapshot& snapshot, const TimelineQuery& query) {
  Timeline timeline;
  timeline.values = {""};
  if (!query.by.empty()) {
    ValueTotals totals(query.by);
    Resolution resolution;
    if (base::Status failed = VisitWindows(snapshot, query.query, &totals, &resolution);
        !failed.ok()) {
      return failed;
    }
    timeline.values = totals.Largest(query.max_values);
  }
  std::vector<TimelinePoint> points;
  Drawing drawing(query.by, timeline.values, &points);
  if (base::Status failed = VisitWindows(snapshot, query.query, &drawing, &timeline.resolution);
      !failed.ok()) {
    return failed;
  }
  timeline.points = AtMost(query.max_points, std::move(points));
  return timeline;
}

}  // namespace podo::history
