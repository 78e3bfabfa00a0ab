// SPDX-License-Identifier: Apache-2.0
// Drives NetPoster as libpodo does, for test_net.py: `podo_net_case URL [key=value...]`. Looks for
// libpodo_net.so beside itself. Prints one line of JSON an exchange.
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/owned_fd.h"
#include "export/net_poster.h"
#include "host_descriptors.h"
#include "json_text.h"

namespace {

using namespace podo;
using namespace podo::exporting;

std::map<std::string, std::string> g_settings;

std::string Get(const std::string& key) { return g_settings.count(key) ? g_settings[key] : ""; }
int64_t Number(const std::string& key, int64_t fallback) {
  return g_settings.count(key) ? std::atoll(g_settings[key].c_str()) : fallback;
}

podo::base::Status StartThread(const char*, std::function<void()> body) {
  std::thread(std::move(body)).detach();
  return podo::base::OkStatus();
}

// Kilobytes of this process in memory, its own and those it shares.
long ResidentKb(const char* field) {
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    if (line.starts_with(field)) return std::atol(line.c_str() + std::strlen(field));
  }
  return -1;
}

void PrintMemory(const char* when, int64_t began_ns) {
  if (Get("measure") != "true") return;
  const long us = static_cast<long>((base::SteadyClockNs() - began_ns) / 1000);
  std::fprintf(stderr, "%s: %ld us, rss %ld KiB, private %ld KiB\n", when, us, ResidentKb("Rss:"),
               ResidentKb("Private_Dirty:"));
}

void PostOnce(NetPoster* poster) {
  HttpPost post;
  post.body = std::make_shared<const std::string>(Number("bytes", 5), 'x');
  post.timeout_ns = Number("timeout_ms", 5000) * 1'000'000;
  if (g_settings.count("post_header")) post.headers.emplace_back("X-Test", Get("post_header"));
  const int64_t began_ns = base::SteadyClockNs();
  std::thread interrupter;
  if (g_settings.count("interrupt_ms")) {
    interrupter = std::thread([poster] {
      std::this_thread::sleep_for(std::chrono::milliseconds(Number("interrupt_ms", 0)));
      poster->Interrupt();
    });
  }
  const HttpResult result = poster->Post(post);
  if (interrupter.joinable()) interrupter.join();
  std::printf(
      "{\"status\": %d, \"body\": %s, \"bytes\": %zu, \"complete\": %s, \"retry_after\": %s, "
      "\"content_type\": %s, \"error\": %s, \"ms\": %lld, \"connections\": %llu}\n",
      result.status, Json(result.body.substr(0, 200)).c_str(), result.body.size(),
      result.body_complete ? "true" : "false", Json(result.retry_after).c_str(),
      Json(result.content_type).c_str(), Json(result.error).c_str(),
      static_cast<long long>((base::SteadyClockNs() - began_ns) / 1'000'000),
      static_cast<unsigned long long>(poster->connections()));
  std::fflush(stdout);
}

// Where this process's descriptors lead, as a JSON list.
void PrintDescriptors(const char* whose) {
  std::string list;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry, gone);
    if (gone || std::atoi(entry.path().filename().c_str()) <= STDERR_FILENO) continue;
    list += (list.empty() ? "" : ", ") + Json(target.string());
  }
  std::printf("{\"descriptors\": \"%s\", \"list\": [%s]}\n", whose, list.c_str());
  std::fflush(stdout);
}

void ForkAndList() {
  PrintDescriptors("parent");
  const pid_t child = fork();
  if (child == 0) {
    PrintDescriptors("child");
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  std::printf("{\"child\": %d}\n", status);
}

// Registered before the module is loaded, hence called after its static destructors, as podo's own
// last upload is.
std::unique_ptr<NetPoster> g_posts_at_exit;
void PostAtExit() {
  if (g_posts_at_exit != nullptr) PostOnce(g_posts_at_exit.get());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    g_settings[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  const auto target = ParseHttpTarget(argv[1]);
  if (!target.ok()) return 2;
  NetPosterOptions options;
  options.target = *target;
  options.proxies = {Get("https_proxy"), Get("http_proxy"), Get("no_proxy")};
  options.tls = {Get("ca"), Get("certificate"), Get("key")};
  options.headers = {{"Content-Type", "application/x-protobuf"}};
  options.max_response_bytes = Number("max_response", 64 << 10);
  options.start_thread = StartThread;
  std::atexit(PostAtExit);
  int64_t began_ns = base::SteadyClockNs();
  PrintMemory("before", began_ns);
  began_ns = base::SteadyClockNs();
  auto poster = NetPoster::Make(std::move(options));
  if (!poster.ok()) {
    std::printf("{\"refused\": %s}\n", Json(std::string(poster.status().message())).c_str());
    return 3;
  }
  PrintMemory("loaded", began_ns);
  if (Get("exit") == "posts") {
    g_posts_at_exit = *std::move(poster);
    return 0;
  }
  pthread_atfork(nullptr, nullptr, base::CloseOwnedFdsInForkChild);
  for (int64_t left = Number("times", 1); left > 0; --left) {
    began_ns = base::SteadyClockNs();
    PostOnce(poster->get());
    PrintMemory("posted", began_ns);
    if (left > 1 && Get("wait") == "stdin") std::getchar();
    if (left > 1 && Get("host") == "closes" && !HostClosesAllAndOpensItsOwn()) return 4;
  }
  if (Get("fork") == "true") ForkAndList();
  *poster = nullptr;
  if (Get("fork") == "true") PrintDescriptors("closed");
  if (Get("host") == "closes") {
    std::printf("{\"host\": %s}\n", Json(HostDescriptorsNow()).c_str());
  }
  std::printf("{\"ended\": true}\n");
  return 0;
}
