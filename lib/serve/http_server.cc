// SPDX-License-Identifier: Apache-2.0
#include "serve/http_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "serve/access.h"

namespace podo::serve {
namespace {

namespace http = boost::beast::http;

// Descriptors or memory were spent: the host needs them more.
constexpr int64_t kAcceptPauseNs = 1'000'000'000;
// A connection younger than this is not closed for another one.
constexpr int64_t kGraceNs = 1'000'000'000;
constexpr int64_t kWritingGraceNs = 5'000'000'000;

std::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

HttpAnswer Refusal(int status, const char* text) {
  HttpAnswer answer;
  answer.status = status;
  answer.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  answer.body = text;
  return answer;
}

// What is wrong with who asks, or status 0.
HttpAnswer CheckAccess(const HttpPeer::Request& request, const ListenAddress& address,
                       const std::string& token) {
  const auto header = [&](const char* name) { return View(request[name]); };
  if (request.count(http::field::host) > 1 || request.count(http::field::authorization) > 1) {
    return Refusal(400, "refused: a header given twice\n");
  }
  if (!IsOwnHost(header("Host"), address)) {
    return Refusal(421,
                   "refused: the Host header is a name; accepted: an IP address or localhost\n");
  }
  if (IsCrossSite(header("Sec-Fetch-Site"), header("Sec-Fetch-Mode"))) {
    return Refusal(403, "refused: asked by a page of another site\n");
  }
  if (!token.empty() && !IsAuthorized(header("Authorization"), token)) {
    HttpAnswer answer = Refusal(401, "refused: accepted is Authorization: Bearer TOKEN\n");
    // Two lines: Chromium does not find its Basic in one.
    answer.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"podo\"");
    answer.headers.emplace_back("WWW-Authenticate", "Basic realm=\"podo\"");
    return answer;
  }
  const http::verb verb = request.method();
  if (verb != http::verb::get && verb != http::verb::head && verb != http::verb::post) {
    HttpAnswer answer = Refusal(405, "refused: accepted are GET, HEAD, POST\n");
    answer.headers.emplace_back("Allow", "GET, HEAD, POST");
    return answer;
  }
  if (!View(request.target()).starts_with('/')) {
    return Refusal(400, "refused: the target is no path\n");
  }
  HttpAnswer fine;
  fine.status = 0;
  return fine;
}

}  // namespace

HttpServer::HttpServer(Options options)
    : options_(std::move(options)),
      listening_(options_.listening),
      wakeup_(std::make_shared<HttpWakeup>()),
      budget_(std::make_shared<HttpBudget>()) {}

bool HttpServer::Prepare() { return listening_.get() >= 0 && wakeup_->ok(); }

void HttpServer::Stop() {
  stop_.store(true, std::memory_order_release);
  wakeup_->Post();
}

int64_t HttpServer::NextDeadlineNs(int64_t now_ns) const {
  constexpr int64_t kLongestNs = 60'000'000'000;
  int64_t next_ns = now_ns + kLongestNs;
  if (accept_again_ns_ > now_ns) next_ns = std::min(next_ns, accept_again_ns_);
  for (const HttpPeer& peer : peers_) {
    // A request that came early and had no turn yet: no event will tell of it.
    const bool is_ready = peer.state() == HttpPeer::State::kReady;
    next_ns = std::min(next_ns, is_ready ? now_ns : peer.deadline_ns());
  }
  return next_ns;
}

bool HttpServer::MayAccept(int64_t now_ns) const { return now_ns >= accept_again_ns_; }

void HttpServer::Run() {
  std::vector<pollfd> polled;
  // Numbers are checked before each use: the host may have closed them and opened files of its own.
  while (!stop_.load(std::memory_order_acquire) && listening_.IsOurs() && wakeup_->IsOurs()) {
    int64_t now_ns = base::SteadyClockNs();
    polled = {{wakeup_->fd(), POLLIN, 0}, {MayAccept(now_ns) ? listening_.get() : -1, POLLIN, 0}};
    for (const HttpPeer& peer : peers_) {
      const bool writes = peer.state() == HttpPeer::State::kWriting;
      const bool reads = peer.state() == HttpPeer::State::kReading;
      const auto events = static_cast<short>(writes ? POLLOUT : reads ? POLLIN : POLLRDHUP);
      polled.push_back({peer.fd(), events, 0});
    }
    const int64_t left_ns = std::max<int64_t>(NextDeadlineNs(now_ns) - now_ns, 0);
    constexpr int64_t kMs = 1'000'000;
    if (poll(polled.data(), polled.size(), static_cast<int>(left_ns / kMs + 1)) < 0 &&
        errno != EINTR) {
      return;
    }
    now_ns = base::SteadyClockNs();
    wakeup_->Drain();
    size_t at = 2;
    for (HttpPeer& peer : peers_) Advance(&peer, polled[at++].revents, now_ns);
    peers_.remove_if([](const HttpPeer& p) { return p.state() == HttpPeer::State::kClosed; });
    if ((polled[1].revents & POLLIN) != 0 && listening_.IsOurs()) Accept(now_ns);
    open_.store(peers_.size(), std::memory_order_relaxed);
  }
  for (HttpPeer& peer : peers_) peer.Close();
  peers_.clear();
  open_.store(0, std::memory_order_relaxed);
  listening_.Close();
}

