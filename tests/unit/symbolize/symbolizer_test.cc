// SPDX-License-Identifier: Apache-2.0
#include "symbolize/symbolizer.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "loaded_module.h"

namespace podo::symbolize {
namespace {

struct Expected {
  std::string function;
  std::string file;
  std::string line_mark;
  std::string start_mark;
};

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

void CheckFrames(const std::vector<SourceFrame>& frames, const std::vector<Expected>& expected) {
  REQUIRE(frames.size() == expected.size());
  for (size_t i = 0; i < frames.size(); ++i) {
    CAPTURE(i);
    CHECK(frames[i].function == expected[i].function);
    CHECK(EndsWith(frames[i].file, "/programs/" + expected[i].file));
    CHECK(frames[i].line == MarkedLine(expected[i].file, expected[i].line_mark));
    CHECK(frames[i].start_line == MarkedLine(expected[i].file, expected[i].start_mark));
  }
}

const char* const kDwarfWays[] = {"gcc_dwarf5",   "gcc_dwarf4",   "compressed", "sections",
#ifdef PODO_HAVE_CLANG
                                  "clang_dwarf5", "clang_dwarf4",
#endif
                                  "no_build_id"};

#ifdef __clang__
constexpr bool kProjectIsClang = true;  // the ways named gcc_ are then clang's too
#else
constexpr bool kProjectIsClang = false;
#endif

TEST_CASE("functions, files, lines and inlined frames are found however it was compiled") {
  for (const char* way : kDwarfWays) {
    CAPTURE(std::string(way));
    LoadedModule shop(ShopPath(way));
    auto frames = [&](const char* probe) { return ResolveOne(shop.module(), shop.Vaddr(probe)); };
    CheckFrames(frames("podo_probe_round"),
                {{"int shop::Round<int>(int)", "price.h", "round-probe", "round-start"},
                 {"shop::Price::WithTax(int) const", "price.h", "tax-calls-round", "tax-start"},
                 {"shop::Checkout(int, shop::Price const&)", "shop.cc", "checkout-calls-tax",
                  "checkout-start"}});
    CheckFrames(frames("podo_probe_checkout"), {{"shop::Checkout(int, shop::Price const&)",
                                                 "shop.cc", "checkout-probe", "checkout-start"}});
    // gcc gives no linkage name to what no other file can call: the name without parameters.
    const bool by_clang = kProjectIsClang || std::string(way).rfind("clang", 0) == 0;
    const std::string parameters = by_clang ? "(int)" : "";
    CheckFrames(frames("podo_probe_hidden"), {{"shop::(anonymous namespace)::Hidden" + parameters,
                                               "shop.cc", "hidden-probe", "hidden-start"}});
    CheckFrames(frames("podo_probe_c"), {{"podo_shop", "shop.cc", "c-probe", "c-start"}});
    // gcc leaves this lambda inside the function that holds it, where libdw's own search misses it.
    const auto lambda = frames("podo_probe_half");
    REQUIRE(lambda.size() == 2);
    CHECK(lambda[0].function == "shop::Half(int)");
    CHECK(lambda[0].line == MarkedLine("price.h", "half-probe"));
    // Compilers name the closure in their own ways.
    CHECK(lambda[1].function.rfind("podo_shop::", 0) == 0);
    CHECK(lambda[1].function.find("::operator()") != std::string::npos);
    CHECK(lambda[1].line == MarkedLine("shop.cc", "lambda-calls-half"));
    CheckFrames(frames("podo_probe_stock"),
                {{"Stock(int)", "stock.c", "stock-probe", "stock-start"}});
  }
}

TEST_CASE("raw names are kept beside the demangled ones") {
  LoadedModule shop(ShopPath("gcc_dwarf5"));
  const auto frames = ResolveOne(shop.module(), shop.Vaddr("podo_probe_round"));
  REQUIRE(frames.size() == 3);
  CHECK(frames[0].system_name == "_ZN4shop5RoundIiEET_S1_");
  CHECK(frames[2].system_name == "_ZN4shop8CheckoutEiRKNS_5PriceE");
  CHECK(ResolveOne(shop.module(), shop.Vaddr("podo_probe_stock"))[0].system_name == "_Z5Stocki");
}

TEST_CASE("without DWARF the symbol table names functions, without .symtab .dynsym does") {
  LoadedModule symbols(ShopPath("symbols_only"));
  Symbolizer::Options options;
  options.places = NoPlaces();
  auto frames = ResolveOne(symbols.module(), symbols.Vaddr("podo_probe_hidden"), options);
  REQUIRE(frames.size() == 1);
  CHECK(frames[0] == SourceFrame{"shop::(anonymous namespace)::Hidden(int)",
                                 "_ZN4shop12_GLOBAL__N_16HiddenEi", "", 0, 0});

  LoadedModule stripped(ShopPath("stripped"));
  frames = ResolveOne(stripped.module(), stripped.Vaddr("podo_probe_checkout"), options);
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].function == "shop::Checkout(int, shop::Price const&)");
  CHECK(ResolveOne(stripped.module(), stripped.Vaddr("podo_probe_hidden"), options).empty());
}

