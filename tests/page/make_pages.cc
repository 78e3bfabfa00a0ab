// SPDX-License-Identifier: Apache-2.0
// Writes the pages that the browser test opens: `make_pages DIRECTORY`. Seeded, so each run writes
// the same.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "encode/flame_document.h"
#include "encode/flame_page.h"
#include "model/profile_builder.h"
#include "serve/explorer_page.h"

namespace {

using podo::model::FunctionId;
using podo::model::LabelSetId;
using podo::model::LinkId;
using podo::model::LocationId;
using podo::model::MappingId;
using podo::model::Profile;
using podo::model::ProfileBuilder;

constexpr int64_t kPeriodNs = 10'000'000;  // 100 Hz

// One way through a program: frames root first, split by " > "; a leading '~' marks one inlined
// into its caller. Frames are keys of kFunctions.
struct Path {
  std::string_view frames;
  int64_t before;  // samples
  int64_t after;
};

struct Known {
  std::string_view key;
  std::string_view name;
  std::string_view file;
  int line;
  int module;
};

constexpr std::string_view kModules[] = {
    "", "/usr/lib/checkout/checkout_service", "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/x86_64-linux-gnu/libstdc++.so.6", "/lib/x86_64-linux-gnu/libcrypto.so.3"};

// Names as a real service has them: long templates, inlines, C functions, a lambda, an operator.
constexpr Known kFunctions[] = {
    {"start", "_start", "", 0, 1},
    {"main", "main", "src/main.cc", 41, 1},
    {"thread", "clone3", "", 0, 2},
    {"lambda", "checkout::Server::run(unsigned int)::{lambda()#1}::operator()() const",
     "src/server.cc", 88, 1},
    {"ioc", "boost::asio::detail::scheduler::run(boost::system::error_code&)",
     "/usr/include/boost/asio/detail/impl/scheduler.ipp", 210, 1},
    {"once",
     "boost::asio::detail::scheduler::do_run_one(boost::asio::detail::conditionally_enabled_mutex::"
     "scoped_lock&, boost::asio::detail::scheduler_thread_info&, boost::system::error_code const&)",
     "/usr/include/boost/asio/detail/impl/scheduler.ipp", 493, 1},
    {"read",
     "void boost::beast::http::detail::read_msg_op<boost::beast::basic_stream<boost::asio::ip::tcp,"
     " boost::asio::any_io_executor, boost::beast::unlimited_rate_policy>, "
     "boost::beast::basic_flat_buffer<std::allocator<char> >, true>::operator()(boost::system::"
     "error_code, unsigned long)",
     "/usr/include/boost/beast/http/impl/read.hpp", 122, 1},
    {"handle", "checkout::Session::handle(checkout::Request const&)", "src/session.cc", 64, 1},
    {"price", "checkout::Cart::price(checkout::TaxTable const&) const", "src/cart.cc", 119, 1},
    {"tax", "checkout::TaxTable::rate(std::string_view) const", "src/tax.cc", 33, 1},
    {"parse", "checkout::json::Parser::parse_value(checkout::json::Cursor&)", "src/json.cc", 151,
     1},
    {"string", "checkout::json::Parser::parse_string(checkout::json::Cursor&)", "src/json.cc", 97,
     1},
    {"write", "checkout::json::Writer::write_value(checkout::json::Value const&, int)",
     "src/json.cc", 342, 1},
    {"escape", "checkout::json::Writer::escape(std::string_view)", "src/json.cc", 301, 1},
    {"append",
     "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >::_M_append("
     "char const*, unsigned long)",
     "", 0, 3},
    {"compare", "bool std::operator< <char>(std::string_view, std::string_view)",
     "/usr/include/c++/12/string_view", 604, 1},
    {"malloc", "malloc", "malloc/malloc.c", 3294, 2},
    {"free", "cfree@GLIBC_2.2.5", "malloc/malloc.c", 3363, 2},
    {"memmove", "__memmove_avx_unaligned_erms", "", 0, 2},
    {"epoll", "epoll_wait", "", 0, 2},
    {"sha", "sha256_block_data_order_avx2", "", 0, 4},
    {"log", "checkout::(anonymous namespace)::log_line(char const*, ...)", "src/log.cc", 22, 1},
    {"legacy", "checkout::legacy_discount(int)", "src/cart.cc", 201, 1},
    {"retry", "checkout::Backoff::next()", "src/backoff.cc", 17, 1},
    {"blocked", "[threads blocking SIGPROF]", "", 0, 0},
};

// The checkout story: a field with deeply nested JSON makes serialization blow up.
constexpr Path kCheckout[] = {
    {"thread > lambda > ioc > once > read > handle > price > tax > ~compare", 92, 88},
    {"thread > lambda > ioc > once > read > handle > price > tax", 61, 60},
    {"thread > lambda > ioc > once > read > handle > price", 40, 37},
    {"thread > lambda > ioc > once > read > handle > price > legacy", 24, 0},
    {"thread > lambda > ioc > once > read > handle > parse > parse > string > malloc", 70, 74},
    {"thread > lambda > ioc > once > read > handle > parse > parse > string > memmove", 44, 40},
    {"thread > lambda > ioc > once > read > handle > parse > parse > parse", 57, 62},
    {"thread > lambda > ioc > once > read > handle > parse > free", 21, 25},
    {"thread > lambda > ioc > once > read > handle > write > escape > ~append > memmove", 35, 610},
    {"thread > lambda > ioc > once > read > handle > write > write > escape > malloc", 18, 205},
    {"thread > lambda > ioc > once > read > handle > write > write > write > escape", 12, 330},
    {"thread > lambda > ioc > once > read > handle > write > write > write > write > write > "
     "escape",
     0, 144},
    {"thread > lambda > ioc > once > read > handle > log > memmove", 14, 15},
    {"thread > lambda > ioc > once > read > handle > sha", 66, 64},
    {"thread > lambda > ioc > once > read > retry", 0, 9},
    {"thread > lambda > ioc > once > read", 33, 36},
    {"thread > lambda > ioc > once > epoll", 48, 20},
    {"thread > lambda > ioc > once", 19, 18},
    {"start > main > epoll", 6, 5},
    {"start > main > log > malloc", 3, 3},
    {"blocked", 5, 4},
};

// What requests of known endpoints and tenants cost; "" is no such label.
struct LabelledPath {
  std::string_view endpoint;
  std::string_view tenant;
  std::string_view frames;
  int64_t before;  // samples
  int64_t after;
};

constexpr LabelledPath kRequests[] = {
    {"/pay", "acme", "thread > lambda > ioc > once > read > handle > price > tax", 60, 60},
    {"/pay", "globex", "thread > lambda > ioc > once > read > handle > write > escape", 40, 400},
    {"/cart", "acme", "thread > lambda > ioc > once > read > handle > parse > string > malloc", 100,
     100},
    {"/cart", "globex", "thread > lambda > ioc > once > read > handle > parse > parse", 50, 50},
    {"/search", "", "thread > lambda > ioc > once > read > handle > sha", 120, 130},
    {"", "acme", "thread > lambda > ioc > once > epoll", 30, 60},
    {"", "", "start > main > epoll", 20, 20},
    {"/gone", "acme", "thread > lambda > ioc > once > read > handle > log > memmove", 20, 0},
};

class Program {
 public:
  explicit Program(uint64_t load_address)
      : builder_({{"samples", "count"}, {"cpu", "nanoseconds"}}), load_address_(load_address) {
    for (size_t i = 1; i < std::size(kModules); ++i) {
      builder_.AddMapping({.start = Base(static_cast<int>(i)),
                           .limit = Base(static_cast<int>(i)) + 0x100000,
                           .file_offset = 0x1000,
                           .filename = builder_.AddString(kModules[i]),
                           .has_functions = true});
    }
  }

