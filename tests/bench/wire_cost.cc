// SPDX-License-Identifier: Apache-2.0
// What a window costs on its way out: `wire_cost ROUNDS FILE.pb.gz` prints one JSON object of
// sizes, CPU time (medians over ROUNDS) and peaks of memory, of encoding and compressing the file's
// profile.
//
// Peaks count the heap by malloc's own usable sizes: this program defines malloc and its kin, so
// that zlib's and zstd's memory is in them. Counting is off while time is taken.
#include <malloc.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "base/compress.h"
#include "encode/otlp_encoder.h"
#include "encode/pprof_encoder.h"
#include "encode/pprof_reader.h"
#include "payloads.h"
#include "resource.h"

namespace {

// Plain numbers: the program has one thread.
bool g_counting = false;
int64_t g_live = 0;
int64_t g_peak = 0;

void* Counted(void* p) {
  if (g_counting && p != nullptr) {
    g_live += static_cast<int64_t>(malloc_usable_size(p));
    g_peak = std::max(g_peak, g_live);
  }
  return p;
}

void Uncounted(void* p) {
  if (g_counting && p != nullptr) g_live -= static_cast<int64_t>(malloc_usable_size(p));
}

}  // namespace

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* p, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* p);

void* malloc(size_t size) { return Counted(__libc_malloc(size)); }
void* calloc(size_t count, size_t size) { return Counted(__libc_calloc(count, size)); }
void* realloc(void* p, size_t size) {
  Uncounted(p);
  return Counted(__libc_realloc(p, size));
}
void* memalign(size_t alignment, size_t size) { return Counted(__libc_memalign(alignment, size)); }
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** out, size_t alignment, size_t size) {
  *out = memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}
void free(void* p) {
  Uncounted(p);
  __libc_free(p);
}
}

