// SPDX-License-Identifier: Apache-2.0
// What is known of this process without being told, named as OpenTelemetry's semantic conventions
// have it (1.44): host, process, container, Kubernetes. Pure functions of text.
//
// Nothing secret: no command line, no user, and of the environment only the variables by which
// Kubernetes' downward API usually tells names.
#ifndef PODO_LIB_RESOURCE_H_
#define PODO_LIB_RESOURCE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "config.h"
#include "encode/otlp_encoder.h"

namespace podo {

inline constexpr char kInstanceId[] = "service.instance.id";
inline constexpr char kPid[] = "process.pid";

// As the system says it; what is empty or 0 is not known.
struct ProcessFacts {
  std::string host_name;  // nodename of uname
  std::string machine;    // of uname: "x86_64"
  int64_t pid = 0;
  std::string executable;            // absolute path
  std::string cgroup;                // /proc/self/cgroup
  std::string mountinfo;             // /proc/self/mountinfo
  std::array<uint8_t, 16> chance{};  // random: what the instance id is made of
};

// This process. Some 100 us; reads at most 64 KiB of each file and does not wait.
ProcessFacts ReadProcessFacts();
// The executable's own path, whatever argv[0] claims; where /proc is missing, its short name.
std::string ReadExecutablePath();

// The attributes, the most wanted first. `environment` as in ParseConfig; nothing of it is taken in
// a secure execution, where it is empty.
Labels DetectAttributes(const ProcessFacts& facts, absl::Span<const char* const> environment);

// 64 hex digits (on ECS 32, '-' and a number) of the innermost container that cgroup v1 or v2 names
// (docker, containerd, cri-o, podman, with cgroupfs or systemd); where a cgroup namespace hides it,
// of the directory from which the container's own files are mounted. Empty: none, or only that of a
// pod's sandbox can be seen, which is another container.
std::string FindContainerId(std::string_view cgroup, std::string_view mountinfo);

// Of RFC 9562, version 4, from 16 random bytes.
std::string FormatUuid(std::array<uint8_t, 16> chance);

// What every profile tells of its origin, the most wanted first, since some receivers take no more
// than 30: service.name, PODO_LABELS, then OTEL_RESOURCE_ATTRIBUTES, then what was detected; of
// equal keys the first of these holds.
Labels ResourceLabels(const Config& config);
// The same with types: process.pid is a number.
std::vector<encode::OtlpAttribute> ResourceAttributes(const Config& config);
// service.instance.id: given, or new with every Start.
std::string InstanceId(const Config& config);

}  // namespace podo

#endif  // PODO_LIB_RESOURCE_H_
