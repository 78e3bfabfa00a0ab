// SPDX-License-Identifier: Apache-2.0
#include "serve/http_exchange.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

namespace podo::serve {

// A pair of sockets and not an eventfd: all eventfds have one inode, so one of the host's could not
// be told from ours.
HttpWakeup::HttpWakeup() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return;
  event_ = base::OwnedFd(ends[0]);
  sender_ = base::OwnedFd(ends[1]);
}

void HttpWakeup::Post() {
  const char byte = 0;
  // A full buffer wakes as well.
  if (sender_.IsOurs()) static_cast<void>(send(sender_.get(), &byte, 1, MSG_NOSIGNAL));
}

void HttpWakeup::Drain() {
  char bytes[64];
  while (event_.IsOurs() && recv(event_.get(), bytes, sizeof bytes, 0) > 0) {
  }
}

void HttpExchange::Answer(std::optional<HttpAnswer> answer) {
  if (answer.has_value()) {
    std::optional<HttpBudget::Share> share = HttpBudget::Take(budget_, answer->body.size());
    if (share.has_value()) {
      answer->share = *std::move(share);
    } else {
      answer->status = 503;
      answer->headers = {{"Content-Type", "text/plain; charset=utf-8"}};
      answer->body = "refused: too many answers wait for slow readers\n";
      answer->body.shrink_to_fit();
    }
  }
  {
    const std::lock_guard lock(mutex_);
    is_answered_ = true;
    if (is_waiting()) answer_ = std::move(answer);
  }
  wakeup_->Post();
}

bool HttpExchange::Take(std::optional<HttpAnswer>* answer) {
  const std::lock_guard lock(mutex_);
  if (!is_answered_) return false;
  *answer = std::move(answer_);
  return true;
}

}  // namespace podo::serve
