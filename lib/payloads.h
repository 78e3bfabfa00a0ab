// SPDX-License-Identifier: Apache-2.0
// A profile as the payloads that a sink's format wants: encoded, divided, compressed, named.
#ifndef PODO_LIB_PAYLOADS_H_
#define PODO_LIB_PAYLOADS_H_

#include <string>
#include <vector>

#include "base/status.h"
#include "encode/otlp_encoder.h"
#include "encode/pyroscope_encoder.h"
#include "export/payload.h"
#include "model/profile.h"

namespace podo {

struct PayloadSettings {
  std::string title;  // of pages: the service
  // Of the process, the most wanted first: the resource of OTLP, the series labels of Pyroscope.
  std::vector<encode::OtlpAttribute> attributes;
  std::vector<encode::LabelPair> labels;
  std::string version;      // podo's, of the OTLP scope
  std::string instance_id;  // what profile ids are made from, beside the window
};

// `coding` is that of OTLP requests. `of_window` has times, number and whether it is the last.
// Mostly one payload; several if the receivers' limits want it; none if nothing is in the profile.
// Equal arguments give equal bytes and ids. Fails only when out of memory.
base::StatusOr<std::vector<exporting::Payload>> EncodePayloads(const model::Profile& profile,
                                                               exporting::PayloadFormat format,
                                                               exporting::PayloadCoding coding,
                                                               const PayloadSettings& settings,
                                                               const exporting::Payload& of_window);

}  // namespace podo

#endif  // PODO_LIB_PAYLOADS_H_
