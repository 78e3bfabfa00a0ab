// SPDX-License-Identifier: Apache-2.0
// A piece of sampled time for tests: some ticks in one function.
#ifndef PODO_TESTS_UNIT_WINDOWS_PIECE_H_
#define PODO_TESTS_UNIT_WINDOWS_PIECE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "aggregate/assemble.h"
#include "model/profile_builder.h"
#include "model/window.h"

namespace podo::test {

inline model::WindowTotals Totals(uint64_t ticks, int64_t cpu_ns, int64_t begin_wall_ns = 1000) {
  model::WindowTotals totals;
  totals.begin_wall_ns = begin_wall_ns;
  totals.duration_ns = 2 * cpu_ns;
  totals.process_cpu_ns = cpu_ns;
  totals.ticks = ticks;
  totals.nominal_hz = 100;
  return totals;
}

// All ticks of `totals` in `function`.
inline aggregate::AssembledProfile Piece(const std::string& function,
                                         const model::WindowTotals& totals) {
  model::ProfileBuilder builder({{"samples", "count"}, {"cpu", "nanoseconds"}});
  const int64_t ticks = static_cast<int64_t>(totals.ticks);
  if (ticks > 0) {
    builder.AddSample(builder.AddStack({builder.AddNamedFrame(function)}), {}, {},
                      {ticks, ticks * totals.PeriodNs()});
  }
  builder.profile().time_ns = totals.begin_wall_ns;
  builder.profile().duration_ns = totals.duration_ns;
  aggregate::AssembledProfile piece;
  piece.profile = builder.Take();
  piece.mapping_modules = {nullptr};
  return piece;
}

}  // namespace podo::test

#endif  // PODO_TESTS_UNIT_WINDOWS_PIECE_H_
