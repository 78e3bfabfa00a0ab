// SPDX-License-Identifier: Apache-2.0
#include "export/host_resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/wakeup.h"

namespace podo::exporting {

struct HostResolver::Shared {
  struct Job {
    uint64_t id;
    std::string host;
    uint16_t port;
  };

  Lookup lookup;
  base::Wakeup wakeup;
  std::mutex mutex;
  std::deque<Job> jobs;              // under mutex
  boost::asio::io_context* io;       // under mutex; null once the resolver is gone
  std::map<uint64_t, Done> waiting;  // of the thread that runs io; the other one never touches it

  bool Take(Job* job) {
    const std::lock_guard lock(mutex);
    if (jobs.empty()) return false;
    *job = std::move(jobs.front());
    jobs.pop_front();
    return true;
  }
  bool closed() {
    const std::lock_guard lock(mutex);
    return io == nullptr;
  }
};

HostResolver::HostResolver(boost::asio::io_context* io, StartThread start_thread, Lookup lookup)
    : start_thread_(std::move(start_thread)), shared_(std::make_shared<Shared>()) {
  shared_->lookup = std::move(lookup);
  shared_->io = io;
}

HostResolver::~HostResolver() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->io = nullptr;
    shared_->jobs.clear();
  }
  shared_->waiting.clear();
  shared_->wakeup.Post();
}

uint64_t HostResolver::Resolve(const std::string& host, uint16_t port, Done done) {
  const uint64_t id = next_id_++;
  shared_->waiting.emplace(id, std::move(done));
  if (!started_) {
    const base::Status status =
        start_thread_("podo-names", [shared = shared_] { HostResolver::Run(shared); });
    if (!status.ok()) {
      boost::asio::post(*shared_->io, [shared = shared_, id, status] {
        if (auto node = shared->waiting.extract(id)) node.mapped()(status);
      });
      return id;
    }
    started_ = true;
  }
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->jobs.push_back({id, host, port});
  }
  shared_->wakeup.Post();
  return id;
}

void HostResolver::Cancel(uint64_t id) {
  shared_->waiting.erase(id);
  const std::lock_guard lock(shared_->mutex);
  std::erase_if(shared_->jobs, [&](const Shared::Job& job) { return job.id == id; });
}

void HostResolver::Run(const std::shared_ptr<Shared>& shared) {
  constexpr int64_t kIdleNs = 60'000'000'000;
  while (!shared->closed()) {
    Shared::Job job;
    if (!shared->Take(&job)) {
      shared->wakeup.WaitFor(kIdleNs);
      continue;
    }
    auto addresses = shared->lookup(job.host, job.port);
    const std::lock_guard lock(
        shared->mutex);  // keeps the io_context there until it has the answer
    if (shared->io == nullptr) return;
    boost::asio::post(*shared->io,
                      [shared, id = job.id, addresses = std::move(addresses)]() mutable {
                        if (auto node = shared->waiting.extract(id))
                          node.mapped()(std::move(addresses));
                      });
  }
}

base::StatusOr<std::vector<SocketAddress>> HostResolver::GetAddressInfo(const std::string& host,
                                                                        uint16_t port) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), absl::StrCat(port).c_str(), &hints, &found);
  if (code != 0) return base::UnavailableError(gai_strerror(code));
  std::vector<SocketAddress> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    if (one->ai_family != AF_INET && one->ai_family != AF_INET6) continue;
    addresses.emplace_back(reinterpret_cast<const char*>(one->ai_addr), one->ai_addrlen);
  }
  freeaddrinfo(found);
  if (addresses.empty()) return base::UnavailableError("no address");
  return addresses;
}

}  // namespace podo::exporting
