// SPDX-License-Identifier: Apache-2.0
// Encodes a pprof file for other programs' readers, one file a request:
// podo_encode_file otlp|pyroscope FILE.pb.gz OUTPUT_PREFIX [MAX_BYTES [MAX_SAMPLES]]
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "encode/otlp_encoder.h"
#include "encode/pprof_reader.h"
#include "encode/pyroscope_encoder.h"

namespace {

using podo::model::Profile;

std::vector<std::string> Otlp(const Profile& profile, size_t max_bytes, size_t max_samples) {
  podo::encode::OtlpOptions options;
  options.resource = {{"service.name", "checkout"}, {"process.pid", int64_t{42}}};
  options.scope_version = "0.1.0";
  for (uint8_t i = 0; i < 16; ++i) options.profile_id[i] = i;
  if (max_bytes != 0) options.max_bytes = max_bytes;
  if (max_samples != 0) options.max_samples = max_samples;
  std::vector<std::string> all;
  auto requests = EncodeOtlp(profile, options);
  for (auto& request : requests) all.push_back(std::move(request.bytes));
  return all;
}

std::vector<std::string> Pyroscope(const Profile& profile, size_t max_bytes, size_t max_samples) {
  podo::encode::PyroscopeOptions options;
  options.labels = {{"service.name", "checkout"}, {"host.name", "a"}};
  options.push_id = {0x12, 0x34};
  if (max_bytes != 0) options.max_profile_bytes = max_bytes;
  if (max_samples != 0) options.max_samples = max_samples;
  std::vector<std::string> all;
  auto pushes = EncodePyroscope(profile, options).value();
  for (auto& push : pushes) all.push_back(std::move(push.bytes));
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view format = argc >= 4 ? argv[1] : "";
  if (format != "otlp" && format != "pyroscope") {
    std::fprintf(stderr, "usage: %s otlp|pyroscope FILE PREFIX [MAX_BYTES [MAX_SAMPLES]]\n",
                 argv[0]);
    return 2;
  }
  std::ifstream file(argv[2], std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto profile = podo::encode::ReadPprof(text);
  if (!profile.ok()) {
    std::fprintf(stderr, "%s: %s\n", argv[2], profile.status().message().c_str());
    return 1;
  }
  const size_t max_bytes = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 0;
  const size_t max_samples = argc > 5 ? std::strtoull(argv[5], nullptr, 10) : 0;
  const auto requests = format == "otlp" ? Otlp(*profile, max_bytes, max_samples)
                                         : Pyroscope(*profile, max_bytes, max_samples);
  for (size_t i = 0; i < requests.size(); ++i) {
    std::ofstream out(argv[3] + std::to_string(i), std::ios::binary);
    out << requests[i];
    if (!out.flush()) return 1;
  }
  std::printf("%zu\n", requests.size());
  return 0;
}
