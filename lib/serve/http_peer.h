// SPDX-License-Identifier: Apache-2.0
// One client's connection: bytes in, a request; an answer, bytes out. Knows no policy and no loop.
#ifndef PODO_LIB_SERVE_HTTP_PEER_H_
#define PODO_LIB_SERVE_HTTP_PEER_H_

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/owned_fd.h"
#include "serve/http_exchange.h"

namespace podo::serve {

class HttpPeer {
 public:
  static constexpr size_t kMaxHeaderBytes = size_t{16} << 10;
  static constexpr size_t kMaxBodyBytes = size_t{1} << 20;

  enum class State {
    kReading,  // a request, or the first byte of one
    kReady,    // a whole request stands in request()
    kWaiting,  // for the handler's answer
    kWriting,
    kClosed,
  };
  using Request = boost::beast::http::request<boost::beast::http::string_body>;

  HttpPeer(base::OwnedFd socket, int64_t now_ns);

  State state() const { return state_; }
  int fd() const { return socket_.get(); }
  bool IsOurs() const { return socket_.IsOurs(); }
  int64_t deadline_ns() const { return deadline_ns_; }  // INT64_MAX: none
  int64_t since_ns() const { return since_ns_; }        // in this state
  bool has_begun() const { return has_begun_; }         // a byte of the request has come

  // In kReading: reads what there is. A request that cannot be read gets its answer and then the
  // end.
  void Read(int64_t now_ns);
  void Write(int64_t now_ns);
  // Also when the client has closed its side: nobody waits any more.
  void Close();

  const Request& request() const { return parser_->get(); }
  // After kReady: the handler has it, or it is answered at once.
  void Wait(std::shared_ptr<HttpExchange> exchange);
  void Answer(HttpAnswer answer, int64_t now_ns);
  // Takes over the handler's answer, if it has come.
  void TakeAnswer(int64_t now_ns);

 private:
  void Enter(State state, int64_t now_ns, int64_t limit_ns);
  void BeginRequest(int64_t now_ns);
  void Parse(int64_t now_ns);
  void Refuse(int status, const char* what, int64_t now_ns);

  base::OwnedFd socket_;
  State state_ = State::kReading;
  int64_t since_ns_ = 0;
  int64_t deadline_ns_ = 0;
  bool has_begun_ = false;
  bool keeps_alive_ = true;
  std::string in_;  // not parsed yet: of this request, or of one that came too early
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  std::shared_ptr<HttpExchange> exchange_;
  std::string out_;
  HttpBudget::Share share_;  // of out_
  size_t written_ = 0;
};

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_HTTP_PEER_H_
