// SPDX-License-Identifier: Apache-2.0
// A small HTTP service whose requests carry W3C `traceparent` headers into spans, so that its
// samples link to the traces they belong to. Brings its own client, asks itself a few things, and
// exits.
#include <algorithm>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "podo/asio.h"
#include "podo/podo.h"

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

namespace {

double Harmonic(long terms) {
  double sum = 0;
  for (long i = 1; i <= terms; ++i) sum += 1.0 / static_cast<double>(i);
  return sum;
}

struct TraceParent {
  std::uint8_t trace_id[16];
  std::uint8_t span_id[8];
};

// Hexadecimal digits as bytes; false if there are others, or zeros only, which is no id.
bool ParseId(std::string_view digits, std::uint8_t* bytes) {
  const auto value = [](char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!std::all_of(digits.begin(), digits.end(), is_digit)) return false;
  for (std::size_t i = 0; i < digits.size() / 2; ++i) {
    bytes[i] = static_cast<std::uint8_t>(value(digits[2 * i]) << 4 | value(digits[2 * i + 1]));
  }
  return std::any_of(digits.begin(), digits.end(), [](char c) { return c != '0'; });
}

// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
bool Parse(std::string_view header, TraceParent* parent) {
  if (header.size() < 55 || header.substr(0, 2) == "ff") return false;
  if (header[2] != '-' || header[35] != '-' || header[52] != '-') return false;
  return ParseId(header.substr(3, 32), parent->trace_id) &&
         ParseId(header.substr(36, 16), parent->span_id);
}

std::string Work(const Request& request) {
  return std::to_string(Harmonic(request.target() == "/pay" ? 60'000'000 : 10'000'000));
}

// A service with a tracer has a span of its own here; this one works in the caller's.
Response Answer(const Request& request) {
  const auto header = request["traceparent"];
  TraceParent parent;
  Response response{http::status::ok, request.version()};
  if (Parse({header.data(), header.size()}, &parent)) {
    podo::ScopedSpan span(parent.trace_id, parent.span_id,
                          {request.target().data(), request.target().size()});
    response.body() = Work(request);
  } else {
    response.body() = Work(request);
  }
  response.keep_alive(request.keep_alive());
  response.prepare_payload();
  return response;
}

// Until the client is done, which ends the coroutine by an exception that nobody waits for.
awaitable<void> Serve(tcp::socket socket) {
  boost::beast::flat_buffer buffer;
  for (;;) {
    Request request;
    co_await http::async_read(socket, buffer, request, use_awaitable);
    const Response response = Answer(request);
    co_await http::async_write(socket, response, use_awaitable);
  }
}

awaitable<void> Listen(tcp::acceptor& acceptor) {
  const auto executor = co_await asio::this_coro::executor;
  for (;;) {
    asio::co_spawn(executor, Serve(co_await acceptor.async_accept(use_awaitable)), asio::detached);
  }
}

awaitable<void> Ask(tcp::endpoint service) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(service, use_awaitable);
  boost::beast::flat_buffer buffer;
  for (int i = 0; i < 10; ++i) {
    Request request{http::verb::get, i % 2 == 0 ? "/pay" : "/search", 11};
    request.set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    co_await http::async_write(socket, request, use_awaitable);
    Response response;
    co_await http::async_read(socket, buffer, response, use_awaitable);
    std::printf("%s: %s\n", std::string(request.target()).c_str(), response.body().c_str());
  }
}

void Run() {
  asio::io_context io;
  tcp::acceptor acceptor(podo::CarryContext(io), {asio::ip::address_v4::loopback(), 0});
  asio::co_spawn(acceptor.get_executor(), Listen(acceptor), asio::detached);
  asio::co_spawn(io, Ask(acceptor.local_endpoint()), [&io](std::exception_ptr error) {
    io.stop();
    if (error) std::rethrow_exception(error);
  });
  std::vector<std::thread> pool;
  for (int i = 0; i < 2; ++i) pool.emplace_back([&io] { io.run(); });
  for (std::thread& thread : pool) thread.join();
}

}  // namespace

int main() {
  podo::Start();
  Run();
}
