// SPDX-License-Identifier: Apache-2.0
#include "serve/api.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "serve/answers.h"
#include "serve/profile_forms.h"

namespace podo::serve {
namespace {

using history::Query;

constexpr int64_t kMaxPoints = 5000;
constexpr int64_t kPoints = 600;
constexpr size_t kShownValues = 10;
constexpr size_t kListedValues = 100;

// Joins what `write` gives for each of `items` by commas, in brackets.
template <typename Items, typename Write>
std::string JsonList(const Items& items, Write write) {
  std::string text = "[";
  for (const auto& item : items) absl::StrAppend(&text, text.size() > 1 ? "," : "", write(item));
  text += "]";
  return text;
}

bool ReadRangeOf(const Target& target, const Sources& sources, Query* query, BadRequest* bad) {
  return ReadQuery(target, "", nullptr, sources.now_ns(), sources.compile_pattern, query, bad);
}

std::string MsOrNull(int64_t ns) { return ns == 0 ? "null" : absl::StrCat(ToMs(ns)); }

Response Status(const Sources& sources) {
  const Identity& who = sources.identity;
  const podo_stats stats = sources.stats();
  const history::HistoryStats kept = sources.history_stats();
  const std::string why = sources.stopped_because();
  return JsonAnswer(absl::StrCat(
      "{\"service\":", JsonText(who.service), ",\"instance_id\":", JsonText(who.instance_id),
      ",\"version\":", JsonText(who.version), ",\"pid\":", who.pid,
      ",\"host\":", JsonText(who.host), ",\"started_ms\":", ToMs(who.started_ns),
      ",\"now_ms\":", ToMs(sources.now_ns()), ",\"state\":\"", why.empty() ? "running" : "stopped",
      "\",\"window_ms\":", ToMs(who.window_ns), ",\"sample_hz\":", stats.sample_hz,
      ",\"sampling_ratio\":", stats.sampling_ratio, ",\"history\":{\"begin_ms\":",
      MsOrNull(kept.begin_ns), ",\"end_ms\":", MsOrNull(kept.end_ns), ",\"windows\":", kept.windows,
      ",\"bytes\":", kept.bytes, ",\"max_bytes\":", who.history_max_bytes,
      ",\"disk_bytes\":", kept.disk_bytes, "},\"note\":", JsonText(why), "}\n"));
}

Response Timeline(const Target& target, const Sources& sources) {
  history::TimelineQuery wanted;
  BadRequest bad;
  int64_t points = 0;
  if (!ReadRangeOf(target, sources, &wanted.query, &bad) ||
      !ReadNumber(target, "points", 1, kMaxPoints, kPoints, &points, &bad)) {
    return JsonError(bad);
  }
  if (const std::string* by = target.Find("by")) wanted.by = *by;
  wanted.max_points = static_cast<size_t>(points);
  wanted.max_values = kShownValues;
  const base::StatusOr<history::Timeline> timeline = sources.timeline(wanted);
  if (!timeline.ok()) return JsonError(timeline.status());
  const size_t values = timeline->values.size();
  const bool has_rest =
      std::any_of(timeline->points.begin(), timeline->points.end(),
                  [&](const auto& p) { return p.cpu_ns.size() > values && p.cpu_ns[values] != 0; });
  const auto write_point = [&](const history::TimelinePoint& p) {
    std::vector<int64_t> cpu_ns = p.cpu_ns;
    cpu_ns.resize(values + (has_rest ? 1 : 0));
    return absl::StrCat("{\"t\":", ToMs(p.begin_ns), ",\"d\":", ToMs(p.duration_ns),
                        ",\"cpu\":", JsonList(cpu_ns, [](int64_t ns) { return absl::StrCat(ns); }),
                        "}");
  };
  return JsonAnswer(absl::StrCat("{\"by\":", JsonText(wanted.by),
                                 ",\"values\":", JsonList(timeline->values, JsonText),
                                 ",\"rest\":", has_rest ? "true" : "false",
                                 ",\"points\":", JsonList(timeline->points, write_point),
                                 ",\"resolution\":", ResolutionJson(timeline->resolution), "}\n"));
}

Response Labels(const Target& target, const Sources& sources) {
  Query query;
  BadRequest bad;
  if (!ReadRangeOf(target, sources, &query, &bad)) return JsonError(bad);
  const base::StatusOr<std::vector<history::LabelKey>> keys = sources.labels(query, kListedValues);
  if (!keys.ok()) return JsonError(keys.status());
  const auto write_value = [](const history::LabelValue& v) {
    return absl::StrCat("{\"value\":", JsonText(v.value), ",\"cpu_ns\":", v.cpu_ns, "}");
  };
  const auto write_key = [&](const history::LabelKey& key) {
    return absl::StrCat("{\"key\":", JsonText(key.key),
                        ",\"values\":", JsonList(key.values, write_value), ",\"more\":", key.more,
                        "}");
  };
  return JsonAnswer(absl::StrCat("{\"labels\":", JsonList(*keys, write_key), "}\n"));
}

Response Profile(const Target& target, const Sources& sources) {
  Query query;
  BadRequest bad;
  Form form{};
  if (!ReadRangeOf(target, sources, &query, &bad) || !ReadForm(target, &form, &bad)) {
    return JsonError(bad);
  }
  const base::StatusOr<history::ProfileAnswer> answer = sources.profile(query);
  if (!answer.ok()) return JsonError(answer.status());
  return ProfileInForm(*answer, form, sources.identity.service);
}

Response Difference(const Target& target, const Sources& sources) {
  Query after, before;
  BadRequest bad;
  Form form{};
  if (!ReadRangeOf(target, sources, &after, &bad) ||
      !ReadQuery(target, "base_", &after, sources.now_ns(), sources.compile_pattern, &before,
                 &bad) ||
      !ReadForm(target, &form, &bad)) {
    return JsonError(bad);
  }
  const base::StatusOr<history::ProfileAnswer> later = sources.profile(after);
  if (!later.ok()) return JsonError(later.status());
  const base::StatusOr<history::ProfileAnswer> earlier = sources.profile(before);
  if (!earlier.ok()) return JsonError(earlier.status());
  return DifferenceInForm(*earlier, *later, form, sources.identity.service);
}

}  // namespace

Response AnswerApi(const Target& target, const Sources& sources) {
  if (target.path == "/api/v1/status") return Status(sources);
  if (target.path == "/api/v1/timeline") return Timeline(target, sources);
  if (target.path == "/api/v1/labels") return Labels(target, sources);
  if (target.path == "/api/v1/profile") return Profile(target, sources);
  if (target.path == "/api/v1/diff") return Difference(target, sources);
  return JsonError(404,
                   "no such question; accepted: /api/v1/ with status, timeline, labels, profile, "
                   "diff");
}

}  // namespace podo::serve
