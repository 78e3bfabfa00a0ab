// SPDX-License-Identifier: Apache-2.0
// Threads of the host that block the signal of ticks: their ticks go to whoever sleeps, so they
// must be named.
#ifndef PODO_LIB_CAPTURE_BLOCKED_THREADS_H_
#define PODO_LIB_CAPTURE_BLOCKED_THREADS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "capture/state.h"

namespace podo::capture {

struct BlockedThread {
  uint32_t tid = 0;
  std::string name;
  int64_t cpu_ns = 0;  // used since the last scan; since its start at the first one
};

class BlockedThreads {
 public:
  // Reads /proc/self/task (some 20 us a thread): the threads that block the signal and used CPU
  // since the scan before. `skip(tid)` leaves out podo's own, and those that were sampled: a thread
  // inside the handler blocks every signal too.
  std::vector<BlockedThread> Scan(absl::FunctionRef<bool(uint32_t tid)> skip);

 private:
  std::map<uint32_t, int64_t> cpu_ns_;
};

// Threads that were sampled.
class SampledThreads {
 public:
  explicit SampledThreads(const State* state) : state_(state) {}
  // Since the call before; may be asked once a window: it looks at every ring in use.
  void Update();
  bool Has(uint32_t tid) const { return tids_.count(tid) != 0; }

 private:
  const State* state_;
  std::vector<uint64_t> heads_;
  std::set<uint32_t> tids_;
};

// The parts that read text; pure. SigBlk of a status file has the signal's bit.
bool StatusBlocks(const std::string& status, int signal);
// First number of a schedstat file: time on CPU in ns; -1 if there is none.
int64_t SchedstatCpuNs(const std::string& schedstat);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_BLOCKED_THREADS_H_