void HttpServer::Accept(int64_t now_ns) {
  for (;;) {
    pollfd waiting = {listening_.get(), POLLIN, 0};
    if (poll(&waiting, 1, 0) <= 0) return;
    if (peers_.size() >= kMaxConnections && !MakeRoom(now_ns)) {
      accept_again_ns_ = now_ns + kAcceptPauseNs / 10;  // they wait in the kernel
      return;
    }
    base::OwnedFd socket(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.get() < 0) {
      const bool is_spent =
          errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      if (is_spent) accept_again_ns_ = now_ns + kAcceptPauseNs;
      return;
    }
    if (!IsTrusted(socket.get())) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    if (!options_.address.IsUnix()) {
      const int on = 1;
      setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    peers_.emplace_back(std::move(socket), now_ns);
  }
}

// On a unix socket: this user and root. The abstract kind has no file whose mode says so, and where
// podo runs in a pod any process of it might connect.
bool HttpServer::IsTrusted(int fd) const {
  if (!options_.address.IsUnix()) return true;
  ucred peer = {};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == geteuid();
}

// Closes the connection that has been asking for longest without having asked; else the one that
// has been reading its answer for longest.
bool HttpServer::MakeRoom(int64_t now_ns) {
  using State = HttpPeer::State;
  HttpPeer* oldest = nullptr;
  for (const auto& [state, grace_ns] :
       {std::pair(State::kReading, kGraceNs), std::pair(State::kWriting, kWritingGraceNs)}) {
    for (HttpPeer& peer : peers_) {
      if (peer.state() != state || now_ns - peer.since_ns() < grace_ns) continue;
      if (oldest == nullptr || peer.since_ns() < oldest->since_ns()) oldest = &peer;
    }
    if (oldest != nullptr) break;
  }
  if (oldest == nullptr) return false;
  refused_.fetch_add(1, std::memory_order_relaxed);
  peers_.remove_if([oldest](const HttpPeer& peer) { return &peer == oldest; });
  return true;
}

void HttpServer::Advance(HttpPeer* peer, short events, int64_t now_ns) {
  using State = HttpPeer::State;
  if (!peer->IsOurs()) return peer->Close();
  if ((events & POLLNVAL) != 0) return peer->Close();
  if (peer->state() == State::kReading && events != 0) peer->Read(now_ns);
  if (peer->state() == State::kWaiting) {
    if ((events & (POLLRDHUP | POLLHUP | POLLERR)) != 0) return peer->Close();
    peer->TakeAnswer(now_ns);
  }
  // As far as it goes without waiting; requests that came early are taken in turn.
  constexpr int kMaxInTurn = 16;
  for (int i = 0; i < kMaxInTurn; ++i) {
    if (peer->state() == State::kReady) Take(peer, now_ns);
    if (peer->state() != State::kWriting) break;
    peer->Write(now_ns);
  }
  if (peer->state() != State::kClosed && now_ns >= peer->deadline_ns()) {
    // Idle connections end without a word; those in the middle of something are refused.
    if (peer->has_begun()) refused_.fetch_add(1, std::memory_order_relaxed);
    peer->Close();
  }
}

void HttpServer::Take(HttpPeer* peer, int64_t now_ns) {
  const HttpPeer::Request& request = peer->request();
  HttpAnswer refusal = CheckAccess(request, options_.address, options_.token);
  if (refusal.status != 0) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return peer->Answer(std::move(refusal), now_ns);
  }
  requests_.fetch_add(1, std::memory_order_relaxed);
  auto exchange = std::make_shared<HttpExchange>(wakeup_, budget_);
  peer->Wait(exchange);
  options_.handle(
      std::move(exchange),
      {View(request.method_string()), View(request.target()), View(request[http::field::accept]),
       View(request[http::field::accept_encoding]), request.body()});
}

}  // namespace podo::serve
