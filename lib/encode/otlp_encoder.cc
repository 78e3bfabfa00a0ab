// SPDX-License-Identifier: Apache-2.0
#include "encode/otlp_encoder.h"

#include <algorithm>
#include <optional>
#include <protozero/pbf_writer.hpp>
#include <span>
#include <tuple>
#include <utility>

#include "base/hash_map.h"
#include "base/sha256.h"
#include "encode/otlp_dictionary.h"
#include "encode/otlp_fields.h"
#include "encode/write_order.h"
#include "model/saturating.h"
#include "model/utf8.h"

namespace podo::encode {
namespace {

using model::Index;
using protozero::pbf_writer;

bool IsType(const model::Profile& profile, const model::ValueType& type, std::string_view name,
            std::string_view unit) {
  return profile.String(type.type) == name && profile.String(type.unit) == unit;
}

// True if the profile is (samples, count), (cpu, nanoseconds) and the second says nothing that the
// first and the period do not say.
bool IsCpuByCount(const model::Profile& profile) {
  if (profile.sample_types.size() != 2 || profile.period <= 0 ||
      !IsType(profile, profile.sample_types[0], "samples", "count") ||
      !IsType(profile, profile.sample_types[1], "cpu", "nanoseconds") ||
      !IsType(profile, profile.period_type, "cpu", "nanoseconds")) {
    return false;
  }
  for (size_t i = 0; i < profile.samples.size(); ++i) {
    const int64_t* values = profile.ValuesOf(i);
    int64_t cpu_ns = 0;
    if (__builtin_mul_overflow(values[0], profile.period, &cpu_ns) || cpu_ns != values[1]) {
      return false;
    }
  }
  return true;
}

// Which sample types become Profile messages, in order: receivers show the first one.
std::vector<size_t> TypesToSend(const model::Profile& profile) {
  if (IsCpuByCount(profile)) return {0};
  std::vector<size_t> types;
  const std::string& wanted = profile.String(profile.default_sample_type);
  for (size_t i = 0; i < profile.sample_types.size(); ++i) {
    const bool is_default = profile.String(profile.sample_types[i].type) == wanted;
    types.insert(is_default && !wanted.empty() ? types.begin() : types.end(), i);
  }
  return types;
}

std::vector<OtlpAttribute> Mended(std::vector<OtlpAttribute> attributes) {
  for (OtlpAttribute& attribute : attributes) {
    attribute.key = model::ToValidUtf8(attribute.key);
    if (auto* text = std::get_if<std::string>(&attribute.value)) *text = model::ToValidUtf8(*text);
  }
  std::vector<OtlpAttribute> kept;
  for (OtlpAttribute& attribute : attributes) {
    const bool known = std::any_of(kept.begin(), kept.end(), [&](const OtlpAttribute& other) {
      return other.key == attribute.key;
    });
    if (!known && !attribute.key.empty()) kept.push_back(std::move(attribute));
  }
  return kept;
}

// What all requests of one profile share.
struct Job {
  const model::Profile& profile;
  OtlpOptions options;        // attributes mended
  std::vector<size_t> types;  // as TypesToSend
  WriteOrder order;           // samples without those whose values are all 0

  bool HasValue(uint32_t sample) const {
    const int64_t* values = profile.ValuesOf(sample);
    return std::any_of(types.begin(), types.end(), [&](size_t t) { return values[t] != 0; });
  }
};

// One request: the samples `indices` of the profile.
class RequestEncoder {
 public:
  RequestEncoder(const Job& job, std::span<const uint32_t> indices)
      : job_(job), profile_(job.profile), indices_(indices), dictionary_(job.profile) {}

  // Nothing if it gets longer than the limit. `first_number` is that of its first Profile message.
  std::optional<std::string> Encode(uint32_t first_number, size_t max_bytes) {
    AddLocations();
    for (const uint32_t index : indices_) {
      AddSample(index);
      if (dictionary_.wire_bytes() > max_bytes) return std::nullopt;
    }
    std::string bytes;
    pbf_writer request(bytes);
    AddResourceProfiles(&request, first_number);
    {
      pbf_writer dictionary(request, otlp::request::kDictionary);
      dictionary_.WriteTo(&dictionary);
    }
    if (bytes.size() > max_bytes) return std::nullopt;
    return bytes;
  }

 private:
  using Identity = std::tuple<uint32_t, uint32_t, uint32_t>;  // stack, attributes, link
  struct Merged {
    uint32_t stack = 0;
    std::vector<uint32_t> attributes;
    uint32_t link = 0;
    std::vector<int64_t> values;  // by place in job_.types
  };

