// SPDX-License-Identifier: Apache-2.0
#include "context/process_context.h"

#include <errno.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

namespace podo::context {
namespace {

constexpr char kName[] = "OTEL_CTX";
constexpr size_t kPage = 4096;

uint64_t BootClockNs() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// A mapping that readers find by its name: of a memory file, or anonymous where there is none.
void* MapNamed() {
  int fd = memfd_create(kName, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (fd < 0) fd = memfd_create(kName, MFD_CLOEXEC | MFD_ALLOW_SEALING);  // before Linux 6.3
  void* memory = MAP_FAILED;
  if (fd >= 0 && ftruncate(fd, kPage) == 0) {
    memory = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  }
  if (fd >= 0) close(fd);
  if (memory == MAP_FAILED) {
    memory = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
  return memory;
}

// Another library of the process may have published its own.
bool SomebodyPublishes() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(kName) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

struct ProcessContext::Header {
  char signature[8];
  uint32_t version;
  uint32_t payload_size;
  // 0 while the header changes; written last, so that a reader who finds the same time before and
  // after reading has read one state. Other processes read: no C++ order reaches them, but the
  // fences order the stores on this side.
  std::atomic<uint64_t> published_at_ns;
  const char* payload;
};

base::Status ProcessContext::Publish(const std::string& payload) {
  static_assert(sizeof(Header) == 32);
  if (pid_ != getpid()) header_ = nullptr;  // a fork child has not inherited it
  if (header_ == nullptr) {
    if (SomebodyPublishes()) {
      return base::AlreadyExistsError("another library publishes the process context");
    }
    void* memory = MapNamed();
    if (memory == MAP_FAILED) {
      return base::ResourceExhaustedError(
          absl::StrCat("no memory to publish the process context: ", std::strerror(errno)));
    }
    // A fork child is another process; it has to say so itself.
    madvise(memory, kPage, MADV_DONTFORK);
    header_ = static_cast<Header*>(memory);
    pid_ = getpid();
  }
  header_->published_at_ns.store(0, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  std::memcpy(header_->signature, kName, sizeof header_->signature);
  payload_ = payload;
  header_->version = 2;
  header_->payload_size = static_cast<uint32_t>(payload_.size());
  header_->payload = payload_.data();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  header_->published_at_ns.store(BootClockNs(), std::memory_order_seq_cst);
  // Readers look for the name; older kernels know none, and find the memory file.
  prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, header_, kPage, kName);
  return base::OkStatus();
}

}  // namespace podo::context
