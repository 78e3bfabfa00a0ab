// SPDX-License-Identifier: Apache-2.0
// What podo is told to do: defaults, then the environment, then options in code.
//
// Nothing here stops the service: what cannot be used is reported in one line and treated as unset.
// No line holds a secret.
#ifndef PODO_LIB_CONFIG_H_
#define PODO_LIB_CONFIG_H_

#include <signal.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/log.h"
#include "base/parse_value.h"
#include "base/status.h"
#include "export/http_poster.h"
#include "export/sink_url.h"
#include "podo/podo_c.h"
#include "serve/listen_address.h"

namespace podo {

// A value and where it comes from: "default", the name of a variable, or "option NAME".
template <typename T>
struct Setting {
  T value{};
  std::string source = "default";
};

enum class Clock { kAuto, kThread, kPerf, kProcess, kItimer };  // PODO_CLOCK
enum class ForkMode { kOff, kChild };                           // PODO_FORK
// PODO_SIGNAL_CONFLICT: what the program's own use of the signal means.
enum class SignalConflict {
  kYield,   // podo does not start, or goes
  kRetake,  // taken later, it is taken back a few times
  kChain,   // what is there before Start() goes on behind podo's handler
};
enum class Symbolize { kFull, kFunctions, kNone };     // PODO_SYMBOLIZE
enum class ThreadLabels { kNone, kName, kId, kBoth };  // PODO_THREAD_LABELS

using Labels = std::vector<base::KeyValue>;

// What OTEL_EXPORTER_OTLP_* say of requests. For whom it holds: HttpSettingsOf() (config_http.h).
struct OtlpVariables {
  std::optional<exporting::HttpTarget> endpoint;  // the strongest of OpenTelemetry's own
  bool names_endpoint = false;                    // also if it could not be read: host:port of gRPC
  Setting<exporting::HttpHeaders> headers;        // secrets
  Setting<std::string> certificate, client_certificate, client_key;  // paths of PEM files
  Setting<exporting::PayloadCoding> compression{exporting::PayloadCoding::kGzip};
  std::vector<std::string> complaints;  // of refused values; said once there is an OTLP sink
};

struct Config {
  Setting<bool> enabled{true};
  Setting<std::string> service_name;    // never empty
  Setting<Labels> resource_attributes;  // OTEL_RESOURCE_ATTRIBUTES without service.name
  Setting<Labels> labels;               // PODO_LABELS without service.name
  Labels detected_attributes;           // of this process (resource.h); empty from ParseConfig
  Setting<std::vector<exporting::SinkSpec>> sinks;
  // Of HTTP sinks; what one of them uses is HttpSettingsOf() (config_http.h).
  Setting<exporting::HttpHeaders> headers;                           // secrets
  Setting<std::string> tenant;                                       // X-Scope-OrgID
  Setting<std::string> certificate, client_certificate, client_key;  // paths of PEM files
  Setting<exporting::PayloadCoding> compression{exporting::PayloadCoding::kGzip};
  Setting<int64_t> send_timeout_ns{10'000'000'000};  // of one request
  OtlpVariables otlp;
  exporting::ProxyVariables proxies;  // secrets
  Setting<std::string> spool_dir;     // empty: no spool
  Setting<uint64_t> spool_bytes{uint64_t{64} << 20};
  Setting<std::optional<uint64_t>> history_bytes;       // unset: HistoryBytes() (config_serve.h)
  Setting<std::string> history_dir;                     // empty: memory only
  Setting<std::optional<serve::ListenAddress>> listen;  // unset: nothing listens
  Setting<std::string> listen_token_file;               // empty: no token
  Setting<double> sample_hz{100};  // as asked for; the kernel's tick may clamp it
  Setting<Clock> clock{Clock::kAuto};
  Setting<int> signal{SIGPROF};  // or a real-time one
  Setting<SignalConflict> signal_conflict{SignalConflict::kYield};
  Setting<uint32_t> max_frames{256};
  Setting<uint32_t> max_threads{1024};
  Setting<int64_t> interval_ns{10'000'000'000};
  Setting<Symbolize> symbolize{Symbolize::kFull};
  Setting<uint64_t> symbol_bytes{uint64_t{64} << 20};
  Setting<uint32_t> label_sets{10000};
  Setting<double> max_overhead{0.01};  // a share; 0: no limit
  Setting<ThreadLabels> thread_labels{ThreadLabels::kNone};
  Setting<ForkMode> fork{ForkMode::kOff};
  Setting<bool> flush_on_sigterm{false};
  Setting<int64_t> exit_timeout_ns{2'000'000'000};
  Setting<base::LogLevel> log{base::LogLevel::kWarning};
};

// Reads `entries` ("NAME=value" strings; null entries are skipped, of equal names the first counts,
// as for getenv). `secure`: the process gained privileges at exec, so its environment is another
// user's word and is ignored. `exe` is the executable's file name, for the default service name.
// Appends lines of warning level to `messages`. A disabled podo reports nothing but why a value of
// PODO_ENABLED, OTEL_SDK_DISABLED or PODO_LOG was refused. Pure.
Config ParseConfig(absl::Span<const char* const> entries, bool secure, std::string_view exe,
                   std::vector<std::string>* messages);

// Fields that are set beat what the environment said, `enabled` apart; a value that is not accepted
// is reported and the environment's stays. kInvalidArgument, and nothing changed, if options.size
// is not that of a podo_options: the caller forgot to set it. Fields beyond options.size are not
// read.
base::Status ApplyOptions(const podo_options& options, Config* config,
                          std::vector<std::string>* messages);

// ParseConfig on this process: its environment, AT_SECURE, /proc/self/exe; and, unless podo is
// disabled, what can be detected of it, with a new instance id at every call. `environment` is a
// copy taken before main (the preload library's), or null: then `environ` is read as getenv does,
// so no thread may call setenv meanwhile.
Config ReadProcessConfig(const char* const* environment, std::vector<std::string>* messages);

// After a fork: the process id and the instance id are the child's, also where the instance id was
// given. Reads no environment, which other threads may be changing.
void RedetectProcess(Config* config);

// What the comments of every profile say beside service.name, a line each: the attributes, then the
// labels, which win on equal keys, then of what was detected only where the process runs: pod, host
// and pid. All that is known: ResourceLabels() (resource.h).
Labels AllLabels(const Config& config);

}  // namespace podo

#endif  // PODO_LIB_CONFIG_H_
