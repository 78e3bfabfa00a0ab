// SPDX-License-Identifier: Apache-2.0
// Reads what there is to know of this very process.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "base/clock.h"
#include "base/sha256.h"
#include "resource.h"

namespace podo {
namespace {

// Some hosts have thousands of mounts; a container's are among the first hundred.
constexpr size_t kMaxFileBytes = size_t{64} << 10;

std::string ReadStart(const char* path) {
  std::string text(kMaxFileBytes, '\0');
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<size_t>(got);
  }
  close(fd);
  text.resize(size);
  return text;
}

// Never waits: where the kernel has no entropy yet (early at boot), what differs between processes.
std::array<uint8_t, 16> Chance() {
  std::array<uint8_t, 16> bytes;
  if (getrandom(bytes.data(), bytes.size(), GRND_NONBLOCK) == ssize_t{16}) return bytes;
  const int64_t seeds[] = {base::WallClockNs(), base::SteadyClockNs(), getpid(),
                           static_cast<int64_t>(reinterpret_cast<intptr_t>(&bytes))};
  base::Sha256 sha;
  sha.Add({reinterpret_cast<const char*>(seeds), sizeof seeds});
  const base::Sha256::Digest digest = sha.Finish();
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  return bytes;
}

}  // namespace

std::string ReadExecutablePath() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return program_invocation_short_name;  // no /proc
  std::string_view name(path, static_cast<size_t>(size));
  constexpr std::string_view kDeleted = " (deleted)";  // the kernel's mark of a replaced file
  if (name.ends_with(kDeleted)) name.remove_suffix(kDeleted.size());
  return std::string(name);
}

ProcessFacts ReadProcessFacts() {
  ProcessFacts facts;
  utsname system = {};
  if (uname(&system) == 0) {
    facts.host_name = system.nodename;
    facts.machine = system.machine;
  }
  facts.pid = getpid();
  facts.executable = ReadExecutablePath();
  facts.cgroup = ReadStart("/proc/self/cgroup");
  facts.mountinfo = ReadStart("/proc/self/mountinfo");
  facts.chance = Chance();
  return facts;
}

}  // namespace podo
