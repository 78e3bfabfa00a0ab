// SPDX-License-Identifier: Apache-2.0
// Threads of the host that block SIGPROF: their ticks go to whoever sleeps, so they must be named.
#ifndef PODO_LIB_CAPTURE_BLOCKED_THREADS_H_
#define PODO_LIB_CAPTURE_BLOCKED_THREADS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"

namespace podo::capture {

struct BlockedThread {
  uint32_t tid = 0;
  std::string name;
  int64_t cpu_ns = 0;  // used since the last scan; since its start at the first one
};

class BlockedThreads {
 public:
  // Reads /proc/self/task (some 20 us a thread): the threads that block SIGPROF and used CPU since
  // the scan before. `skip(tid)` leaves out podo's own.
  std::vector<BlockedThread> Scan(absl::FunctionRef<bool(uint32_t tid)> skip);

 private:
  std::map<uint32_t, int64_t> cpu_ns_;
};

// The parts that read text; pure. SigBlk of a status file has SIGPROF's bit.
bool StatusBlocksSigprof(const std::string& status);
// First number of a schedstat file: time on CPU in ns; -1 if there is none.
int64_t SchedstatCpuNs(const std::string& schedstat);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_BLOCKED_THREADS_H_
