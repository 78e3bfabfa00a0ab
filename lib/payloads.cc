// SPDX-License-Identifier: Apache-2.0
#include "payloads.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/compress.h"
#include "base/sha256.h"
#include "encode/flame_page.h"
#include "encode/folded.h"
#include "encode/pprof_encoder.h"

namespace podo {
namespace {

using exporting::Payload;
using exporting::PayloadCoding;
using exporting::PayloadFormat;
using exporting::PayloadId;

// Different for every window of every process, and the same in every attempt.
PayloadId IdOf(const PayloadSettings& settings, const Payload& of_window) {
  base::Sha256 sha;
  sha.Add(absl::StrCat(settings.instance_id, "/", of_window.window_seq, "/", of_window.start_ns));
  const base::Sha256::Digest digest = sha.Finish();
  PayloadId id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

Payload With(const Payload& of_window, PayloadFormat format, std::string bytes) {
  Payload payload = of_window;
  payload.format = format;
  payload.bytes = std::make_shared<const std::string>(std::move(bytes));
  return payload;
}

base::StatusOr<std::string> Compress(std::string raw, PayloadCoding coding) {
  switch (coding) {
    case PayloadCoding::kGzip:
      return base::GzipCompress(raw);
    case PayloadCoding::kZstd:
      return base::ZstdCompress(raw);
    case PayloadCoding::kNone:
      break;
  }
  return raw;
}

base::StatusOr<std::vector<Payload>> EncodeOtlp(const model::Profile& profile, PayloadCoding coding,
                                                const PayloadSettings& settings,
                                                const Payload& of_window) {
  encode::OtlpOptions options;
  options.resource = settings.attributes;
  options.scope_version = settings.version;
  options.profile_id = IdOf(settings, of_window);
  std::vector<Payload> payloads;
  for (encode::OtlpRequest& request : encode::EncodeOtlp(profile, options)) {
    base::StatusOr<std::string> bytes = Compress(std::move(request.bytes), coding);
    if (!bytes.ok()) return bytes.status();
    Payload payload = With(of_window, PayloadFormat::kOtlp, *std::move(bytes));
    payload.coding = coding;
    payload.id = request.profile_id;
    payload.samples = request.samples;
    payloads.push_back(std::move(payload));
  }
  return payloads;
}

base::StatusOr<std::vector<Payload>> EncodePyroscope(const model::Profile& profile,
                                                     const PayloadSettings& settings,
                                                     const Payload& of_window) {
  encode::PyroscopeOptions options;
  options.labels = settings.labels;
  options.push_id = IdOf(settings, of_window);
  base::StatusOr<std::vector<encode::PyroscopePush>> pushes =
      encode::EncodePyroscope(profile, options);
  if (!pushes.ok()) return pushes.status();
  std::vector<Payload> payloads;
  for (encode::PyroscopePush& push : *pushes) {
    Payload payload = With(of_window, PayloadFormat::kPyroscope, std::move(push.bytes));
    payload.id = encode::DeriveProfileId(options.push_id, static_cast<uint32_t>(payloads.size()));
    payload.samples = push.samples;
    payloads.push_back(std::move(payload));
  }
  return payloads;
}

base::StatusOr<std::string> EncodeOne(const model::Profile& profile, PayloadFormat format,
                                      const PayloadSettings& settings) {
  switch (format) {
    case PayloadFormat::kPprof:
      return encode::EncodePprofGz(profile);
    case PayloadFormat::kFolded:
      return encode::EncodeFolded(profile);
    case PayloadFormat::kHtml:
      return encode::FlameGraphPage(profile, {.title = settings.title, .sample_type = ""});
    default:
      return base::InternalError("unknown payload format");
  }
}

}  // namespace

base::StatusOr<std::vector<Payload>> EncodePayloads(const model::Profile& profile,
                                                    PayloadFormat format, PayloadCoding coding,
                                                    const PayloadSettings& settings,
                                                    const Payload& of_window) {
  if (format == PayloadFormat::kOtlp) return EncodeOtlp(profile, coding, settings, of_window);
  if (format == PayloadFormat::kPyroscope) return EncodePyroscope(profile, settings, of_window);
  base::StatusOr<std::string> bytes = EncodeOne(profile, format, settings);
  if (!bytes.ok()) return bytes.status();
  Payload payload = With(of_window, format, *std::move(bytes));
  payload.id = IdOf(settings, of_window);
  payload.samples = profile.samples.size();
  return std::vector<Payload>{std::move(payload)};
}

}  // namespace podo
