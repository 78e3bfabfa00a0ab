// SPDX-License-Identifier: Apache-2.0
// The connections that are open, so that the server can bound their number and, when it stops, ask
// each to finish and know when the last one has.
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_CONNECTIONS_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_CONNECTIONS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace checkout {

class Session;

// Thread-safe. Shared by the server and its sessions, since either may end first.
class Connections {
 public:
  void Add(Session* session, std::weak_ptr<Session> alive) {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_.emplace(session, std::move(alive));
  }

  void Remove(Session* session) {
    std::function<void()> when_empty;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      open_.erase(session);
      if (open_.empty()) std::swap(when_empty, when_empty_);
    }
    if (when_empty) when_empty();
  }

  std::size_t size() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return open_.size();
  }

  std::vector<std::shared_ptr<Session>> TakeSnapshot() {
    std::vector<std::shared_ptr<Session>> sessions;
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [session, alive] : open_) {
      if (auto held = alive.lock()) sessions.push_back(std::move(held));
    }
    return sessions;
  }

  // Calls `when_empty` once: when the last connection is gone, which may be now.
  void WhenEmpty(std::function<void()> when_empty) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!open_.empty()) {
        when_empty_ = std::move(when_empty);
        return;
      }
    }
    when_empty();
  }

 private:
  std::mutex mutex_;
  std::unordered_map<Session*, std::weak_ptr<Session>> open_;
  std::function<void()> when_empty_;
};

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_CONNECTIONS_H_