  FunctionId Function(std::string_view name, std::string_view file) {
    return builder_.AddFunction(
        {.name = builder_.AddString(name), .filename = builder_.AddString(file)});
  }

  // `frames` root first; inlined ones share the location of the frame before.
  void Add(std::string_view frames, int64_t samples, LabelSetId labels = {}, LinkId link = {}) {
    if (samples == 0) return;
    std::vector<podo::model::Location> path;
    while (!frames.empty()) {
      const size_t at = frames.find(" > ");
      std::string_view key = frames.substr(0, at);
      frames = at == std::string_view::npos ? "" : frames.substr(at + 3);
      const bool inlined = key[0] == '~';
      if (inlined) key.remove_prefix(1);
      AddFrame(*Find(key), inlined, &path);
    }
    std::vector<LocationId> leaf_first;
    for (size_t i = path.size(); i-- > 0;) leaf_first.push_back(builder_.AddLocation(path[i]));
    builder_.AddSample(builder_.AddStack(leaf_first), labels, link, {samples, samples * kPeriodNs});
  }

  // A value of "" is no label.
  LabelSetId Labels(const std::vector<std::pair<std::string_view, std::string_view>>& pairs) {
    podo::model::LabelSet set;
    for (const auto& [key, value] : pairs) {
      if (value.empty()) continue;
      set.labels.push_back({.key = builder_.AddString(key), .string = builder_.AddString(value)});
    }
    return builder_.AddLabelSet(std::move(set));
  }

