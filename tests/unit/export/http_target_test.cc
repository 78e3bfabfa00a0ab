// SPDX-License-Identifier: Apache-2.0
#include "export/http_target.h"

#include <doctest/doctest.h>

#include <string>

namespace podo::exporting {
namespace {

TEST_CASE("URLs become targets") {
  struct Case {
    const char* url;
    HttpTarget target;
    const char* host_header;
  };
  const Case cases[] = {
      {"http://c:4318/v1", {false, "c", 4318, "", "/v1", ""}, "c:4318"},
      {"https://Collector.Example",
       {true, "collector.example", 443, "", "/", ""},
       "collector.example"},
      {"HTTP://h", {false, "h", 80, "", "/", ""}, "h"},
      {"http://h:/x", {false, "h", 80, "", "/x", ""}, "h"},
      {"https://h:80", {true, "h", 80, "", "/", ""}, "h:80"},
      {"http://[::1]:4318/p?q=1#f", {false, "::1", 4318, "", "/p?q=1", ""}, "[::1]:4318"},
      {"https://[fe80::1]", {true, "fe80::1", 443, "", "/", ""}, "[fe80::1]"},
      {"http://127.0.0.1?a", {false, "127.0.0.1", 80, "", "/?a", ""}, "127.0.0.1"},
      {"http://u:p%40x@h/", {false, "h", 80, "", "/", "u:p@x"}, "h"},
      {"unix:/run/c.sock", {false, "", 0, "/run/c.sock", "/", ""}, "localhost"},
      {"unix:///run/c.sock", {false, "", 0, "/run/c.sock", "/", ""}, "localhost"},
      {"unix:@podo", {false, "", 0, "@podo", "/", ""}, "localhost"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.url);
    const auto target = ParseHttpTarget(c.url);
    REQUIRE(target.ok());
    CHECK(*target == c.target);
    CHECK(HostHeader(*target) == c.host_header);
  }
}

TEST_CASE("what is no target is refused, with what is accepted and without the text") {
  const std::string long_host(300, 'h');
  const std::string long_path = "unix:/" + std::string(200, 'p');
  for (const std::string& url : std::initializer_list<std::string>{"",
                                                                   "collector:4318",
                                                                   "ftp://secret/",
                                                                   "http:/secret",
                                                                   "http://",
                                                                   "http://:80",
                                                                   "http://secret:0",
                                                                   "http://secret:65536",
                                                                   "http://secret:x",
                                                                   "http://secret:123456",
                                                                   "http://::1/",
                                                                   "http://[::1",
                                                                   "http://[secret]",
                                                                   "http://a b/secret",
                                                                   "http://secret\n/",
                                                                   "unix:",
                                                                   "unix:secret",
                                                                   "unix:@",
                                                                   "http://%zzsecret@h/",
                                                                   "http://" + long_host,
                                                                   long_path}) {
    CAPTURE(url);
    const auto target = ParseHttpTarget(url);
    REQUIRE_FALSE(target.ok());
    const std::string message(target.status().message());
    CHECK(message.find("accepted: http://host:port/path") != std::string::npos);
    CHECK(message.find("secret") == std::string::npos);
  }
}

TEST_CASE("a proxy is used unless NO_PROXY or nearness says otherwise") {
  struct Case {
    const char* url;
    const char* no_proxy;
    const char* proxy;  // its address; "" for none
  };
  constexpr Case kCases[] = {
      {"https://c.example", "", "secure:3128"},
      {"http://c.example", "", "plain:8080"},
      {"http://c.example", "*", ""},
      {"http://c.example", "other, c.example", ""},
      {"http://c.example", "C.EXAMPLE", ""},
      {"http://c.example", "example", ""},
      {"http://c.example", ".example", ""},
      {"http://c.example", "*.example", ""},
      {"http://c.example", "xample", "plain:8080"},
      {"http://c.example", "c.example:81", "plain:8080"},
      {"http://c.example:81", "c.example:81", ""},
      {"http://c.example", ".", "plain:8080"},
      {"http://10.1.2.3", "10.0.0.0/8", ""},
      {"http://11.1.2.3", "10.0.0.0/8", "plain:8080"},
      {"http://10.1.2.3", "10.1.2.3", ""},
      {"http://10.1.2.3", "10.1.2.3:80", ""},
      {"http://10.1.2.3", "10.0.0.0/99", "plain:8080"},
      {"http://10.1.2.3", "fd00::/8", "plain:8080"},
      {"http://[fd00::1]", "fd00::/8", ""},
      {"http://[fd00::1]", "fd00::1", ""},
      {"http://[fd00::1]", "[fd00:0::1]:80", ""},
      {"http://localhost", "", ""},
      {"http://127.9.9.9", "", ""},
      {"https://[::1]", "", ""},
      {"unix:/x", "", ""},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.url);
    CAPTURE(c.no_proxy);
    const auto proxy =
        ChooseProxy(*ParseHttpTarget(c.url), {"http://secure:3128", "plain:8080", c.no_proxy});
    REQUIRE(proxy.ok());
    CHECK((proxy->has_value() ? AddressText(**proxy) : "") == c.proxy);
  }
}

TEST_CASE("a proxy that cannot be used is an error, none is none") {
  const HttpTarget target = *ParseHttpTarget("https://c.example");
  CHECK_FALSE(ChooseProxy(target, {"https://proxy", "", ""}).ok());
  CHECK_FALSE(ChooseProxy(target, {"socks5://secret", "", ""}).ok());
  CHECK_FALSE(ChooseProxy(target, {"unix:/x", "", ""}).ok());
  CHECK(*ChooseProxy(target, {" ", "http://p", ""}) == std::nullopt);
  CHECK((*ChooseProxy(target, {"http://u:p@proxy:1", "", ""}))->user == "u:p");
}

}  // namespace
}  // namespace podo::exporting
