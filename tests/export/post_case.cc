// SPDX-License-Identifier: Apache-2.0
// Drives podo's HTTP client for test_http.py: `podo_post_case URL [key=value...]`. Prints one line
// of JSON an exchange, on what the client reported.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "base/clock.h"
#include "export/http_client.h"
#include "json_text.h"

namespace {

using namespace podo;
using namespace podo::exporting;

// Any number of names that hang, and the system's for the rest.
podo::base::StatusOr<std::vector<SocketAddress>> Lookup(const std::string& host, uint16_t port) {
  if (host == "hangs.test") pause();
  if (host == "nowhere.test") return podo::base::UnavailableError("Name or service not known");
  return HostResolver::GetAddressInfo(host.ends_with("receiver.test") ? "127.0.0.1" : host, port);
}

podo::base::Status StartThread(const char*, std::function<void()> body) {
  std::thread(std::move(body)).detach();
  return podo::base::OkStatus();
}

struct Run {
  boost::asio::io_context io;
  std::map<std::string, std::string> settings;
  std::unique_ptr<HttpClient> client;
  int left = 1;

  std::string Get(const std::string& key) { return settings.count(key) ? settings[key] : ""; }
  int64_t Number(const std::string& key, int64_t fallback) {
    return settings.count(key) ? std::atoll(settings[key].c_str()) : fallback;
  }

  void PostNext() {
    HttpPost post;
    post.body = std::make_shared<const std::string>(Number("bytes", 5), 'x');
    post.timeout_ns = Number("timeout_ms", 5000) * 1'000'000;
    if (settings.count("post_header")) post.headers.emplace_back("X-Test", Get("post_header"));
    const int64_t began_ns = base::SteadyClockNs();
    client->Post(std::move(post), [this, began_ns](HttpResult result) {
      std::printf(
          "{\"status\": %d, \"body\": %s, \"bytes\": %zu, \"complete\": %s, "
          "\"retry_after\": %s, \"error\": %s, \"ms\": %lld, \"connections\": %llu}\n",
          result.status, Json(result.body.substr(0, 200)).c_str(), result.body.size(),
          result.body_complete ? "true" : "false", Json(result.retry_after).c_str(),
          Json(result.error).c_str(),
          static_cast<long long>((base::SteadyClockNs() - began_ns) / 1'000'000),
          static_cast<unsigned long long>(client->connections()));
      std::fflush(stdout);
      if (--left > 0) Wait();
    });
  }
  // Between two exchanges: for a line on stdin if asked, then at once.
  void Wait() {
    if (Get("wait") == "stdin") std::getchar();
    PostNext();
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  Run run;
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    run.settings[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  const auto target = ParseHttpTarget(argv[1]);
  if (!target.ok()) {
    std::fprintf(stderr, "%s\n", std::string(target.status().message()).c_str());
    return 2;
  }
  HttpClientOptions options;
  options.target = *target;
  options.proxies = {run.Get("https_proxy"), run.Get("http_proxy"), run.Get("no_proxy")};
  options.tls = {run.Get("ca"), run.Get("certificate"), run.Get("key")};
  options.headers = {{"Content-Type", "application/x-protobuf"}};
  options.max_response_bytes = run.Number("max_response", 4 << 20);
  run.left = static_cast<int>(run.Number("times", 1));
  {
    HostResolver resolver(&run.io, StartThread, Lookup);
    run.client = std::make_unique<HttpClient>(&run.io, &resolver, options);
    run.PostNext();
    if (run.Get("abandon") == "true") {
      boost::asio::steady_timer timer(run.io, std::chrono::milliseconds(100));
      timer.async_wait([&](const auto&) { run.client = nullptr; });
      run.io.run();
    } else {
      run.io.run();
    }
    if (run.Get("exec") == "true") {  // what a program started by the service would inherit
      execl("/bin/ls", "ls", "-l", "/proc/self/fd", nullptr);
    }
    run.client = nullptr;
  }
  std::printf("{\"ended\": true}\n");
  return 0;
}
