// SPDX-License-Identifier: Apache-2.0
#include "export/host_resolver.h"

#include <doctest/doctest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace podo::exporting {
namespace {

// Threads that are joined at the end of the test.
struct Threads {
  std::vector<std::thread> all;
  HostResolver::StartThread Starter() {
    return [this](const char*, std::function<void()> body) {
      all.emplace_back(std::move(body));
      return base::OkStatus();
    };
  }
  ~Threads() {
    for (std::thread& thread : all) thread.join();
  }
};

TEST_CASE("names are looked up on one thread, in order, and answered on the loop") {
  Threads threads;
  boost::asio::io_context io;
  HostResolver resolver(&io, threads.Starter(), [](const std::string& host, uint16_t) {
    return host == "bad"
               ? base::StatusOr<std::vector<SocketAddress>>(base::UnavailableError("no such name"))
               : std::vector<SocketAddress>{"address of " + host};
  });
  const auto work = boost::asio::make_work_guard(io);
  std::vector<std::string> answers;
  const auto note = [&](base::StatusOr<std::vector<SocketAddress>> found) {
    answers.push_back(found.ok() ? found->at(0) : std::string(found.status().message()));
    if (answers.size() == 3) io.stop();
  };
  for (const char* host : {"a", "bad", "b"}) resolver.Resolve(host, 1, note);
  io.run();
  CHECK(answers == std::vector<std::string>{"address of a", "no such name", "address of b"});
  CHECK(threads.all.size() == 1);
}

TEST_CASE("a lookup that hangs holds up neither the resolver's end nor the loop's") {
  std::promise<void> hang;
  std::promise<void> entered;
  Threads threads;  // joined before what its thread waits for goes
  {
    boost::asio::io_context io;
    {
      HostResolver resolver(&io, threads.Starter(), [&](const std::string&, uint16_t) {
        entered.set_value();
        hang.get_future().wait();
        return std::vector<SocketAddress>{"late"};
      });
      resolver.Resolve("a", 1, [](auto) { FAIL("an answer after the end"); });
      entered.get_future().wait();
    }
    io.run();
  }
  hang.set_value();  // answers now, with resolver and loop gone
}

TEST_CASE("what was cancelled is not answered; a thread that cannot start is an error") {
  boost::asio::io_context io;
  HostResolver resolver(
      &io, [](const char*, std::function<void()>) { return base::ResourceExhaustedError("none"); },
      HostResolver::GetAddressInfo);
  std::string error;
  const uint64_t id = resolver.Resolve("a", 1, [](auto) { FAIL("cancelled"); });
  resolver.Resolve("b", 1, [&](auto found) { error = std::string(found.status().message()); });
  resolver.Cancel(id);
  io.run();
  CHECK(error == "none");
}

TEST_CASE("the system knows its own name") {
  const auto found = HostResolver::GetAddressInfo("localhost", 4318);
  REQUIRE(found.ok());
  CHECK(found->size() >= 1);
  CHECK_FALSE(HostResolver::GetAddressInfo("no-such-name.invalid", 1).ok());
}

}  // namespace
}  // namespace podo::exporting
