// SPDX-License-Identifier: Apache-2.0
#include "encode/pyroscope_encoder.h"

#include <algorithm>
#include <protozero/pbf_writer.hpp>
#include <span>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "base/compress.h"
#include "encode/otlp_encoder.h"
#include "encode/pprof_encoder.h"
#include "encode/write_order.h"
#include "model/utf8.h"

namespace podo::encode {
namespace {

using protozero::pbf_writer;

constexpr size_t kMaxLabels = 30;
constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kMaxValueBytes = 2048;

// push.v1, grafana/pyroscope api/push/v1/push.proto
namespace field {
constexpr uint32_t kSeries = 1;      // of PushRequest
constexpr uint32_t kLabels = 1;      // of RawProfileSeries
constexpr uint32_t kSamples = 2;     //
constexpr uint32_t kLabelName = 1;   // of LabelPair
constexpr uint32_t kLabelValue = 2;  //
constexpr uint32_t kRawProfile = 1;  // of RawSample
constexpr uint32_t kSampleUuid = 2;  //
}  // namespace field

bool IsNameChar(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (!first && c >= '0' && c <= '9');
}

// [a-zA-Z_][a-zA-Z0-9_]*: what every version accepts.
std::string SanitizedName(std::string_view name) {
  std::string result;
  for (const char c : name.substr(0, kMaxNameBytes - 1)) {
    if (result.empty() && c >= '0' && c <= '9') result += '_';
    result += IsNameChar(c, result.empty()) ? c : '_';
  }
  return result;
}

// Valid UTF-8 of at most kMaxValueBytes, cut between characters.
std::string SanitizedValue(std::string_view value) {
  std::string text = model::ToValidUtf8(value.substr(0, kMaxValueBytes * 2));
  if (text.size() <= kMaxValueBytes) return text;
  size_t end = kMaxValueBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text;
}

// The name Pyroscope's own agents give a profile with these sample types.
std::string_view ProfileName(const model::Profile& profile) {
  struct Known {
    std::string_view type, name;
  };
  constexpr Known kKnown[] = {
      {"cpu", "process_cpu"},   {"samples", "process_cpu"}, {"wall", "wall"},
      {"off_cpu", "off_cpu"},   {"alloc_space", "memory"},  {"inuse_space", "memory"},
      {"contentions", "mutex"},
  };
  for (const Known& known : kKnown) {
    for (const model::ValueType& type : profile.sample_types) {
      if (profile.String(type.type) == known.type) return known.name;
    }
  }
  return "podo";
}

std::string UuidText(const OtlpProfileId& id) {
  const std::string hex = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(id.data()), id.size()));
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

// `profile` without what is dropped in silence: '-' in a type's name, negative values.
model::Profile Acceptable(model::Profile profile) {
  for (int64_t& value : profile.values) value = std::max(value, int64_t{0});
  for (model::ValueType& type : profile.sample_types) {
    std::string name = profile.String(type.type);
    if (name.find('-') == std::string::npos) continue;
    std::replace(name.begin(), name.end(), '-', '_');
    type.type = static_cast<model::StringId>(profile.strings.size());
    profile.strings.push_back(std::move(name));
  }
  return profile;
}

// The same tables with only the samples `indices`.
model::Profile WithSamples(const model::Profile& profile, std::span<const uint32_t> indices) {
  model::Profile part = profile;
  part.samples.clear();
  part.values.clear();
  for (const uint32_t i : indices) {
    part.samples.push_back(profile.samples[i]);
    part.values.insert(part.values.end(), profile.ValuesOf(i),
                       profile.ValuesOf(i) + profile.sample_types.size());
  }
  return part;
}

std::string PushBytes(const std::vector<LabelPair>& labels, std::string_view gz,
                      const OtlpProfileId& id) {
  std::string bytes;
  pbf_writer request(bytes);
  pbf_writer series(request, field::kSeries);
  for (const auto& [name, value] : labels) {
    pbf_writer pair(series, field::kLabels);
    pair.add_string(field::kLabelName, name);
    pair.add_string(field::kLabelValue, value);
  }
  pbf_writer sample(series, field::kSamples);
  sample.add_bytes(field::kRawProfile, gz.data(), gz.size());
  sample.add_string(field::kSampleUuid, UuidText(id));
  sample.commit();
  series.commit();
  return bytes;
}

class Pusher {
 public:
  Pusher(const model::Profile& profile, const PyroscopeOptions& options)
      : profile_(profile), options_(options), labels_(SeriesLabels(profile, options.labels)) {}

  // Halves what is too large until every part fits.
  base::Status Push(std::span<const uint32_t> samples) {
    if (samples.size() <= std::max(options_.max_samples, size_t{1})) {
      const std::string pprof = EncodePprof(WithSamples(profile_, samples));
      if (samples.size() <= 1 || pprof.size() <= options_.max_profile_bytes) {
        const auto gz = base::GzipCompress(pprof);
        if (!gz.ok()) return gz.status();
        const auto id = DeriveProfileId(options_.push_id, static_cast<uint32_t>(pushes_.size()));
        pushes_.push_back({PushBytes(labels_, *gz, id), samples.size()});
        return base::OkStatus();
      }
    }
    const size_t half = samples.size() / 2;
    if (const base::Status status = Push(samples.first(half)); !status.ok()) return status;
    return Push(samples.subspan(half));
  }
  std::vector<PyroscopePush> Take() { return std::move(pushes_); }

 private:
  const model::Profile& profile_;
  const PyroscopeOptions& options_;
  const std::vector<LabelPair> labels_;
  std::vector<PyroscopePush> pushes_;
};

}  // namespace

std::vector<LabelPair> SeriesLabels(const model::Profile& profile,
                                    const std::vector<LabelPair>& labels) {
  std::vector<LabelPair> series = {{"__name__", std::string(ProfileName(profile))},
                                   {"__delta__", "false"}};
  constexpr char kService[] = "service_name";
  const auto add = [&](std::string name, std::string value) {
    const bool known = std::any_of(series.begin(), series.end(),
                                   [&](const LabelPair& other) { return other.first == name; });
    if (known || name.empty() || value.empty() || series.size() >= kMaxLabels) return;
    series.emplace_back(std::move(name), std::move(value));
  };
  for (const auto& [name, value] : labels) {
    if (SanitizedName(name) == kService) add(kService, SanitizedValue(value));
  }
  add(kService, "unknown_service");
  for (const auto& [name, value] : labels) {
    if (!SanitizedName(name).starts_with("__")) add(SanitizedName(name), SanitizedValue(value));
  }
  std::sort(series.begin(), series.end());
  return series;
}

base::StatusOr<std::vector<PyroscopePush>> EncodePyroscope(const model::Profile& profile,
                                                           const PyroscopeOptions& options) {
  const model::Profile acceptable = Acceptable(profile);
  std::vector<uint32_t> samples = OrderToCompress(acceptable).samples;
  std::erase_if(samples, [&](uint32_t i) {
    const int64_t* values = acceptable.ValuesOf(i);
    return std::all_of(values, values + acceptable.sample_types.size(),
                       [](int64_t value) { return value == 0; });
  });
  Pusher pusher(acceptable, options);
  if (samples.empty()) return pusher.Take();
  if (const base::Status status = pusher.Push(samples); !status.ok()) return status;
  return pusher.Take();
}

}  // namespace podo::encode
