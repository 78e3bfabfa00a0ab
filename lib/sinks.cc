// SPDX-License-Identifier: Apache-2.0
#include "sinks.h"

#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "export/file_sink.h"

namespace podo {

Exporters MakeExporters(const Config& config, bool shares_names) {
  const exporting::ProcessIdentity process = {config.service_name.value, getpid(),
                                              base::WallClockNs()};
  const exporting::ExporterSurroundings surroundings = {
      base::SteadyClockNs, base::WallClockNs,
      [](const std::string& line) { base::Log(base::LogLevel::kWarning, line); }};
  Exporters exporters;
  for (const exporting::SinkSpec& spec : config.sinks.value) {
    exporting::DeliverySettings delivery;
    delivery.interval_ns = config.interval_ns.value;
    exporters.push_back(std::make_unique<exporting::Exporter>(
        exporting::MakeSink(spec, process, shares_names), delivery, nullptr, surroundings));
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
