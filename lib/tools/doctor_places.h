// SPDX-License-Identifier: Apache-2.0
// Directories that podo writes to: whether it can, and how much fits.
#ifndef PODO_LIB_TOOLS_DOCTOR_PLACES_H_
#define PODO_LIB_TOOLS_DOCTOR_PLACES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "config.h"
#include "tools/doctor_report.h"

namespace podo::doctor {

struct Place {
  std::string who;  // "sink file:///var/profiles/", "PODO_SPOOL_DIR"
  std::string directory;
  std::string file;           // of a sink that writes one; empty: any in the directory
  bool is_shared = false;     // with podo's other processes: held to be private (0700)
  uint64_t wanted_bytes = 0;  // at most so many are kept there; 0: no bound
};

// What was found. `problem` is podo's own line for it; empty: a file could be made and removed.
struct PlaceFacts {
  Place place;
  std::string problem;
  uint64_t free_bytes = 0;
  bool is_temporary = false;  // in memory: tmpfs
};

std::vector<Place> PlacesOf(const Config& config);

// Makes a file there and removes it, and the directory if it was missing: as podo would make it.
PlaceFacts ProbePlace(const Place& place);

// Pure.
Finding JudgePlace(const PlaceFacts& facts);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_PLACES_H_
