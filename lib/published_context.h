// SPDX-License-Identifier: Apache-2.0
// What this process tells other profilers and takes from other tracers: OTEP 4719 and 4947.
#ifndef PODO_LIB_PUBLISHED_CONTEXT_H_
#define PODO_LIB_PUBLISHED_CONTEXT_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "capture/state.h"

namespace podo {

// Used by the module thread only.
class PublishedContext {
 public:
  PublishedContext(capture::State* state, std::vector<std::pair<std::string, std::string>> resource)
      : state_(state), resource_(std::move(resource)) {}

  // Modules came or went: another one may publish thread contexts, then podo only reads. Asks the
  // loader, on a thread of its own that nobody waits for; returns at once.
  void LookForTracers();
  static void ForgetInForkChild();
  // Publishes what changed since the last time.
  void Update();

 private:
  capture::State* state_;
  const std::vector<std::pair<std::string, std::string>> resource_;
  size_t keys_published_ = 0;
  bool published_ = false;
  bool refused_ = false;
};

}  // namespace podo

#endif  // PODO_LIB_PUBLISHED_CONTEXT_H_
