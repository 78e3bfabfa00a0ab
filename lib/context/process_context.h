// SPDX-License-Identifier: Apache-2.0
// What this process is, published in its memory for host-wide eBPF profilers (OTEP 4719): resource
// attributes and the keys of the thread records.
#ifndef PODO_LIB_CONTEXT_PROCESS_CONTEXT_H_
#define PODO_LIB_CONTEXT_PROCESS_CONTEXT_H_

#include <sys/types.h>

#include <string>

#include "base/status.h"

namespace podo::context {

// One per process. Not thread-safe.
class ProcessContext {
 public:
  // Publishes or replaces the payload (encode/process_context_encoder.h). kAlreadyExists: another
  // library of the process has published one. An error leaves what was there. Costs some system
  // calls.
  base::Status Publish(const std::string& payload);

 private:
  struct Header;
  Header* header_ = nullptr;
  pid_t pid_ = 0;  // of the process that has the header
  std::string payload_;
};

}  // namespace podo::context

#endif  // PODO_LIB_CONTEXT_PROCESS_CONTEXT_H_