TEST_CASE("mode functions gives names only, mode none opens no file") {
  LoadedModule shop(ShopPath("gcc_dwarf5"));
  const uint64_t vaddr = shop.Vaddr("podo_probe_round");
  Symbolizer::Options options;
  options.mode = Symbolizer::Mode::kFunctions;
  const auto frames = ResolveOne(shop.module(), vaddr, options);
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].function == "shop::Checkout(int, shop::Price const&)");
  CHECK(frames[0].file.empty());

  int opened = 0;
  options.mode = Symbolizer::Mode::kNone;
  options.places.open = [&opened](const std::string&) { return ++opened, -1; };
  CHECK(ResolveOne(shop.module(), vaddr, options).empty());
  CHECK(opened == 0);
}

TEST_CASE("the vDSO is read out of memory") {
  const model::Module vdso = DescribeVdso();
  REQUIRE(vdso.start != 0);
  Symbolizer::Options options;
  options.places = NoPlaces();
  std::string names;
  for (uint64_t vaddr = 0; vaddr < vdso.end - vdso.start; vaddr += 256) {
    for (const SourceFrame& frame : ResolveOne(vdso, vaddr, options)) names += frame.function + " ";
  }
  CHECK(names.find("vdso_clock_gettime") != std::string::npos);
}

TEST_CASE("a stop keeps the names found so far and leaves the rest to the next Resolve") {
  LoadedModule shop(ShopPath("gcc_dwarf5"));
  const uint64_t vaddr = shop.Vaddr("podo_probe_round");
  Symbolizer symbolizer({});
  std::vector<SourceFrame> frames;
  bool was_partial = false;
  // Stop at each place where it asks, one later every time.
  for (int allowed = 0; allowed < 100; ++allowed) {
    CAPTURE(allowed);
    int asked = 0;
    const bool finished =
        symbolizer.Resolve(shop.module(), {vaddr}, [&] { return asked++ >= allowed; });
    const bool known = symbolizer.Lookup(shop.module(), vaddr, &frames);
    CHECK(symbolizer.Missing(shop.module(), {vaddr}).empty() == finished);
    if (finished) break;
    was_partial = was_partial || known;
    if (known) CHECK(frames[0].function == "shop::Checkout(int, shop::Price const&)");
  }
  CHECK(was_partial);
  CHECK(frames.size() == 3);
}

TEST_CASE("an address outside every function has no frames and is not asked again") {
  LoadedModule shop(ShopPath("gcc_dwarf5"));
  int opened = 0;
  Symbolizer::Options options;
  options.places.open = [&opened](const std::string& path) {
    ++opened;
    return open(path.c_str(), O_RDONLY | O_CLOEXEC);
  };
  Symbolizer symbolizer(options);
  std::vector<SourceFrame> frames;
  for (int i = 0; i < 2; ++i) {
    CHECK(symbolizer.Resolve(shop.module(), {uint64_t{1}}, [] { return false; }));
    CHECK_FALSE(symbolizer.Lookup(shop.module(), 1, &frames));
    CHECK(opened == 1);
  }
}

TEST_CASE("no debuginfod client is loaded, whatever DEBUGINFOD_URLS says") {
  // libdwfl would load its client library and ask this server for the stripped module.
  setenv("DEBUGINFOD_URLS", "http://127.0.0.1:1/", 1);
  LoadedModule stripped(ShopPath("stripped"));
  ResolveOne(stripped.module(), stripped.Vaddr("podo_probe_round"));
  std::ifstream maps("/proc/self/maps");
  REQUIRE(maps.good());
  std::string line;
  while (std::getline(maps, line)) {
    CHECK(line.find("debuginfod") == std::string::npos);
    CHECK(line.find("libcurl") == std::string::npos);
  }
}

}  // namespace
}  // namespace podo::symbolize
