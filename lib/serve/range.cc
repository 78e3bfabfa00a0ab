// SPDX-License-Identifier: Apache-2.0
#include "serve/range.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace podo::serve {
namespace {

constexpr int64_t kHourNs = 3'600'000'000'000;
constexpr size_t kMaxPatterns = 16;  // each is a compiled automaton

std::string Text(const base::Status& status) { return std::string(status.message()); }

bool ReadTime(const Target& target, const std::string& name, int64_t now_ns, int64_t* time_ns,
              BadRequest* bad) {
  const std::string* text = target.Find(name);
  if (text == nullptr) return true;
  const base::StatusOr<int64_t> parsed = ParseTime(*text, now_ns);
  if (!parsed.ok()) {
    *bad = {name, absl::StrCat(name, ": ", Text(parsed.status()))};
    return false;
  }
  *time_ns = *parsed;
  return true;
}

bool ReadRange(const Target& target, const std::string& prefix, int64_t now_ns,
               history::Query* query, BadRequest* bad) {
  const std::string from = prefix + "from", until = prefix + "until";
  if (!prefix.empty() && (target.Find(from) == nullptr || target.Find(until) == nullptr)) {
    const std::string& missing = target.Find(from) == nullptr ? from : until;
    *bad = {missing, absl::StrCat(missing,
                                  " is missing: the begin and end of the earlier range "
                                  "are base_from and base_until")};
    return false;
  }
  query->from_ns = now_ns > kHourNs ? now_ns - kHourNs : 0;
  query->until_ns = now_ns;
  if (!ReadTime(target, from, now_ns, &query->from_ns, bad)) return false;
  if (!ReadTime(target, until, now_ns, &query->until_ns, bad)) return false;
  if (query->from_ns < query->until_ns) return true;
  *bad = {until, absl::StrCat(until, " is not after ", from,
                              "; accepted: a range that begins before "
                              "it ends")};
  return false;
}

history::LabelMatch* MatchOf(const std::string& key, std::vector<history::LabelMatch>* matches) {
  const auto found = std::find_if(matches->begin(), matches->end(),
                                  [&](const history::LabelMatch& m) { return m.key == key; });
  if (found != matches->end()) return &*found;
  matches->push_back({key, {}, nullptr});
  return &matches->back();
}

// Either of both takes a value.
Predicate Either(Predicate first, Predicate second) {
  if (first == nullptr) return second;
  return [first = std::move(first), second = std::move(second)](std::string_view value) {
    return first(value) || second(value);
  };
}

bool ReadLabels(const Target& target, const std::string& prefix, const CompilePattern& compile,
                std::vector<history::LabelMatch>* matches, BadRequest* bad) {
  const std::string equal = prefix + "label.", like = prefix + "label~.";
  size_t patterns = 0;
  for (const base::KeyValue& parameter : target.parameters) {
    const std::string_view name = parameter.key;
    const bool is_equal = name.starts_with(equal), is_like = name.starts_with(like);
    if (!is_equal && !is_like) continue;
    const std::string key(name.substr(is_equal ? equal.size() : like.size()));
    if (key.empty()) {
      *bad = {parameter.key, absl::StrCat(parameter.key, " names no label; accepted: ", equal,
                                          "endpoint=/pay, or ", like, "endpoint=/p.*")};
      return false;
    }
    if (is_equal) {
      MatchOf(key, matches)->values.push_back(parameter.value);
      continue;
    }
    base::StatusOr<Predicate> pattern =
        ++patterns > kMaxPatterns ? base::InvalidArgumentError(absl::StrCat(
                                        "too many patterns; accepted: at most ", kMaxPatterns))
                                  : compile(parameter.value);
    if (!pattern.ok()) {
      *bad = {parameter.key, absl::StrCat(parameter.key, ": ", Text(pattern.status()))};
      return false;
    }
    history::LabelMatch* match = MatchOf(key, matches);
    match->pattern = Either(std::move(match->pattern), *std::move(pattern));
  }
  return true;
}

}  // namespace

bool ReadQuery(const Target& target, std::string_view prefix, const history::Query* otherwise,
               int64_t now_ns, const CompilePattern& compile, history::Query* query,
               BadRequest* bad) {
  const std::string before(prefix);
  if (const std::string* type = target.Find("type"); type != nullptr && *type != "cpu") {
    *bad = {"type",
            absl::StrCat("type: \"", type->substr(0, 60), "\" is not known; accepted: cpu")};
    return false;
  }
  if (!ReadRange(target, before, now_ns, query, bad)) return false;
  if (!ReadLabels(target, before, compile, &query->labels, bad)) return false;
  if (query->labels.empty() && otherwise != nullptr) query->labels = otherwise->labels;
  return true;
}

bool ReadNumber(const Target& target, std::string_view name, int64_t least, int64_t most,
                int64_t fallback, int64_t* value, BadRequest* bad) {
  *value = fallback;
  const std::string* text = target.Find(name);
  if (text == nullptr || text->empty()) return true;
  const base::StatusOr<int64_t> parsed = base::ParseInteger(*text);
  if (parsed.ok() && *parsed >= least && *parsed <= most) {
    *value = *parsed;
    return true;
  }
  *bad = {std::string(name),
          absl::StrCat(std::string(name), ": \"", text->substr(0, 60),
                       "\" is not accepted; accepted: a whole number from ", least, " to ", most)};
  return false;
}

}  // namespace podo::serve
