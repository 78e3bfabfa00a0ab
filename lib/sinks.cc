// SPDX-License-Identifier: Apache-2.0
#include "sinks.h"

#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "export/custom_sink.h"
#include "export/file_sink.h"

namespace podo {

namespace {

exporting::DeliverySettings DeliveryOf(const Config& config, size_t) {
  exporting::DeliverySettings settings;
  settings.interval_ns = config.interval_ns.value;
  return settings;
}

}  // namespace

Exporters MakeExporters(const Config& config, bool shares_names) {
  const exporting::ProcessIdentity process = {config.service_name.value, getpid(),
                                              base::WallClockNs()};
  std::vector<std::unique_ptr<exporting::Sink>> sinks;
  for (const exporting::SinkSpec& spec : config.sinks.value) {
    sinks.push_back(exporting::MakeSink(spec, process, shares_names));
  }
  for (auto& sink : exporting::TakeCustomSinks()) {
    if (sinks.size() < exporting::kMaxSinks) {
      sinks.push_back(std::move(sink));
      continue;
    }
    base::Log(base::LogLevel::kWarning,
              absl::StrCat("sink ", sink->name(), " is one too many; accepted: ",
                           exporting::kMaxSinks, " with those of PODO_EXPORT"));
  }
  const exporting::ExporterSurroundings surroundings = {
      base::SteadyClockNs, base::WallClockNs,
      [](const std::string& line) { base::Log(base::LogLevel::kWarning, line); }};
  Exporters exporters;
  for (auto& sink : sinks) {
    exporters.push_back(std::make_unique<exporting::Exporter>(
        std::move(sink), DeliveryOf(config, exporters.size()), nullptr, surroundings));
  }
  return exporters;
}

void FillExportStats(const Exporters& exporters, podo_stats* stats) {
  exporting::DeliveryCounts sum;
  int64_t newest_ns = 0;
  for (const auto& exporter : exporters) {
    sum += exporter->counts();
    if (exporter->last_error_ns() <= newest_ns) continue;
    newest_ns = exporter->last_error_ns();
    exporter->CopyLastError(stats->last_export_error, sizeof stats->last_export_error);
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
