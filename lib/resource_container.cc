// SPDX-License-Identifier: Apache-2.0
// What /proc/self/cgroup and mountinfo tell of the container and the pod.
#include "resource_container.h"

#include <algorithm>
#include <vector>

#include "resource.h"

namespace podo {
namespace {

constexpr size_t kIdDigits = 64;

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Takes the text up to `divider` off the front of `text`, or all of it.
std::string_view TakeUntil(std::string_view* text, char divider) {
  const size_t end = std::min(text->find(divider), text->size());
  const std::string_view part = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return part;
}

// "32 hex digits-digits", as Fargate has it.
bool IsEcsTask(std::string_view text) {
  constexpr size_t kDigits = 32;
  if (text.size() < kDigits + 2 || text.size() > kDigits + 21 || text[kDigits] != '-') return false;
  return IsHex(text.substr(0, kDigits)) &&
         text.substr(kDigits + 1).find_first_not_of("0123456789") == std::string_view::npos;
}

// The id in one segment of a cgroup's path: "ID", "docker-ID.scope", "crio-ID", and
// "kubepods-….slice:cri-containerd:ID". conmon is podman's and cri-o's guard, not the container.
std::string_view IdInSegment(std::string_view segment, bool is_ecs) {
  if (is_ecs && IsEcsTask(segment)) return segment;
  constexpr std::string_view kScope = ".scope";
  if (segment.ends_with(kScope)) segment.remove_suffix(kScope.size());
  const size_t mark = segment.find_last_of("-:");
  const std::string_view before = segment.substr(0, mark == std::string_view::npos ? 0 : mark);
  if (before.ends_with("conmon")) return {};
  const std::string_view id = segment.substr(mark + 1);  // npos + 1 is 0
  return id.size() == kIdDigits && IsHex(id) ? id : std::string_view();
}

// "N:controllers:PATH" lines; the last segment that is an id is the innermost container.
std::string_view IdInCgroup(std::string_view cgroup) {
  while (!cgroup.empty()) {
    std::string_view line = TakeUntil(&cgroup, '\n');
    TakeUntil(&line, ':');
    TakeUntil(&line, ':');
    std::string_view id;
    const bool is_ecs = line.starts_with("/ecs/");
    while (!line.empty()) {
      const std::string_view found = IdInSegment(TakeUntil(&line, '/'), is_ecs);
      if (!found.empty()) id = found;
    }
    if (!id.empty()) return id;
  }
  return {};
}

struct Mount {
  std::string_view root;   // of the mount within its file system
  std::string_view point;  // where it is seen
};

std::vector<Mount> ParseMounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  while (!mountinfo.empty()) {
    std::string_view line = TakeUntil(&mountinfo, '\n');
    for (int field = 0; field < 3; ++field) TakeUntil(&line, ' ');  // id, parent, device
    const std::string_view root = TakeUntil(&line, ' ');
    mounts.push_back({root, TakeUntil(&line, ' ')});
  }
  return mounts;
}

// The segment of `path` behind one called `before`, if it is there.
std::string_view SegmentAfter(std::string_view path, std::string_view before) {
  while (!path.empty()) {
    if (TakeUntil(&path, '/') == before) return TakeUntil(&path, '/');
  }
  return {};
}

// kubelet mounts "…/pods/UID/etc-hosts" and "…/pods/UID/containers/NAME/HASH".
std::string_view PodOf(const Mount& mount) {
  const bool is_kubelets = mount.point == "/etc/hosts" || mount.point == "/dev/termination-log" ||
                           mount.root.find("/kubelet/pods/") != std::string_view::npos;
  const std::string_view uid = is_kubelets ? SegmentAfter(mount.root, "pods") : std::string_view();
  return uid.size() >= 32 && uid.size() <= 36 && IsHex(uid.substr(0, 8)) ? uid : std::string_view();
}

// In a pod these are the sandbox's: all containers of the pod have them from there.
bool IsSandboxFile(std::string_view point) {
  return point == "/etc/hostname" || point == "/etc/hosts" || point == "/etc/resolv.conf" ||
         point == "/dev/shm";
}

std::string_view IdInMounts(std::string_view mountinfo) {
  const std::vector<Mount> mounts = ParseMounts(mountinfo);
  const bool in_pod = std::any_of(mounts.begin(), mounts.end(),
                                  [](const Mount& mount) { return !PodOf(mount).empty(); });
  for (const Mount& mount : mounts) {
    if (in_pod && IsSandboxFile(mount.point)) continue;
    for (const char* home : {"containers", "overlay-containers"}) {
      const std::string_view id = SegmentAfter(mount.root, home);
      if (id.size() == kIdDigits && IsHex(id)) return id;
    }
  }
  return {};
}

// "pod4ad9…" of cgroupfs, "kubepods-besteffort-pod4ad9_….slice" of systemd, which has '_' for '-'.
std::string PodInCgroup(std::string_view cgroup) {
  constexpr size_t kUidSize = 36;
  for (size_t at = cgroup.find("pod"); at != std::string_view::npos;
       at = cgroup.find("pod", at + 1)) {
    std::string uid(cgroup.substr(at + 3, kUidSize));
    std::replace(uid.begin(), uid.end(), '_', '-');
    const bool has_shape = uid.size() == kUidSize && std::count(uid.begin(), uid.end(), '-') == 4;
    if (has_shape && uid.find_first_not_of("0123456789abcdef-") == std::string::npos) return uid;
  }
  return {};
}

}  // namespace

std::string FindContainerId(std::string_view cgroup, std::string_view mountinfo) {
  const std::string_view id = IdInCgroup(cgroup);
  return std::string(id.empty() ? IdInMounts(mountinfo) : id);
}

PodFacts FindPod(std::string_view cgroup, std::string_view mountinfo) {
  PodFacts pod;
  pod.uid = PodInCgroup(cgroup);
  for (const Mount& mount : ParseMounts(mountinfo)) {
    const std::string_view uid = PodOf(mount);
    if (uid.empty()) continue;
    if (pod.uid.empty()) pod.uid = std::string(uid);
    if (mount.point != "/dev/termination-log") continue;
    pod.container = std::string(SegmentAfter(mount.root, "containers"));
  }
  return pod;
}

}  // namespace podo
