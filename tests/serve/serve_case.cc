// SPDX-License-Identifier: Apache-2.0
// A listener with made-up answers: `podo_serve_case ADDRESS [TOKEN]`. Prints its address, then a
// line of JSON with its counters for each line on stdin; `fork` prints what a fork child has open.
// The end of stdin ends it.
//
//   /echo    method, target and size of the body      /late   after a second
//   /big     16 MB of text, or ?bytes=N               /never  no answer
//   /bytes   the same as octets                       /drop   the connection is closed
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "base/owned_fd.h"
#include "serve/listener.h"

namespace {

using namespace podo;

std::vector<serve::Respond> g_never;

size_t BytesOf(const std::string& target) {
  const size_t at = target.find("bytes=");
  return at == std::string::npos ? 16'000'000 : std::stoul(target.substr(at + 6));
}

void Answer(serve::Request request, serve::Respond respond, std::function<bool()> is_waiting) {
  serve::Response response;
  if (request.target == "/late") {
    std::thread([respond, is_waiting, response]() mutable {
      std::this_thread::sleep_for(std::chrono::seconds(1));
      response.body = is_waiting() ? "late\n" : "too late\n";
      respond(response);
    }).detach();
    return;
  }
  if (request.target == "/drop") return;
  if (request.target == "/never") return g_never.push_back(respond);
  if (request.target.starts_with("/big") || request.target.starts_with("/bytes")) {
    response.body = std::string(BytesOf(request.target), 'x');
    if (request.target.starts_with("/bytes")) response.content_type = "application/octet-stream";
    return respond(response);
  }
  if (request.target == "/page") response.headers.emplace_back("Content-Security-Policy", "own");
  response.body = request.method + " " + request.target + " " + std::to_string(request.body.size());
  respond(response);
}

// Descriptors that are sockets.
int CountSockets() {
  int sockets = 0;
  DIR* directory = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(directory)) {
    char link[64] = "";
    if (readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1) > 0) {
      sockets += std::string(link).starts_with("socket:") ? 1 : 0;
    }
  }
  closedir(directory);
  return sockets;
}

void PrintFork() {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    base::CloseOwnedFdsInForkChild();
    std::printf("{\"sockets\": %d}\n", CountSockets());
    std::fflush(stdout);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

}  // namespace

int main(int argc, char** argv) {
  const podo::base::StatusOr<serve::ListenAddress> address =
      serve::ParseListenAddress(argc > 1 ? argv[1] : "");
  if (!address.ok()) {
    std::printf("accepted: %s\n", std::string(address.status().message()).c_str());
    return 2;
  }
  podo::base::StatusOr<std::unique_ptr<serve::Listener>> opened =
      serve::Listener::Open(*address, argc > 2 ? argv[2] : "", Answer);
  if (!opened.ok()) {
    std::printf("%s\n", std::string(opened.status().message()).c_str());
    return 1;
  }
  serve::Listener& listener = **opened;
  std::thread server([&listener] { listener.Run(); });
  std::printf("%s\n", listener.address().Text().c_str());
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line == "fork") {
      PrintFork();
      continue;
    }
    if (line == "closefrom") {
      for (int fd = 3; fd < 1000; ++fd) close(fd);
    }
    const serve::HttpCounts counts = listener.counts();
    std::printf("{\"requests\": %llu, \"refused\": %llu, \"connections\": %llu, \"sockets\": %d}\n",
                static_cast<unsigned long long>(counts.requests),
                static_cast<unsigned long long>(counts.refused),
                static_cast<unsigned long long>(counts.connections), CountSockets());
    std::fflush(stdout);
  }
  listener.Stop();
  server.join();
  opened->reset();
  g_never.clear();  // answers that come after the server's end do no harm
  std::printf("ended\n");
}
