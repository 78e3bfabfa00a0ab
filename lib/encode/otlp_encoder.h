// SPDX-License-Identifier: Apache-2.0
// Profile -> OTLP ExportProfilesServiceRequest messages (layout: otlp_fields.h).
//
// The dictionary has all seven tables, each begins with its zero value, and nothing is in a table
// twice or without being referred to. Keys and string values of attributes stand inline. Samples
// that are equal (stack, labels, link) become one, values of 0 are not sent, and every sample has
// exactly one value and no timestamps.
//
// A profile of CPU time whose values are (samples, count) and (cpu, nanoseconds) = count x period
// goes out as samples with that period: the form receivers know as CPU time. Any other profile goes
// out as one Profile message for each sample type, the default type first.
#ifndef PODO_LIB_ENCODE_OTLP_ENCODER_H_
#define PODO_LIB_ENCODE_OTLP_ENCODER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/profile.h"

namespace podo::encode {

struct OtlpAttribute {
  std::string key;
  std::variant<std::string, int64_t, bool> value;
};

using OtlpProfileId = std::array<uint8_t, 16>;

struct OtlpOptions {
  // Resource attributes, in this order; of equal keys the first is sent, one without a key is not.
  std::vector<OtlpAttribute> resource;
  // Attributes of every sample: for receivers behind gateways that lose the resource's names.
  std::vector<OtlpAttribute> every_sample;
  std::string scope_version;
  // Of the first Profile message; those that follow derive theirs from it. All zero: none has one.
  OtlpProfileId profile_id{};
  // Limits of one request, uncompressed. Receivers by default take 4 MiB (gRPC, Pyroscope) to
  // 20 MiB (collector), and 16,000 samples (Pyroscope).
  size_t max_bytes = size_t{2} << 20;
  size_t max_samples = 16'000;
};

struct OtlpRequest {
  std::string bytes;
  OtlpProfileId profile_id{};  // of its Profile message of the first type
  size_t samples = 0;          // of the profile that are in it
};

// The requests that together hold the profile: mostly one, none if no sample has a value other
// than 0. A request with a single sample may pass max_bytes, since it cannot be divided. Pure;
// equal arguments give equal bytes. Text that is no UTF-8 is mended.
std::vector<OtlpRequest> EncodeOtlp(const model::Profile& profile, const OtlpOptions& options);

// What the n-th (from 0) Profile message is called when the first is called `first`.
OtlpProfileId DeriveProfileId(const OtlpProfileId& first, uint32_t n);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_OTLP_ENCODER_H_