  void AddLocations();
  void AddSample(uint32_t index);
  void AddResourceProfiles(pbf_writer* request, uint32_t first_number);
  void AddProfile(pbf_writer* scope_profiles, size_t place, uint32_t number);
  void AddValueType(pbf_writer* profile, uint32_t tag, const model::ValueType& type);
  void AddSamples(pbf_writer* profile, size_t place);
  bool IsWritten(const Merged& sample, size_t place) const;

  const Job& job_;
  const model::Profile& profile_;
  const std::span<const uint32_t> indices_;
  OtlpDictionary dictionary_;
  OtlpTable attribute_lists_;  // as bytes; never written
  base::HashMap<Identity, size_t> places_;
  std::vector<Merged> samples_;
};

void RequestEncoder::AddLocations() {
  std::vector<bool> used(profile_.locations.size());
  for (const uint32_t index : indices_) {
    for (const auto id : profile_.stacks[Index(profile_.samples[index].stack)].locations) {
      used[Index(id)] = true;
    }
  }
  for (const uint32_t location : job_.order.locations) {
    if (used[location]) dictionary_.Location(static_cast<model::LocationId>(location));
  }
}

void RequestEncoder::AddSample(uint32_t index) {
  const model::Sample& sample = profile_.samples[index];
  Merged merged;
  merged.stack = dictionary_.Stack(sample.stack);
  merged.attributes = dictionary_.Labels(sample.labels, job_.options.every_sample);
  merged.link = dictionary_.Link(sample.link);
  const std::string_view list(reinterpret_cast<const char*>(merged.attributes.data()),
                              merged.attributes.size() * sizeof(uint32_t));
  const auto [it, inserted] = places_.try_emplace(
      Identity{merged.stack, attribute_lists_.Add(list), merged.link}, samples_.size());
  if (inserted) {
    merged.values.resize(job_.types.size());
    samples_.push_back(std::move(merged));
  }
  for (size_t i = 0; i < job_.types.size(); ++i) {
    int64_t& sum = samples_[it->second].values[i];
    sum = model::SaturatingAdd(sum, profile_.ValuesOf(index)[job_.types[i]]);
  }
}

// Should opposite values have cancelled out, the sample is written all the same, once: its stack is
// in the dictionary already, and nothing there may be without use.
bool RequestEncoder::IsWritten(const Merged& sample, size_t place) const {
  if (sample.values[place] != 0) return true;
  return place == 0 && std::all_of(sample.values.begin(), sample.values.end(),
                                   [](int64_t value) { return value == 0; });
}

void RequestEncoder::AddResourceProfiles(pbf_writer* request, uint32_t first_number) {
  pbf_writer resource_profiles(*request, otlp::request::kResourceProfiles);
  {
    pbf_writer resource(resource_profiles, otlp::resource_profiles::kResource);
    for (const OtlpAttribute& attribute : job_.options.resource) {
      pbf_writer key_value(resource, otlp::resource::kAttributes);
      key_value.add_string(otlp::key_value::kKey, attribute.key);
      AddAnyValue(&key_value, otlp::key_value::kValue, attribute);
    }
  }
  {
    pbf_writer scope_profiles(resource_profiles, otlp::resource_profiles::kScopeProfiles);
    {
      pbf_writer scope(scope_profiles, otlp::scope_profiles::kScope);
      scope.add_string(otlp::scope::kName, otlp::kScopeName);
      if (!job_.options.scope_version.empty()) {
        scope.add_string(otlp::scope::kVersion, job_.options.scope_version);
      }
    }
    for (size_t place = 0; place < job_.types.size(); ++place) {
      const uint32_t number = first_number + static_cast<uint32_t>(place);
      const bool any = std::any_of(samples_.begin(), samples_.end(),
                                   [&](const Merged& s) { return IsWritten(s, place); });
      if (any) AddProfile(&scope_profiles, place, number);
    }
    scope_profiles.add_string(otlp::scope_profiles::kSchemaUrl, otlp::kSchemaUrl);
  }
  resource_profiles.add_string(otlp::resource_profiles::kSchemaUrl, otlp::kSchemaUrl);
}

void RequestEncoder::AddProfile(pbf_writer* scope_profiles, size_t place, uint32_t number) {
  namespace field = otlp::profile;
  pbf_writer profile(*scope_profiles, otlp::scope_profiles::kProfiles);
  AddValueType(&profile, field::kSampleType, profile_.sample_types[job_.types[place]]);
  AddSamples(&profile, place);
  const auto not_negative = [](int64_t value) {
    return static_cast<uint64_t>(std::max(value, int64_t{0}));
  };
  if (profile_.time_ns > 0)
    profile.add_fixed64(field::kTimeUnixNano, not_negative(profile_.time_ns));
  if (profile_.duration_ns > 0) {
    profile.add_uint64(field::kDurationNano, not_negative(profile_.duration_ns));
  }
  AddValueType(&profile, field::kPeriodType, profile_.period_type);
  if (profile_.period > 0) profile.add_int64(field::kPeriod, profile_.period);
  if (job_.options.profile_id != OtlpProfileId{}) {
    const OtlpProfileId id = DeriveProfileId(job_.options.profile_id, number);
    profile.add_bytes(field::kProfileId, reinterpret_cast<const char*>(id.data()), id.size());
  }
  if (!profile_.comments.empty()) {
    const uint32_t attributes[] = {dictionary_.CommentAttribute(profile_.comments)};
    profile.add_packed_uint32(field::kAttributeIndices, std::begin(attributes),
                              std::end(attributes));
  }
}

// Written even if it is the zero value: receivers want the message to be there.
void RequestEncoder::AddValueType(pbf_writer* profile, uint32_t tag, const model::ValueType& type) {
  std::string bytes;
  pbf_writer message(bytes);
  const uint32_t name = dictionary_.String(type.type);
  const uint32_t unit = dictionary_.String(type.unit);
  if (name != 0) message.add_uint32(otlp::value_type::kType, name);
  if (unit != 0) message.add_uint32(otlp::value_type::kUnit, unit);
  profile->add_message(tag, bytes);
}

void RequestEncoder::AddSamples(pbf_writer* profile, size_t place) {
  for (const Merged& sample : samples_) {
    if (!IsWritten(sample, place)) continue;
    pbf_writer message(*profile, otlp::profile::kSamples);
    if (sample.stack != 0) message.add_uint32(otlp::sample::kStackIndex, sample.stack);
    message.add_packed_uint32(otlp::sample::kAttributeIndices, sample.attributes.begin(),
                              sample.attributes.end());
    if (sample.link != 0) message.add_uint32(otlp::sample::kLinkIndex, sample.link);
    const int64_t* value = &sample.values[place];
    message.add_packed_int64(otlp::sample::kValues, value, value + 1);
  }
}

// Halves what is too large until every part fits.
void EncodeRange(const Job& job, std::span<const uint32_t> samples,
                 std::vector<OtlpRequest>* requests) {
  const bool divisible = samples.size() > 1;
  if (samples.size() <= std::max(job.options.max_samples, size_t{1})) {
    const uint32_t number = static_cast<uint32_t>(requests->size() * job.types.size());
    RequestEncoder encoder(job, samples);
    if (auto bytes = encoder.Encode(number, divisible ? job.options.max_bytes : SIZE_MAX)) {
      requests->push_back({.bytes = *std::move(bytes),
                           .profile_id = DeriveProfileId(job.options.profile_id, number),
                           .samples = samples.size()});
      return;
    }
  }
  const size_t half = samples.size() / 2;
  EncodeRange(job, samples.first(half), requests);
  EncodeRange(job, samples.subspan(half), requests);
}

}  // namespace

OtlpProfileId DeriveProfileId(const OtlpProfileId& first, uint32_t n) {
  if (n == 0 || first == OtlpProfileId{}) return first;
  base::Sha256 sha;
  sha.Add({reinterpret_cast<const char*>(first.data()), first.size()});
  sha.Add({reinterpret_cast<const char*>(&n), sizeof n});
  const base::Sha256::Digest digest = sha.Finish();
  OtlpProfileId id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

std::vector<OtlpRequest> EncodeOtlp(const model::Profile& profile, const OtlpOptions& options) {
  Job job{profile, options, TypesToSend(profile), OrderToCompress(profile)};
  job.options.resource = Mended(std::move(job.options.resource));
  job.options.every_sample = Mended(std::move(job.options.every_sample));
  std::erase_if(job.order.samples, [&](uint32_t sample) { return !job.HasValue(sample); });
  std::vector<OtlpRequest> requests;
  if (!job.order.samples.empty()) EncodeRange(job, job.order.samples, &requests);
  return requests;
}

}  // namespace podo::encode
