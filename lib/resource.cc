// SPDX-License-Identifier: Apache-2.0
#include "resource.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/parse_value.h"
#include "model/utf8.h"
#include "resource_container.h"

namespace podo {
namespace {

constexpr char kServiceName[] = "service.name";
constexpr size_t kMaxValueBytes = 1024;

// In whatever else runs these names mean something else (Jenkins has a NODE_NAME), so those without
// a prefix count only where Kubernetes is.
struct KubernetesName {
  const char* key;
  const char* prefixed[3];
  const char* bare[3];
};
constexpr KubernetesName kKubernetesNames[] = {
    {"k8s.namespace.name",
     {"K8S_NAMESPACE_NAME", "K8S_POD_NAMESPACE", "KUBERNETES_NAMESPACE"},
     {"POD_NAMESPACE", "MY_POD_NAMESPACE"}},
    {"k8s.deployment.name",
     {"K8S_DEPLOYMENT_NAME", "KUBERNETES_DEPLOYMENT_NAME"},
     {"DEPLOYMENT_NAME"}},
    {"k8s.pod.name",
     {"K8S_POD_NAME", "KUBERNETES_POD_NAME"},
     {"POD_NAME", "MY_POD_NAME", "HOSTNAME"}},
    {"k8s.container.name",
     {"K8S_CONTAINER_NAME", "KUBERNETES_CONTAINER_NAME"},
     {"CONTAINER_NAME", "MY_CONTAINER_NAME"}},
    {"k8s.node.name", {"K8S_NODE_NAME", "KUBERNETES_NODE_NAME"}, {"NODE_NAME", "MY_NODE_NAME"}},
    {"k8s.pod.uid", {"K8S_POD_UID", "KUBERNETES_POD_UID"}, {"POD_UID", "MY_POD_UID"}},
    {"k8s.cluster.name", {"K8S_CLUSTER_NAME", "KUBERNETES_CLUSTER_NAME"}, {}},
};

std::string_view Find(absl::Span<const char* const> environment, std::string_view name) {
  for (const char* entry : environment) {
    const std::string_view text(entry != nullptr ? entry : "");
    if (text.size() > name.size() && text[name.size()] == '=' && text.starts_with(name)) {
      return base::TrimBlanks(text.substr(name.size() + 1));
    }
  }
  return {};
}

std::string_view FindKubernetes(absl::Span<const char* const> environment,
                                const KubernetesName& names) {
  const bool in_kubernetes = !Find(environment, "KUBERNETES_SERVICE_HOST").empty();
  for (const auto& list : {names.prefixed, names.bare}) {
    if (list == names.bare && !in_kubernetes) break;
    for (size_t i = 0; i < std::size(names.bare) && list[i] != nullptr; ++i) {
      const std::string_view value = Find(environment, list[i]);
      if (!value.empty()) return value;
    }
  }
  return {};
}

const char* HostArch(std::string_view machine) {
  constexpr std::pair<std::string_view, const char*> kNames[] = {
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"arm", "arm32"},    {"i", "x86"},
      {"ppc64", "ppc64"},  {"s390x", "s390x"},   {"riscv", "riscv64"}};
  for (const auto& [prefix, name] : kNames) {
    if (machine.starts_with(prefix)) return name;
  }
  return "";
}

// Empty values are left out, so is a key that is there already.
void Add(std::string_view key, std::string_view value, Labels* labels) {
  if (value.empty()) return;
  if (std::any_of(labels->begin(), labels->end(),
                  [&](const base::KeyValue& other) { return other.key == key; })) {
    return;
  }
  std::string text = model::ToValidUtf8(value.substr(0, kMaxValueBytes / 3));
  labels->push_back({std::string(key), std::move(text)});
}

void AddKubernetes(const ProcessFacts& facts, absl::Span<const char* const> environment,
                   Labels* labels) {
  const PodFacts pod = FindPod(facts.cgroup, facts.mountinfo);
  for (const KubernetesName& names : kKubernetesNames) {
    Add(names.key, FindKubernetes(environment, names), labels);
    // Where its place in the order of keys is.
    if (names.key == std::string_view("k8s.container.name")) Add(names.key, pod.container, labels);
    if (names.key == std::string_view("k8s.pod.uid")) Add(names.key, pod.uid, labels);
  }
}

}  // namespace

Labels DetectAttributes(const ProcessFacts& facts, absl::Span<const char* const> environment) {
  Labels labels;
  AddKubernetes(facts, environment, &labels);
  Add("host.name", facts.host_name, &labels);
  Add("container.id", FindContainerId(facts.cgroup, facts.mountinfo), &labels);
  Add(kInstanceId, FormatUuid(facts.chance), &labels);
  Add("process.executable.name",
      std::string_view(facts.executable).substr(facts.executable.rfind('/') + 1), &labels);
  if (facts.pid > 0) Add(kPid, absl::StrCat(facts.pid), &labels);
  Add("host.arch", HostArch(facts.machine), &labels);
  Add("os.type", "linux", &labels);
  Add("process.executable.path", facts.executable, &labels);
  Add("telemetry.sdk.name", "podo", &labels);
  Add("telemetry.sdk.language", "cpp", &labels);
  Add("telemetry.sdk.version", PODO_VERSION, &labels);
  return labels;
}

std::string FormatUuid(std::array<uint8_t, 16> chance) {
  constexpr char kHex[] = "0123456789abcdef";
  chance[6] = static_cast<uint8_t>((chance[6] & 0x0F) | 0x40);  // version 4
  chance[8] = static_cast<uint8_t>((chance[8] & 0x3F) | 0x80);  // variant of the RFC
  std::string text;
  for (size_t i = 0; i < chance.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += {kHex[chance[i] >> 4], kHex[chance[i] & 15]};
  }
  return text;
}

Labels ResourceLabels(const Config& config) {
  Labels all = {{kServiceName, config.service_name.value}};
  for (const Labels* labels :
       {&config.labels.value, &config.resource_attributes.value, &config.detected_attributes}) {
    for (const base::KeyValue& label : *labels) {
      const bool is_known = std::any_of(all.begin(), all.end(), [&](const base::KeyValue& other) {
        return other.key == label.key;
      });
      if (!is_known) all.push_back(label);
    }
  }
  return all;
}

std::vector<encode::OtlpAttribute> ResourceAttributes(const Config& config) {
  std::vector<encode::OtlpAttribute> attributes;
  for (base::KeyValue& label : ResourceLabels(config)) {
    int64_t pid = 0;
    const char* end = label.value.data() + label.value.size();
    if (label.key == kPid && std::from_chars(label.value.data(), end, pid).ptr == end && pid > 0) {
      attributes.push_back({std::move(label.key), pid});
    } else {
      attributes.push_back({std::move(label.key), std::move(label.value)});
    }
  }
  return attributes;
}

std::string InstanceId(const Config& config) {
  for (const base::KeyValue& label : ResourceLabels(config)) {
    if (label.key == kInstanceId) return label.value;
  }
  return {};
}

}  // namespace podo
