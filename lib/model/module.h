// SPDX-License-Identifier: Apache-2.0
// One ELF object as it is mapped into the process: what a frame's address is resolved against.
#ifndef PODO_LIB_MODEL_MODULE_H_
#define PODO_LIB_MODEL_MODULE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace podo::model {

// One PT_LOAD segment in memory. Addresses are run-time addresses.
struct Segment {
  uint64_t start = 0;
  uint64_t end = 0;  // exclusive
  uint64_t file_offset = 0;
  bool executable = false;
};

// A module outlives its mapping: it is copied out when seen, so that a frame of a library that has
// been unloaded meanwhile still resolves.
struct Module {
  uint64_t start = 0;      // lowest mapped byte
  uint64_t end = 0;        // one past the highest mapped byte
  uint64_t load_bias = 0;  // run-time address minus ELF virtual address (link_map::l_addr)
  std::string path;        // as the loader names it; the main program as /proc/self/exe resolves
  std::string build_id;    // GNU build id, lower-case hex; empty if the module has none
  bool is_main = false;
  bool is_vdso = false;
  std::vector<Segment> segments;
};

}  // namespace podo::model

#endif  // PODO_LIB_MODEL_MODULE_H_