  LinkId Request(uint32_t number) {
    podo::model::Link link{.trace_id = {1}, .span_id = {2}};
    for (size_t i = 1; i < 5; ++i, number >>= 8) {
      link.trace_id[i] = link.span_id[i] = static_cast<uint8_t>(number);
    }
    return builder_.AddLink(link);
  }

  ProfileBuilder& builder() { return builder_; }

  Profile Finish(int64_t time_s, int64_t duration_s, std::vector<std::string> comments = {}) {
    Profile& p = builder_.profile();
    p.time_ns = time_s * 1'000'000'000;
    p.duration_ns = duration_s * 1'000'000'000;
    p.period_type = {builder_.AddString("cpu"), builder_.AddString("nanoseconds")};
    p.period = kPeriodNs;
    for (const std::string& comment : comments) p.comments.push_back(builder_.AddString(comment));
    return builder_.Take();
  }

 private:
  static const Known* Find(std::string_view key) {
    for (const Known& known : kFunctions) {
      if (known.key == key) return &known;
    }
    std::fprintf(stderr, "make_pages: no function has the key %s\n", std::string(key).c_str());
    std::exit(1);
  }

  uint64_t Base(int module) const {
    return load_address_ + static_cast<uint64_t>(module) * 0x200000;
  }

  void AddFrame(const Known& known, bool inlined, std::vector<podo::model::Location>* path) {
    const podo::model::Line line{Function(known.name, known.file), known.line, 0};
    if (inlined) {
      path->back().lines.insert(path->back().lines.begin(), line);
      return;
    }
    const uint64_t offset = static_cast<uint64_t>(&known - kFunctions) * 0x40;
    path->push_back({.mapping = static_cast<MappingId>(known.module),
                     .address = known.module == 0 ? 0 : Base(known.module) + offset,
                     .lines = {line}});
  }

