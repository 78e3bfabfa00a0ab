// SPDX-License-Identifier: Apache-2.0
#include "resource.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace podo {
namespace {

std::string Value(const Labels& labels, const std::string& key) {
  std::string value;
  int count = 0;
  for (const base::KeyValue& label : labels) {
    if (label.key != key) continue;
    value = label.value;
    ++count;
  }
  CHECK(count <= 1);
  return value;
}

Labels Detect(const ProcessFacts& facts, const std::vector<const char*>& environment = {}) {
  return DetectAttributes(facts, environment);
}

const std::string kId = "3fa9e5f0c1d24b7b8d1c0f4c9a2b6d7e8f90123456789abcdef0fedcba987654";
const std::string kOther = "00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee";
const std::string kPod = "4ad9b6b1-2c3d-4e5f-8a9b-0c1d2e3f4a5b";
const std::string kPodUnderscored = "4ad9b6b1_2c3d_4e5f_8a9b_0c1d2e3f4a5b";

// A line of mountinfo: `root` of the file system, seen at `point`.
std::string Mount(const std::string& root, const std::string& point) {
  return "821 799 254:1 " + root + " " + point + " rw,relatime - ext4 /dev/vda1 rw\n";
}
const std::string kOverlay =
    "799 650 0:60 / / rw,relatime master:300 - overlay overlay rw,lowerdir=/var/lib/docker/"
    "overlay2/l/ABC,upperdir=/var/lib/docker/overlay2/" +
    kOther + "/diff\n";

TEST_CASE("the container's id is found where runtimes put it") {
  struct Case {
    const char* what;
    std::string cgroup, mountinfo, id;
  };
  const Case cases[] = {
      {"a host", "0::/user.slice/user-1000.slice/session-3.scope\n", Mount("/", "/"), ""},
      {"nothing to read", "", "", ""},
      {"docker, v1", "12:cpu,cpuacct:/docker/" + kId + "\n11:memory:/docker/" + kId + "\n0::/\n",
       "", kId},
      {"docker, v1, first controller at the root", "13:rdma:/\n12:pids:/docker/" + kId + "\n", "",
       kId},
      {"docker, systemd", "0::/system.slice/docker-" + kId + ".scope\n", "", kId},
      {"docker in docker", "1:name=systemd:/docker/" + kOther + "/docker/" + kId + "\n", "", kId},
      {"systemd in docker", "0::/docker/" + kId + "/system.slice/checkout.service\n", "", kId},
      {"kubelet, v1, cgroupfs", "11:cpu:/kubepods/burstable/pod" + kPod + "/" + kId + "\n", "",
       kId},
      {"kind",
       "0::/docker/" + kOther + "/kubelet/kubepods/besteffort/pod" + kPod + "/" + kId + "\n", "",
       kId},
      {"containerd, systemd",
       "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + kPodUnderscored +
           ".slice/cri-containerd-" + kId + ".scope\n",
       "", kId},
      {"containerd, v1 below its service",
       "5:devices:/system.slice/containerd.service/kubepods-besteffort-pod" + kPodUnderscored +
           ".slice:cri-containerd:" + kId + "\n",
       "", kId},
      {"cri-o",
       "0::/kubepods.slice/kubepods-pod" + kPodUnderscored + ".slice/crio-" + kId +
           ".scope/container\n",
       "", kId},
      {"cri-o's guard", "0::/kubepods.slice/crio-conmon-" + kId + ".scope\n", "", ""},
      {"podman", "0::/machine.slice/libpod-" + kId + ".scope/container\n", "", kId},
      {"podman without root",
       "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId + ".scope\n", "",
       kId},
      {"ECS", "9:perf_event:/ecs/0f1e2d3c4b5a69788796a5b4c3d2e1f0/" + kId + "\n", "", kId},
      {"Fargate",
       "9:perf_event:/ecs/0f1e2d3c4b5a69788796a5b4c3d2e1f0/"
       "0f1e2d3c4b5a69788796a5b4c3d2e1f0-2531612879\n",
       "", "0f1e2d3c4b5a69788796a5b4c3d2e1f0-2531612879"},
      {"docker, v2 with a namespace", "0::/\n",
       kOverlay + Mount("/var/lib/docker/containers/" + kId + "/resolv.conf", "/etc/resolv.conf") +
           Mount("/var/lib/docker/containers/" + kId + "/hostname", "/etc/hostname"),
       kId},
      {"docker on a disk of its own", "0::/\n",
       Mount("/containers/" + kId + "/hostname", "/etc/hostname"), kId},
      {"podman, v2 with a namespace", "0::/\n",
       Mount("/srv/builds/.local/share/containers/storage/overlay-containers/" + kId +
                 "/userdata/hostname",
             "/etc/hostname"),
       kId},
      {"podman, in memory", "0::/\n",
       Mount("/containers/overlay-containers/" + kId + "/userdata/.containerenv",
             "/run/.containerenv"),
       kId},
      {"containerd, v2 with a namespace: only the sandbox is seen", "0::/\n",
       Mount("/var/lib/kubelet/pods/" + kPod + "/etc-hosts", "/etc/hosts") +
           Mount("/run/containerd/io.containerd.grpc.v1.cri/sandboxes/" + kOther + "/hostname",
                 "/etc/hostname"),
       ""},
      {"cri-o, v2 with a namespace: the sandbox's files, then its own", "0::/\n",
       Mount("/var/run/containers/storage/overlay-containers/" + kOther + "/userdata/hostname",
             "/etc/hostname") +
           Mount("/var/lib/kubelet/pods/" + kPod + "/etc-hosts", "/etc/hosts") +
           Mount("/containers/storage/overlay-containers/" + kId + "/userdata/run/secrets",
                 "/run/secrets"),
       kId},
      {"upper case is no id", "0::/docker/" + std::string(64, 'A') + "\n", "", ""},
      {"63 and 65 digits are no id", "0::/docker/" + kId.substr(1) + "\n1:a:/docker/" + kId + "a\n",
       "", ""},
      {"a cut text", "0::/system.slice/docker-" + kId.substr(0, 40), "", ""},
      {"lines without their fields", "0\n:\n::\n\n\n", "1\n2 3 4\n \n", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    CHECK(FindContainerId(c.cgroup, c.mountinfo) == c.id);
  }
}

TEST_CASE("kubelet's cgroups and mounts name the pod and the container in it") {
  struct Case {
    const char* what;
    std::string cgroup, mountinfo, uid, container;
  };
  const std::string log = "/pods/" + kPod + "/containers/checkout/0a1b2c3d";
  const Case cases[] = {
      {"a host", "0::/user.slice\n", Mount("/", "/"), "", ""},
      {"cgroupfs", "1:cpu:/kubepods/burstable/pod" + kPod + "/" + kId + "\n", "", kPod, ""},
      {"systemd",
       "0::/kubepods.slice/kubepods-pod" + kPodUnderscored + ".slice/crio-" + kId + ".scope\n", "",
       kPod, ""},
      {"mounts", "0::/\n", Mount("/var/lib/kubelet" + log, "/dev/termination-log"), kPod,
       "checkout"},
      {"mounts of a disk of kubelet's own", "0::/\n", Mount(log, "/dev/termination-log"), kPod,
       "checkout"},
      {"other places called pods", "0::/podman/pods\n",
       Mount("/srv/pods/" + kPod + "/x", "/x") + Mount("/var/lib/kubelet/pods/x/y", "/y"), "", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    ProcessFacts facts;
    facts.cgroup = c.cgroup;
    facts.mountinfo = c.mountinfo;
    CHECK(Value(Detect(facts), "k8s.pod.uid") == c.uid);
    CHECK(Value(Detect(facts), "k8s.container.name") == c.container);
  }
}

TEST_CASE("names of Kubernetes come from the usual variables") {
  struct Case {
    std::vector<const char*> environment;
    const char *key, *value;
  };
  const char* kIn = "KUBERNETES_SERVICE_HOST=10.0.0.1";
  const Case cases[] = {
      {{kIn, "POD_NAME=pay-7"}, "k8s.pod.name", "pay-7"},
      {{kIn, "MY_POD_NAME=pay-7"}, "k8s.pod.name", "pay-7"},
      {{kIn, "HOSTNAME=pay-7"}, "k8s.pod.name", "pay-7"},
      {{kIn, "HOSTNAME=h", "POD_NAME=pay-7"}, "k8s.pod.name", "pay-7"},
      {{kIn, "POD_NAME=a", "K8S_POD_NAME=b"}, "k8s.pod.name", "b"},
      {{kIn, "POD_NAME= "}, "k8s.pod.name", ""},
      {{"HOSTNAME=laptop"}, "k8s.pod.name", ""},
      {{"NODE_NAME=jenkins-agent"}, "k8s.node.name", ""},
      {{"K8S_NODE_NAME=n1"}, "k8s.node.name", "n1"},
      {{kIn, "NODE_NAME=n1"}, "k8s.node.name", "n1"},
      {{kIn, "POD_NAMESPACE=prod"}, "k8s.namespace.name", "prod"},
      {{kIn, "POD_UID=u"}, "k8s.pod.uid", "u"},
      {{kIn, "CONTAINER_NAME=c"}, "k8s.container.name", "c"},
      {{"K8S_DEPLOYMENT_NAME=d"}, "k8s.deployment.name", "d"},
      {{"K8S_CLUSTER_NAME=c"}, "k8s.cluster.name", "c"},
      {{nullptr, "K8S_POD_NAME", "K8S_POD_NAMES=x"}, "k8s.pod.name", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.key);
    CHECK(Value(Detect({}, c.environment), c.key) == c.value);
  }
}

TEST_CASE("a process is described by host, executable, pid and podo itself") {
  ProcessFacts facts;
  facts.host_name = "web\xFF";
  facts.machine = "x86_64";
  facts.pid = 42;
  facts.executable = "/opt/pay/bin/checkout";
  facts.cgroup = "0::/docker/" + kId + "\n";
  facts.chance = {0, 1, 2, 3, 4, 5, 0xF6, 7, 0xF8, 9, 10, 11, 12, 13, 14, 15};
  CHECK(Detect(facts) == Labels{{"host.name", "web\xEF\xBF\xBD"},
                                {"container.id", kId},
                                {"service.instance.id", "00010203-0405-4607-b809-0a0b0c0d0e0f"},
                                {"process.executable.name", "checkout"},
                                {"process.pid", "42"},
                                {"host.arch", "amd64"},
                                {"os.type", "linux"},
                                {"process.executable.path", "/opt/pay/bin/checkout"},
                                {"telemetry.sdk.name", "podo"},
                                {"telemetry.sdk.language", "cpp"},
                                {"telemetry.sdk.version", podo_version()}});
  facts.machine = "aarch64";
  CHECK(Value(Detect(facts), "host.arch") == "arm64");
  facts.machine = "vax";
  CHECK(Value(Detect(facts), "host.arch") == "");
}

TEST_CASE("nothing of the environment is told but the names asked for") {
  for (const base::KeyValue& label :
       Detect({}, {"KUBERNETES_SERVICE_HOST=hunter2", "HOME=/hunter2", "PASSWORD=hunter2",
                   "PODO_HEADERS=hunter2", "POD_IP=hunter2", "USER=hunter2"})) {
    CHECK(label.value.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("labels beat attributes, which beat what was detected; the most wanted come first") {
  std::vector<std::string> messages;
  const char* const environment[] = {
      "PODO_SERVICE_NAME=pay", "PODO_LABELS=team=a,host.name=given",
      "OTEL_RESOURCE_ATTRIBUTES=team=b,service.version=1.2,service.instance.id=i-1"};
  Config config = ParseConfig(environment, false, "exe", &messages);
  CHECK(InstanceId(config) == "i-1");
  config.detected_attributes = {{"k8s.pod.name", "pay-7"},    {"host.name", "detected"},
                                {"service.instance.id", "d"}, {"service.version", "d"},
                                {"process.pid", "42"},        {"os.type", "linux"}};
  CHECK(ResourceLabels(config) == Labels{{"service.name", "pay"},
                                         {"team", "a"},
                                         {"host.name", "given"},
                                         {"service.version", "1.2"},
                                         {"service.instance.id", "i-1"},
                                         {"k8s.pod.name", "pay-7"},
                                         {"process.pid", "42"},
                                         {"os.type", "linux"}});
  CHECK(InstanceId(config) == "i-1");
  const std::vector<encode::OtlpAttribute> attributes = ResourceAttributes(config);
  REQUIRE(attributes.size() == 8);
  CHECK(std::get<std::string>(attributes[0].value) == "pay");
  CHECK(std::get<int64_t>(attributes[6].value) == 42);
  // The comments of a profile say where, and not all there is to know.
  CHECK(AllLabels(config) == Labels{{"service.version", "1.2"},
                                    {"service.instance.id", "i-1"},
                                    {"team", "a"},
                                    {"host.name", "given"},
                                    {"k8s.pod.name", "pay-7"},
                                    {"process.pid", "42"}});
}

TEST_CASE("a pid that is not a number is told as it was given") {
  Config config;
  config.detected_attributes = {{"process.pid", "4x"}};
  CHECK(std::get<std::string>(ResourceAttributes(config).back().value) == "4x");
}

TEST_CASE("this process has an id that no other run has") {
  std::vector<std::string> messages;
  const char* const none[] = {nullptr};
  const Config first = ReadProcessConfig(none, &messages);
  const Config second = ReadProcessConfig(none, &messages);
  CHECK(InstanceId(first) != InstanceId(second));
  CHECK(InstanceId(first).size() == 36);
  CHECK(InstanceId(first)[14] == '4');
  CHECK(Value(ResourceLabels(first), "process.executable.name") == "podo_unit_config");
  CHECK(Value(ResourceLabels(first), "process.pid") == std::to_string(getpid()));
  CHECK(!Value(ResourceLabels(first), "host.name").empty());
  CHECK(ReadProcessConfig(std::vector<const char*>{"PODO_ENABLED=0", nullptr}.data(), &messages)
            .detected_attributes.empty());
}

TEST_CASE("a fork child has an instance id of its own, found or given") {
  std::vector<std::string> messages;
  const char* const none[] = {nullptr};
  Config child = ReadProcessConfig(none, &messages);
  const Config parent = child;
  RedetectProcess(&child);
  CHECK(InstanceId(child) != InstanceId(parent));
  CHECK(InstanceId(child).size() == 36);
  CHECK(Value(ResourceLabels(child), "process.pid") == std::to_string(getpid()));
  CHECK(Value(ResourceLabels(child), "host.name") == Value(ResourceLabels(parent), "host.name"));
  child.labels.value = {{"service.instance.id", "web-1"}};
  RedetectProcess(&child);
  CHECK(InstanceId(child) == "web-1-" + std::to_string(getpid()));
}

}  // namespace
}  // namespace podo
