// SPDX-License-Identifier: Apache-2.0
// What the HTTP side of a run shows, and where it comes from.
#include <unistd.h>

#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "capture/profiling_timer.h"
#include "config_serve.h"
#include "http_side.h"
#include "pipeline.h"
#include "resource.h"

namespace podo {
namespace {

// For names that nobody has asked for before. go tool pprof waits for half as long again as it
// records, and 5 s.
constexpr int64_t kPatienceNs = 2'000'000'000;

std::string LabelOf(const Config& config, std::string_view key) {
  for (const base::KeyValue& label : ResourceLabels(config)) {
    if (label.key == key) return label.value;
  }
  return {};
}

serve::Identity IdentityOf(const Config& config) {
  serve::Identity identity;
  identity.service = config.service_name.value;
  identity.instance_id = InstanceId(config);
  identity.version = PODO_VERSION;
  identity.host = LabelOf(config, "host.name");
  identity.program = ReadExecutablePath();
  identity.pid = getpid();
  identity.started_ns = base::WallClockNs();
  identity.window_ns = config.interval_ns.value;
  identity.history_max_bytes = HistoryBytes(config);
  return identity;
}

}  // namespace

void Pipeline::OpenHttp(const Config& config, bool shares_names) {
  if (config.listen.value.has_value())
    http_ = HttpSide::Open(config, shares_names, HttpSources(config));
}

serve::Sources Pipeline::HttpSources(const Config& config) {
  serve::Sources sources;
  sources.identity = IdentityOf(config);
  sources.now_ns = base::WallClockNs;
  sources.stats = [this] {
    podo_stats stats = {};
    FillStats(&stats);
    return stats;
  };
  sources.stopped_because = [this] { return StoppedBecause(); };
  sources.metrics = [this](bool openmetrics) { return Metrics(openmetrics); };
  sources.record = [this](int64_t duration_ns, std::function<bool()> given_up,
                          std::function<void(model::Profile)> finished) {
    return exports_->Capture(
        duration_ns, std::move(given_up),
        [this, finished = std::move(finished)](aggregate::AssembledProfile sum) {
          // Names are for a thread that may wait. If it has ended, the client sees the end, too.
          http_->Post([this, finished, sum = std::move(sum)] {
            finished(exports_->Named(sum, kPatienceNs));
          });
        });
  };
  sources.names = [this](const std::vector<uint64_t>& addresses) { return NamesOf(addresses); };
  // A history that is switched off (PODO_HISTORY_BYTES=0) is one that holds nothing.
  sources.profile = [kept = kept_.history()](
                        const history::Query& query) -> base::StatusOr<history::ProfileAnswer> {
    if (kept != nullptr) return kept->Profile(query);
    return history::ProfileAnswer{model::Profile::Empty(), {}};
  };
  sources.timeline = [kept = kept_.history()](
                         const history::TimelineQuery& query) -> base::StatusOr<history::Timeline> {
    if (kept != nullptr) return kept->CpuTimeline(query);
    return history::Timeline{};
  };
  sources.labels = [kept = kept_.history()](
                       const history::Query& query,
                       size_t max_values) -> base::StatusOr<std::vector<history::LabelKey>> {
    if (kept != nullptr) return kept->Labels(query, max_values);
    return std::vector<history::LabelKey>();
  };
  sources.history_stats = [kept = kept_.history()] {
    return kept != nullptr ? kept->Stats() : history::HistoryStats{};
  };
  return sources;
}

std::string Pipeline::StoppedBecause() const {
  return drain_->host_took_over()
             ? absl::StrCat("the program took ", capture::TickMeans(), " itself")
             : "";
}

// By the modules of now: an address of a module that is gone has no name, or another's.
std::vector<std::string> Pipeline::NamesOf(const std::vector<uint64_t>& addresses) {
  std::vector<std::string> names(addresses.size());
  const std::shared_ptr<const model::ModuleMap> map = modules_.NewestMap();
  if (map == nullptr) return names;
  std::map<const model::Module*, SymbolJob> jobs;
  for (const uint64_t address : addresses) {
    const model::Module* module = map->Find(address);
    if (module == nullptr) continue;
    SymbolJob& job = jobs[module];
    if (job.module == nullptr) job.module = std::shared_ptr<const model::Module>(map, module);
    job.vaddrs.push_back(address - module->load_bias);
  }
  std::vector<SymbolJob> work;
  for (auto& [module, job] : jobs) {
    job.vaddrs = symbolizer_.Missing(*module, job.vaddrs);
    if (!job.vaddrs.empty()) work.push_back(std::move(job));
  }
  if (!work.empty()) symbols_.Resolve(std::move(work), kPatienceNs);
  std::vector<symbolize::SourceFrame> frames;
  for (size_t i = 0; i < addresses.size(); ++i) {
    const model::Module* module = map->Find(addresses[i]);
    if (module == nullptr) continue;
    if (symbolizer_.Lookup(*module, addresses[i] - module->load_bias, &frames) && !frames.empty()) {
      names[i] = frames.back().function;
    }
  }
  return names;
}

}  // namespace podo