  ProfileBuilder builder_;
  uint64_t load_address_;
};

Profile Checkout(bool after) {
  // Another load address each time: frames must match by name all the same.
  Program program(after ? 0x7f1200000000 : 0x55aa00000000);
  for (const Path& path : kCheckout) program.Add(path.frames, after ? path.after : path.before);
  return program.Finish(
      after ? 1'772'361'065 : 1'772'359'200, after ? 20 : 15,
      {"sample_hz: 100", "drops: ring_full=3 no_ring=0", "sampling_ratio: 0.998"});
}

// Names that try to leave the script element, the attribute or the text they stand in.
Profile Hostile() {
  Program program(0x400000);
  ProfileBuilder& builder = program.builder();
  const std::string_view names[] = {"</script><img src=x onerror=\"document.title='owned'\">",
                                    "<!--<script>alert(1)</script>",
                                    "\"};window.owned=1;//",
                                    "@PODO_TITLE@@PODO_DOCUMENT@",
                                    "\xe2\x80\xa8\xe2\x80\xa9\x01\x7f",
                                    "日本語::関数",
                                    "&lt;b&gt;",
                                    "${owned}`\\"};
  std::vector<LocationId> leaf_first;
  for (const std::string_view name : names) {
    const FunctionId f = program.Function(name, "</script><script>window.owned=1</script>.cc");
    leaf_first.push_back(builder.AddLocation({.lines = {{f, 1, 0}}}));
    builder.AddSample(builder.AddStack(leaf_first), {}, {}, {1, kPeriodNs});
  }
  return program.Finish(1'772'359'200, 1, {"<img src=x onerror=\"window.owned=1\"> dropped 7"});
}

Profile Labelled(bool after) {
  Program program(after ? 0x7f1200000000 : 0x55aa00000000);
  uint32_t requests = 0;
  for (const LabelledPath& path : kRequests) {
    const int64_t samples = after ? path.after : path.before;
    const LabelSetId labels =
        program.Labels({{"endpoint", path.endpoint}, {"tenant", path.tenant}});
    // Two requests for each path.
    program.Add(path.frames, samples / 2, labels, program.Request(++requests));
    program.Add(path.frames, samples - samples / 2, labels, program.Request(++requests));
  }
  return program.Finish(after ? 1'772'361'065 : 1'772'359'200, 10);
}

// Keys and values that try to leave their place, or to be taken for what the page itself says.
Profile HostileLabels() {
  Program program(0x400000);
  const std::string_view attack = "</script><img src=x onerror=\"window.owned=1\">";
  const std::string long_value(3000, 'x');
  int64_t samples = 1;
  for (const std::string_view value :
       {attack, std::string_view("(no label)"), std::string_view("\"'&lt;b&gt;\x01\n\xe2\x80\xa8"),
        std::string_view("a&by=x#label.b=c%"), std::string_view(long_value)}) {
    program.Add("main", samples++, program.Labels({{attack, value}, {"__proto__", value}}));
  }
  program.Add("main", samples, {});
  return program.Finish(1'772'359'200, 1);
}

// `stacks` distinct stacks of about `depth` frames that branch at random, as a big service's do.
// With `endpoints`, each sample is a request of its own to one of so many. Another `weights` gives
// the same stacks other values.
Profile Large(int stacks, int depth, int functions, uint32_t endpoints = 0, uint32_t weights = 0) {
  Program program(0x400000);
  ProfileBuilder& builder = program.builder();
  std::mt19937 random(7);  // NOLINT: the same page each time
  std::mt19937 more(weights);
  std::vector<LocationId> locations;
  for (int i = 0; i < functions; ++i) {
    const FunctionId f = program.Function(
        absl::StrCat("service", i % 23, "::component", i % 211, "::Worker<std::vector<int> >::step",
                     i, "(std::string const&, unsigned long)"),
        absl::StrCat("src/component", i % 211, ".cc"));
    locations.push_back(builder.AddLocation({.mapping = static_cast<MappingId>(1),
                                             .address = 0x600000u + 16u * static_cast<unsigned>(i),
                                             .lines = {{f, 10 + i % 400, 0}}}));
  }
  std::vector<LocationId> path, leaf_first;
  for (int i = 0; i < stacks; ++i) {
    // Keeps some of the last path and grows a new branch from there.
    const auto keep = path.empty() ? 0 : random() % (path.size() + 1);
    path.resize(keep);
    const auto length = static_cast<size_t>(depth) / 2 + random() % static_cast<size_t>(depth);
    while (path.size() < length) path.push_back(locations[random() % locations.size()]);
    leaf_first.assign(path.rbegin(), path.rend());
    auto samples = static_cast<int64_t>(1 + random() % 8);
    if (weights != 0 && more() % 4 == 0) samples += static_cast<int64_t>(more() % 8);
    const auto stack = builder.AddStack(leaf_first);
    if (endpoints == 0) builder.AddSample(stack, {}, {}, {samples, samples * kPeriodNs});
    for (uint32_t copy = 0; copy < (endpoints > 0 ? 2 : 0); ++copy) {
      const uint32_t request = 2 * static_cast<uint32_t>(i) + copy;
      const std::string endpoint = absl::StrCat("/item/", request % endpoints);
      builder.AddSample(stack,
                        program.Labels({{"endpoint", endpoint}, {"shard", i % 3 == 0 ? "a" : "b"}}),
                        program.Request(request + 1), {samples, samples * kPeriodNs});
    }
  }
  return program.Finish(1'772'359'200, 60, {});
}

// An answer of /api/v1/profile or /api/v1/diff of a whole day.
std::string DayAnswer(absl::Span<const Profile* const> profiles) {
  const char* resolution =
      "{\"windows\":8640,\"from_ms\":1772280000000,\"until_ms\":1772366400000,"
      "\"longest_window_ms\":600000,\"folded\":true}";
  return absl::StrCat("{\"resolution\":", resolution,
                      profiles.size() > 1 ? absl::StrCat(",\"base_resolution\":", resolution) : "",
                      ",\"flame\":", podo::encode::FlameDocument(profiles, {"checkout", "cpu"}),
                      "}\n");
}

bool Write(const std::string& directory, const char* name, const std::string& page) {
  std::ofstream file(directory + "/" + name, std::ios::binary);
  file << page;
  if (!file.flush())
    std::fprintf(stderr, "make_pages: cannot write %s/%s\n", directory.c_str(), name);
  return static_cast<bool>(file);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_pages DIRECTORY\n");
    return 2;
  }
  using podo::encode::DiffPage;
  using podo::encode::FlameGraphPage;
  const std::string directory = argv[1];
  const Profile before = Checkout(false), after = Checkout(true);
  const Profile hostile = Hostile(), empty = Profile::Empty();
  const Profile labelled_before = Labelled(false), labelled = Labelled(true);
  const Profile many_labels = Large(6500, 40, 3000, 10000);
  const Profile large = Large(5600, 40, 3000), huge = Large(50000, 60, 20000);
  const Profile day = Large(50000, 40, 12000, 24), other_day = Large(50000, 40, 12000, 24, 1);
  const bool ok =
      Write(directory, "flame.html", FlameGraphPage(after, {"checkout 1.8.2", ""})) &&
      Write(directory, "diff.html",
            DiffPage(before, after, {"checkout: 10:00 against 10:31", ""})) &&
      Write(directory, "hostile.html",
            FlameGraphPage(hostile, {"</title><script>window.owned=1</script>", ""})) &&
      Write(directory, "hostile_diff.html", DiffPage(hostile, before, {"<b>hostile", ""})) &&
      Write(directory, "empty.html", FlameGraphPage(empty, {"nothing", ""})) &&
      Write(directory, "large.html", FlameGraphPage(large, {"large", ""})) &&
      Write(directory, "labelled.html", FlameGraphPage(labelled, {"labelled", ""})) &&
      Write(directory, "labelled_diff.html", DiffPage(labelled_before, labelled, {"labels", ""})) &&
      Write(directory, "hostile_labels.html", FlameGraphPage(HostileLabels(), {"hostile", ""})) &&
      Write(directory, "many_labels.html", FlameGraphPage(many_labels, {"many labels", ""})) &&
      Write(directory, "huge.html", FlameGraphPage(huge, {"huge", ""})) &&
      Write(directory, "explorer.html", std::string(podo::serve::ExplorerPage())) &&
      Write(directory, "explorer.policy", std::string(podo::serve::ExplorerPagePolicy())) &&
      Write(directory, "day.json", DayAnswer({&day})) &&
      Write(directory, "day_diff.json", DayAnswer({&day, &other_day}));
  return ok ? 0 : 1;
}
