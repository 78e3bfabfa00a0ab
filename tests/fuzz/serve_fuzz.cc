// SPDX-License-Identifier: Apache-2.0
// What a client or a configuration says to the HTTP side. The first byte chooses: a connection's
// bytes through the server's own parser, a target, an address, an Authorization, a Host.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "serve/access.h"
#include "serve/http_peer.h"
#include "serve/listen_address.h"
#include "serve/query_text.h"
#include "serve/range.h"

namespace {

using namespace podo;

// What came is a request, a refusal or unfinished; nothing is written that was not asked for.
void ReadAsConnection(const std::string& bytes) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return;
  const base::OwnedFd client(ends[0]);
  serve::HttpPeer peer(base::OwnedFd(ends[1]), 0);
  if (send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return;
  for (int turn = 0; turn < 64 && peer.state() != serve::HttpPeer::State::kClosed; ++turn) {
    using State = serve::HttpPeer::State;
    if (peer.state() == State::kReading) {
      char byte;
      if (recv(peer.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) break;
      peer.Read(turn);
    }
    if (peer.state() == State::kReady) {
      const auto target = peer.request().target();
      serve::HttpAnswer answer;
      answer.headers.emplace_back("Location", std::string(target.data(), target.size()));
      peer.Answer(std::move(answer), turn);
    }
    if (peer.state() == State::kWriting) {
      peer.Write(turn);
      char drained[4096];
      while (recv(client.get(), drained, sizeof drained, MSG_DONTWAIT) > 0) {
      }
    }
  }
}

void ReadAsTarget(const std::string& text) {
  const podo::base::StatusOr<serve::Target> target = serve::ParseTarget(text);
  if (!target.ok()) return;
  history::Query query;
  serve::BadRequest bad;
  const serve::CompilePattern none =
      [](std::string_view) -> podo::base::StatusOr<serve::Predicate> {
    return podo::base::InvalidArgumentError("none");
  };
  constexpr int64_t kNow = 1'767'225'600'000'000'000;
  for (const char* prefix : {"", "base_"}) {
    const bool ok = serve::ReadQuery(*target, prefix, nullptr, kNow, none, &query, &bad);
    if (ok && query.from_ns >= query.until_ns) std::abort();
    if (!ok && bad.message.empty()) std::abort();
  }
}

void ReadAsAddress(const std::string& text) {
  const podo::base::StatusOr<serve::ListenAddress> address = serve::ParseListenAddress(text);
  if (!address.ok()) return;
  // What is accepted reads back as itself.
  if (!serve::ParseListenAddress(address->Text()).ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      ReadAsConnection(text.substr(0, 65536));
      break;
    case 1:
      ReadAsTarget(text);
      break;
    case 2:
      ReadAsAddress(text);
      break;
    case 3:
      if (serve::IsAuthorized(text, "correct-horse-battery") &&
          text.find("correct-horse-battery") == std::string::npos &&
          text.find_first_of("bB") != 0) {
        std::abort();
      }
      break;
    case 4:
      serve::IsOwnHost(text, *serve::ParseListenAddress("127.0.0.1:6060"));
      break;
  }
  return 0;
}