namespace {

using podo::exporting::Payload;
using podo::exporting::PayloadCoding;
using podo::exporting::PayloadFormat;

constexpr struct {
  const char* name;
  bool is_gzip;
  int level;
} kWays[] = {{"gzip 1", true, 1},  {"gzip 4", true, 4},  {"gzip 6", true, 6}, {"gzip 9", true, 9},
             {"zstd 1", false, 1}, {"zstd 3", false, 3}, {"zstd 9", false, 9}};

[[noreturn]] void Fail(std::string_view what) {
  std::fprintf(stderr, "wire_cost: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

template <typename T>
T Need(podo::base::StatusOr<T> result) {
  if (!result.ok()) Fail(std::string(result.status().message()));
  return *std::move(result);
}

int64_t CpuNs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

int64_t Median(std::vector<int64_t> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

size_t TotalSize(const std::vector<std::string>& bodies) {
  return std::accumulate(bodies.begin(), bodies.end(), size_t{0},
                         [](size_t sum, const std::string& body) { return sum + body.size(); });
}

podo::PayloadSettings Settings() {
  podo::PayloadSettings settings;
  settings.version = "0.1.0";
  settings.instance_id = "c7f4a0d2-6f4e-4d0b-9a53-0e6a3c5d2b11";
  const podo::Labels known = podo::DetectAttributes(podo::ReadProcessFacts(), {});
  settings.attributes.push_back({"service.name", std::string("bench")});
  settings.labels.emplace_back("service.name", "bench");
  for (const auto& [key, value] : known) {
    settings.attributes.push_back({key, value});
    settings.labels.emplace_back(key, value);
  }
  return settings;
}

std::vector<std::string> Encode(const podo::model::Profile& profile, bool otlp,
                                const podo::PayloadSettings& settings) {
  if (!otlp) return {podo::encode::EncodePprof(profile)};
  podo::encode::OtlpOptions options;
  options.resource = settings.attributes;
  options.scope_version = settings.version;
  options.profile_id[0] = 1;
  std::vector<std::string> bodies;
  for (podo::encode::OtlpRequest& request : podo::encode::EncodeOtlp(profile, options)) {
    bodies.push_back(std::move(request.bytes));
  }
  return bodies;
}

std::vector<std::string> Compress(const std::vector<std::string>& bodies, bool is_gzip, int level) {
  std::vector<std::string> out;
  for (const std::string& body : bodies) {
    out.push_back(Need(is_gzip ? podo::base::GzipCompress(body, level)
                               : podo::base::ZstdCompress(body, level)));
  }
  return out;
}

void PrintFormat(const podo::model::Profile& profile, bool otlp,
                 const podo::PayloadSettings& settings, int rounds) {
  std::vector<int64_t> encode_ns;
  std::vector<std::vector<int64_t>> compress_ns(std::size(kWays));
  std::vector<std::string> bodies;
  size_t sizes[std::size(kWays)] = {};
  for (int round = 0; round < rounds; ++round) {
    const int64_t begin = CpuNs();
    bodies = Encode(profile, otlp, settings);
    encode_ns.push_back(CpuNs() - begin);
    for (size_t i = 0; i < std::size(kWays); ++i) {
      const int64_t from = CpuNs();
      const std::vector<std::string> out = Compress(bodies, kWays[i].is_gzip, kWays[i].level);
      compress_ns[i].push_back(CpuNs() - from);
      sizes[i] = TotalSize(out);
    }
  }
  std::printf("\"%s\": {\"bodies\": %zu, \"raw_bytes\": %zu, \"encode_ns\": %lld, \"ways\": {",
              otlp ? "otlp" : "pprof", bodies.size(), TotalSize(bodies),
              static_cast<long long>(Median(encode_ns)));
  for (size_t i = 0; i < std::size(kWays); ++i) {
    std::printf("%s\"%s\": {\"bytes\": %zu, \"compress_ns\": %lld}", i > 0 ? ", " : "",
                kWays[i].name, sizes[i], static_cast<long long>(Median(compress_ns[i])));
  }
  std::printf("}},\n");
}

// Of the library's own way from a profile to payloads, above what the profile itself holds.
int64_t PeakOf(const podo::model::Profile& profile, PayloadFormat format, PayloadCoding coding,
               const podo::PayloadSettings& settings) {
  g_live = g_peak = 0;
  g_counting = true;
  const std::vector<Payload> payloads =
      Need(podo::EncodePayloads(profile, format, coding, settings, Payload{}));
  g_counting = false;
  if (payloads.empty()) Fail("nothing was encoded");
  return g_peak;
}

std::string ReadFile(const char* path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) Fail(std::string("cannot read ") + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || std::atoi(argv[1]) < 1) Fail("usage: wire_cost ROUNDS FILE.pb.gz");
  const podo::model::Profile profile = Need(podo::encode::ReadPprof(ReadFile(argv[2])));
  const podo::PayloadSettings settings = Settings();
  int64_t samples = 0;
  for (size_t i = 0; i < profile.samples.size(); ++i) samples += profile.ValuesOf(i)[0];
  std::printf("{\"rounds\": %d, \"samples\": %lld, \"stacks\": %zu,\n", std::atoi(argv[1]),
              static_cast<long long>(samples), profile.samples.size());
  for (const bool otlp : {true, false}) PrintFormat(profile, otlp, settings, std::atoi(argv[1]));
  const auto peak = [&](PayloadFormat format, PayloadCoding coding) {
    return static_cast<long long>(PeakOf(profile, format, coding, settings));
  };
  std::printf(
      "\"peak_bytes\": {\"otlp gzip\": %lld, \"otlp zstd\": %lld, \"pprof gzip\": %lld, "
      "\"pyroscope gzip\": %lld}}\n",
      peak(PayloadFormat::kOtlp, PayloadCoding::kGzip),
      peak(PayloadFormat::kOtlp, PayloadCoding::kZstd),
      peak(PayloadFormat::kPprof, PayloadCoding::kNone),
      peak(PayloadFormat::kPyroscope, PayloadCoding::kNone));
  return 0;
}
