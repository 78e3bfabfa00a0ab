// SPDX-License-Identifier: Apache-2.0
#include "sinks.h"

#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sha256.h"
#include "config_http.h"
#include "encode/otlp_fields.h"
#include "encode/otlp_response.h"
#include "export/custom_sink.h"
#include "export/file_sink.h"
#include "export/spool.h"
#include "own_threads.h"
#include "resource.h"

namespace podo {

namespace {

using exporting::Sink;
using exporting::SinkSpec;

// A hash of `text`, the same in every process.
base::Sha256::Digest HashOf(const std::string& text) {
  base::Sha256 sha;
  sha.Add(text);
  return sha.Finish();
}

uint64_t NumberOf(const std::string& text) {
  uint64_t number = 0;
  std::memcpy(&number, HashOf(text).data(), sizeof number);
  return number;
}

// The receiver's words: a protobuf where it says so, else text.
exporting::AnswerWords ReadOtlpWords(const exporting::HttpResult& result) {
  const bool success = result.status >= 200 && result.status < 300;
  if (success) {
    const auto answer = encode::ReadOtlpResponse(result.body);
    if (!answer.ok()) return {};  // the status was the yes; a body that is none has no words
    return {answer->rejected_profiles, answer->message};
  }
  if (result.content_type.starts_with("application/x-protobuf")) {
    const auto message = encode::ReadRpcStatusMessage(result.body);
    if (message.ok()) return {0, *message};
  }
  return exporting::ReadPlainWords(result);
}

exporting::PayloadFormat FormatOf(SinkSpec::Kind kind) {
  if (kind == SinkSpec::Kind::kOtlp) return exporting::PayloadFormat::kOtlp;
  return kind == SinkSpec::Kind::kPyroscope ? exporting::PayloadFormat::kPyroscope
                                            : exporting::PayloadFormat::kPprof;
}

base::StatusOr<std::unique_ptr<Sink>> MakeHttpSink(const Config& config, const SinkSpec& spec,
                                                   double sample_hz) {
  auto poster = exporting::NetPoster::Make(PosterOptionsOf(config, spec));
  if (!poster.ok()) return poster.status();
  if (spec.kind == SinkSpec::Kind::kOtlp) {
    base::Log(base::LogLevel::kInfo,
              absl::StrCat("sink ", spec.url, " gets OTLP profiles, layout ",
                           encode::otlp::kSchemaVersion, ", development version ",
                           encode::otlp::kDevelopmentVersion));
  }
  return std::make_unique<exporting::HttpSink>(*std::move(poster),
                                               HttpSinkOptionsOf(config, spec, sample_hz));
}

// Where a payload goes and as whom: what one process has spooled, another one with the same key may
// send. Of secrets a hash stands in the file, no more.
exporting::SpoolKey KeyOf(const Config& config, const Sink& sink, const SinkSpec* spec,
                          double sample_hz) {
  std::string text = absl::StrCat(sink.name(), "\n", static_cast<int>(sink.format()), "\n",
                                  static_cast<int>(sink.coding()), "\n");
  // A later podo with another layout must not send these under its own header.
  if (sink.format() == exporting::PayloadFormat::kOtlp) {
    absl::StrAppend(&text, encode::otlp::kSchemaVersion, "\n");
  }
  // Whose it is does not stand in a pprof itself, and a template is filled in by who sends.
  if (sink.format() == exporting::PayloadFormat::kPprof) {
    absl::StrAppend(&text, config.service_name.value, "\n", sample_hz, "\n");
  }
  if (spec != nullptr) {
    absl::StrAppend(&text, exporting::AddressText(spec->target), "\n", spec->target.path, "\n",
                    spec->target.user, "\n");
    for (const auto& [name, value] : HttpSettingsOf(config, *spec).headers) {
      absl::StrAppend(&text, name, ":", value, "\n");
    }
  }
  return HashOf(text);
}

struct NewSink {
  std::unique_ptr<Sink> sink;
  const SinkSpec* spec;  // null: the service's own
};

std::vector<NewSink> MakeSinks(const Config& config, bool shares_names, double sample_hz) {
  const exporting::ProcessIdentity process = {config.service_name.value, getpid(),
                                              base::WallClockNs()};
  std::vector<NewSink> sinks;
  for (const SinkSpec& spec : config.sinks.value) {
    if (!spec.IsHttp()) {
      sinks.push_back({exporting::MakeSink(spec, process, shares_names), &spec});
      continue;
    }
    base::StatusOr<std::unique_ptr<Sink>> sink = MakeHttpSink(config, spec, sample_hz);
    if (sink.ok()) {
      sinks.push_back({*std::move(sink), &spec});
    } else {
      base::Log(base::LogLevel::kWarning,
                absl::StrCat("sink ", spec.url, " cannot be used: ", sink.status().message()));
    }
  }
  for (auto& sink : exporting::TakeCustomSinks()) {
    if (sinks.size() < exporting::kMaxSinks) {
      sinks.push_back({std::move(sink), nullptr});
      continue;
    }
    base::Log(base::LogLevel::kWarning,
              absl::StrCat("sink ", sink->name(), " is one too many; accepted: ",
                           exporting::kMaxSinks, " with those of PODO_EXPORT"));
  }
  return sinks;
}

}  // namespace

exporting::NetPosterOptions PosterOptionsOf(const Config& config, const SinkSpec& spec) {
  exporting::NetPosterOptions net;
  net.target = spec.target;
  net.proxies = config.proxies;
  net.tls = HttpSettingsOf(config, spec).tls;
  net.start_thread = [](const char* name, std::function<void()> body) {
    constexpr size_t kStackBytes = 256 << 10;  // getaddrinfo with NSS modules
    return OwnThreads::StartDetached(name, kStackBytes, std::move(body));
  };
  return net;
}

exporting::HttpSinkOptions HttpSinkOptionsOf(const Config& config, const SinkSpec& spec,
                                             double sample_hz) {
  const HttpSettings http = HttpSettingsOf(config, spec);
  exporting::HttpSinkOptions options;
  options.format = FormatOf(spec.kind);
  options.coding = http.coding;
  options.name = spec.url;
  options.headers = http.headers;
  if (spec.kind == SinkSpec::Kind::kOtlp) {
    options.read_words = ReadOtlpWords;
    options.otlp_version = std::string(encode::otlp::kDevelopmentVersion);
  }
  if (spec.kind == SinkSpec::Kind::kPprofPost) {
    options.path = [post = spec.post, service = config.service_name.value,
                    sample_hz](const exporting::Payload& payload) {
      return post.Expand(
          {service, payload.start_ns, payload.start_ns + payload.duration_ns, "cpu", sample_hz});
    };
  }
  return options;
}

Exporters MakeExporters(const Config& config, bool shares_names, double sample_hz) {
  const exporting::ExporterSurroundings surroundings = {
      base::SteadyClockNs, base::WallClockNs,
      [](const std::string& line) { base::Log(base::LogLevel::kWarning, line); }};
  const std::string instance = InstanceId(config);
  Exporters exporters;
  for (NewSink& made : MakeSinks(config, shares_names, sample_hz)) {
    exporting::DeliverySettings settings;
    settings.interval_ns = config.interval_ns.value;
    settings.attempt_ns = config.send_timeout_ns.value;
    settings.spread_ns =
        static_cast<int64_t>(NumberOf(instance) % static_cast<uint64_t>(config.interval_ns.value));
    settings.seed = NumberOf(absl::StrCat(instance, "/", exporters.size()));
    exporting::Exporter::StoreMaker make_store;
    if (!config.spool_dir.value.empty() && made.sink->manners().retries) {
      make_store = [directory = config.spool_dir.value, bytes = config.spool_bytes.value,
                    key = KeyOf(config, *made.sink, made.spec, sample_hz)] {
        return std::make_unique<exporting::Spool>(directory, bytes, key);
      };
    }
    exporters.push_back(std::make_unique<exporting::Exporter>(std::move(made.sink), settings,
                                                              std::move(make_store), surroundings));
  }
  return exporters;
}

void FillExportStats(const Exporters& exporters, podo_stats* stats) {
  exporting::DeliveryCounts sum;
  int64_t newest_ns = 0;
  for (const auto& exporter : exporters) {
    sum += exporter->counts();
    if (exporter->last_error_ns() <= newest_ns) continue;
    char text[sizeof stats->last_export_error];
    exporter->CopyLastError(text, sizeof text);
    if (text[0] == 0) continue;  // being written at this moment
    newest_ns = exporter->last_error_ns();
    std::memcpy(stats->last_export_error, text, sizeof text);
  }
  stats->profiles_written = sum.sent;
  stats->profiles_lost = sum.Lost();
  stats->export_errors = sum.failures;
  stats->bytes_written = sum.bytes_sent;
  stats->profiles_retried = sum.retries;
  stats->profiles_spooled = sum.spooled;
  stats->lost_refused = sum.lost_refused;
  stats->lost_queue_full = sum.lost_queue_full;
  stats->lost_spool_full = sum.lost_spool_full;
  stats->lost_too_old = sum.lost_too_old;
  stats->lost_at_exit = sum.lost_at_exit;
}

}  // namespace podo
