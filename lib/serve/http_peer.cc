// SPDX-License-Identifier: Apache-2.0
#include "serve/http_peer.h"

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/status.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace podo::serve {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kHeaderNs = 5 * kSecond;
constexpr int64_t kRequestNs = 10 * kSecond;  // of the body
constexpr int64_t kIdleNs = 30 * kSecond;
constexpr int64_t kStallNs = 10 * kSecond;
constexpr size_t kReadBytes = size_t{16} << 10;

// A byte now and then is progress, but must not hold an answer's memory for ever: 100 KB/s at
// least.
int64_t WholeLimitNs(size_t bytes) {
  constexpr int64_t kByteNs = 10'000;
  return 60 * kSecond + static_cast<int64_t>(bytes) * kByteNs;
}

std::string ReasonOf(int status) {
  return std::string(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status))));
}

bool Has(const HttpAnswer& answer, beast::string_view name) {
  return std::any_of(answer.headers.begin(), answer.headers.end(),
                     [&](const auto& header) { return beast::iequals(header.first, name); });
}

// Header values come from podo's own code, but one of them may carry a stranger's text.
bool IsPlain(const std::string& text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

std::string Serialize(const HttpAnswer& answer, bool with_body, bool keeps_alive) {
  std::string out = absl::StrCat("HTTP/1.1 ", answer.status, " ", ReasonOf(answer.status), "\r\n");
  const auto add = [&out](const std::string& name, const std::string& value) {
    if (IsPlain(name) && IsPlain(value)) absl::StrAppend(&out, name, ": ", value, "\r\n");
  };
  for (const auto& [name, value] : answer.headers) add(name, value);
  if (!Has(answer, "Content-Security-Policy")) add("Content-Security-Policy", "default-src 'none'");
  if (!Has(answer, "Cache-Control")) add("Cache-Control", "no-store");
  add("X-Content-Type-Options", "nosniff");
  add("Referrer-Policy", "no-referrer");
  add("Content-Length", absl::StrCat(answer.body.size()));
  if (!keeps_alive) add("Connection", "close");
  out += "\r\n";
  if (with_body) {
    out.reserve(out.size() + answer.body.size());
    out += answer.body;
  }
  return out;
}

}  // namespace

HttpPeer::HttpPeer(base::OwnedFd socket, int64_t now_ns) : socket_(std::move(socket)) {
  BeginRequest(now_ns);
  deadline_ns_ = now_ns + kHeaderNs;  // who connects wants something
}

void HttpPeer::Enter(State state, int64_t now_ns, int64_t limit_ns) {
  state_ = state;
  since_ns_ = now_ns;
  deadline_ns_ = limit_ns == INT64_MAX ? INT64_MAX : now_ns + limit_ns;
}

void HttpPeer::BeginRequest(int64_t now_ns) {
  parser_.emplace();
  parser_->header_limit(kMaxHeaderBytes);
  parser_->body_limit(kMaxBodyBytes);
  parser_->eager(true);
  has_begun_ = false;
  Enter(State::kReading, now_ns, kIdleNs);
}

void HttpPeer::Close() {
  if (exchange_ != nullptr) exchange_->GiveUp();
  exchange_ = nullptr;
  socket_.Close();
  state_ = State::kClosed;
  deadline_ns_ = INT64_MAX;
}

void HttpPeer::Read(int64_t now_ns) {
  char bytes[kReadBytes];
  const ssize_t size = recv(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return Close();
  in_.append(bytes, static_cast<size_t>(size));
  Parse(now_ns);
}

void HttpPeer::Parse(int64_t now_ns) {
  if (!has_begun_ && !in_.empty()) {
    has_begun_ = true;
    Enter(State::kReading, now_ns, kHeaderNs);
  }
  while (!in_.empty() && !parser_->is_done()) {
    const bool had_header = parser_->is_header_done();
    beast::error_code code;
    const size_t used = parser_->put(boost::asio::buffer(in_), code);
    in_.erase(0, used);
    if (!had_header && parser_->is_header_done()) deadline_ns_ = now_ns + kRequestNs;
    if (code == http::error::need_more) {
      if (!parser_->is_header_done() && in_.size() > kMaxHeaderBytes) break;
      return;
    }
    if (code == http::error::header_limit) return Refuse(431, "headers above 16 KiB", now_ns);
    if (code == http::error::body_limit) return Refuse(413, "a body above 1 MiB", now_ns);
    if (code) return Refuse(400, "not an HTTP/1.1 request", now_ns);
    if (used == 0 && !parser_->is_done()) break;
  }
  if (parser_->is_done()) {
    keeps_alive_ = parser_->keep_alive();
    return Enter(State::kReady, now_ns, INT64_MAX);
  }
  if (in_.size() > kMaxHeaderBytes) Refuse(431, "headers above 16 KiB", now_ns);
}

void HttpPeer::Refuse(int status, const char* what, int64_t now_ns) {
  keeps_alive_ = false;
  HttpAnswer answer;
  answer.status = status;
  answer.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  answer.body = absl::StrCat("refused: ", what, "\n");
  out_ = Serialize(answer, /*with_body=*/true, keeps_alive_);
  written_ = 0;
  Enter(State::kWriting, now_ns, kStallNs);
}

void HttpPeer::Wait(std::shared_ptr<HttpExchange> exchange) {
  exchange_ = std::move(exchange);
  state_ = State::kWaiting;
}

void HttpPeer::Answer(HttpAnswer answer, int64_t now_ns) {
  out_ = Serialize(answer, request().method() != http::verb::head, keeps_alive_);
  share_ = std::move(answer.share);
  written_ = 0;
  Enter(State::kWriting, now_ns, kStallNs);
}

void HttpPeer::TakeAnswer(int64_t now_ns) {
  std::optional<HttpAnswer> answer;
  if (!exchange_->Take(&answer)) return;
  exchange_ = nullptr;
  if (!answer.has_value()) return Close();
  Answer(*std::move(answer), now_ns);
}

void HttpPeer::Write(int64_t now_ns) {
  while (written_ < out_.size()) {
    const ssize_t size = send(socket_.get(), out_.data() + written_, out_.size() - written_,
                              MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return Close();
    written_ += static_cast<size_t>(size);
    deadline_ns_ = std::min(now_ns + kStallNs, since_ns_ + WholeLimitNs(out_.size()));
  }
  out_ = {};
  share_ = {};
  if (!keeps_alive_) {
    shutdown(socket_.get(), SHUT_WR);  // the last bytes arrive before the reset of unread ones
    return Close();
  }
  BeginRequest(now_ns);
  if (!in_.empty()) Parse(now_ns);
}

}  // namespace podo::serve
