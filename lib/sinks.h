// SPDX-License-Identifier: Apache-2.0
// What the configuration says of sinks -> an exporter for each.
#ifndef PODO_LIB_SINKS_H_
#define PODO_LIB_SINKS_H_

#include <memory>
#include <vector>

#include "config.h"
#include "export/exporter.h"
#include "export/http_sink.h"
#include "export/net_poster.h"
#include "podo/podo_c.h"

namespace podo {

using Exporters = std::vector<std::unique_ptr<exporting::Exporter>>;

// `shares_names`: under the preload library, where a whole process tree has the same PODO_EXPORT.
// `sample_hz`: the rate in force. Loads the network module if a sink wants it, so it is for the
// thread that calls Start(); touches no other file and no network yet. A sink that cannot be made
// is one line in the log.
Exporters MakeExporters(const Config& config, bool shares_names, double sample_hz);

// What the HTTP sink of `spec` is made of: where it connects, and what it says there. podo-doctor
// probes by the same.
exporting::NetPosterOptions PosterOptionsOf(const Config& config, const exporting::SinkSpec& spec);
exporting::HttpSinkOptions HttpSinkOptionsOf(const Config& config, const exporting::SinkSpec& spec,
                                             double sample_hz);

// The fields of podo_stats that tell of exporting. Wait-free.
void FillExportStats(const Exporters& exporters, podo_stats* stats);

}  // namespace podo

#endif  // PODO_LIB_SINKS_H_
