// SPDX-License-Identifier: Apache-2.0
// The pod that a container is in, as far as the kernel shows it. Internal to lib/resource*.cc.
#ifndef PODO_LIB_RESOURCE_CONTAINER_H_
#define PODO_LIB_RESOURCE_CONTAINER_H_

#include <string>
#include <string_view>

namespace podo {

struct PodFacts {
  std::string uid;
  std::string container;  // its name in the pod's specification
};

// From the texts of /proc/self/cgroup and mountinfo; empty where they do not say. Pure.
PodFacts FindPod(std::string_view cgroup, std::string_view mountinfo);

}  // namespace podo

#endif  // PODO_LIB_RESOURCE_CONTAINER_H_
