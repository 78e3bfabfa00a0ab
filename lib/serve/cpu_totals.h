// SPDX-License-Identifier: Apache-2.0
// CPU time by function and by label value since the start, from one window after the other: the
// counters in which a metric store sees what grew.
#ifndef PODO_LIB_SERVE_CPU_TOTALS_H_
#define PODO_LIB_SERVE_CPU_TOTALS_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "model/profile.h"
#include "serve/bounded_totals.h"

namespace podo::serve {

// Names are cut to this many bytes, in which those of deep templates are told apart mostly; such
// that are equal then are one.
inline constexpr size_t kMaxFunctionNameBytes = 200;

// Thread-safe: added to by one thread, read by others.
class CpuTotals {
 public:
  struct Function {
    std::string name;
    int64_t cpu_ns = 0;
  };
  struct LabelValue {
    std::string key;
    std::string value;
    int64_t cpu_ns = 0;
  };
  struct Snapshot {
    std::vector<Function> self;   // their own instructions
    std::vector<Function> total;  // with what they call; recursion counts once
    std::vector<LabelValue> labels;
  };

  // A window with names; its last sample type is CPU time.
  void Add(const model::Profile& window);
  Snapshot Read() const;

 private:
  mutable std::mutex mutex_;
  BoundedTotals self_{{}};
  BoundedTotals total_{{}};
  BoundedTotals labels_{{.places = 200}};
};

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_CPU_TOTALS_H_
