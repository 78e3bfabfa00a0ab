// SPDX-License-Identifier: Apache-2.0
#include "symbolize/annotate.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "base/sha256.h"
#include "loaded_module.h"
#include "model/profile_builder.h"
#include "symbolize/htlhash.h"

namespace podo::symbolize {
namespace {

bool Never() { return false; }

// Addresses of three probes, one without a function, one of a mapping without a module, and a
// named frame.
struct Fixture {
  LoadedModule shop{ShopPath("gcc_dwarf5")};
  model::Profile profile;
  model::LocationId round, checkout, nowhere, foreign, named;

  Fixture() {
    const std::pair<std::string_view, std::string_view> types[] = {{"samples", "count"}};
    model::ProfileBuilder builder(types);
    const auto mapping = builder.AddMapping({.start = shop.module().start});
    const auto other = builder.AddMapping({.start = 4096});
    const uint64_t bias = shop.module().load_bias;
    auto location = [&](const char* probe) {
      return builder.AddLocation({.mapping = mapping, .address = bias + shop.Vaddr(probe)});
    };
    round = location("podo_probe_round");
    checkout = location("podo_probe_checkout");
    nowhere = builder.AddLocation({.mapping = mapping, .address = bias + 1});
    foreign = builder.AddLocation({.mapping = other, .address = 5000});
    named = builder.AddNamedFrame("[dropped]");
    profile = builder.Take();
  }

  const model::Module* ModuleOf(model::MappingId id) const {
    return Index(id) == 1 ? &shop.module() : nullptr;
  }
  auto Finder() const {
    return [this](model::MappingId id) { return ModuleOf(id); };
  }
};

TEST_CASE("what is unresolved is listed once a module, and nothing is left after Resolve") {
  Fixture f;
  Symbolizer symbolizer({});
  auto unresolved = ListUnresolved(f.profile, f.Finder(), symbolizer);
  REQUIRE(unresolved.size() == 1);
  CHECK(unresolved[0].module == &f.shop.module());
  CHECK(unresolved[0].vaddrs.size() == 3);
  CHECK(std::is_sorted(unresolved[0].vaddrs.begin(), unresolved[0].vaddrs.end()));
  REQUIRE(symbolizer.Resolve(*unresolved[0].module, unresolved[0].vaddrs, Never));
  CHECK(ListUnresolved(f.profile, f.Finder(), symbolizer).empty());
}

TEST_CASE("lines are filled in innermost first, functions and strings shared") {
  Fixture f;
  Symbolizer symbolizer({});
  for (const Unresolved& one : ListUnresolved(f.profile, f.Finder(), symbolizer)) {
    symbolizer.Resolve(*one.module, one.vaddrs, Never);
  }
  const model::Profile p = Annotate(f.profile, f.Finder(), symbolizer);
  const auto& lines = p.locations[Index(f.round)].lines;
  REQUIRE(lines.size() == 3);
  auto function = [&](const model::Line& line) { return p.functions[Index(line.function)]; };
  CHECK(p.String(function(lines[0]).name) == "int shop::Round<int>(int)");
  CHECK(p.String(function(lines[0]).system_name) == "_ZN4shop5RoundIiEET_S1_");
  CHECK(p.String(function(lines[0]).filename).find("/programs/price.h") != std::string::npos);
  CHECK(lines[0].line == MarkedLine("price.h", "round-probe"));
  CHECK(function(lines[0]).start_line == MarkedLine("price.h", "round-start"));
  CHECK(lines[2].line == MarkedLine("shop.cc", "checkout-calls-tax"));
  REQUIRE(p.locations[Index(f.checkout)].lines.size() == 1);
  CHECK(p.locations[Index(f.checkout)].lines[0].function == lines[2].function);

  CHECK(p.locations[Index(f.nowhere)].lines.empty());
  CHECK(p.locations[Index(f.foreign)].lines.empty());
  CHECK(p.locations[Index(f.named)] == f.profile.locations[Index(f.named)]);
  CHECK(p.locations[Index(f.round)].address == f.profile.locations[Index(f.round)].address);
}

TEST_CASE("a mapping says it has functions, files, lines and inlines only if it has") {
  struct {
    Symbolizer::Mode mode;
    bool functions, rest;
  } const kCases[] = {{Symbolizer::Mode::kFull, true, true},
                      {Symbolizer::Mode::kFunctions, true, false},
                      {Symbolizer::Mode::kNone, false, false}};
  for (const auto& c : kCases) {
    Fixture f;
    Symbolizer symbolizer({.mode = c.mode});
    for (const Unresolved& one : ListUnresolved(f.profile, f.Finder(), symbolizer)) {
      symbolizer.Resolve(*one.module, one.vaddrs, Never);
    }
    const model::Profile p = Annotate(f.profile, f.Finder(), symbolizer);
    CHECK(p.mappings[1].has_functions == c.functions);
    CHECK(p.mappings[1].has_filenames == c.rest);
    CHECK(p.mappings[1].has_line_numbers == c.rest);
    CHECK(p.mappings[1].has_inline_frames == c.rest);
    CHECK_FALSE(p.mappings[2].has_functions);
  }
}

// What OpenTelemetry defines, computed by coreutils.
std::string HtlHashByTools(const std::string& path) {
  const std::string command = "( head -c 4096 '" + path + "'; tail -c 4096 '" + path +
                              "'; printf %016x $(stat -c %s '" + path +
                              "') | sed 's/../\\\\x&/g' | xargs -0 printf %b ) | sha256sum";
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  char hex[33] = {};
  REQUIRE(std::fgets(hex, sizeof hex, pipe) != nullptr);
  pclose(pipe);
  return hex;
}

TEST_CASE("a mapping carries the hash of its file once the file was read") {
  Fixture f;
  Symbolizer symbolizer({});
  CHECK(Annotate(f.profile, f.Finder(), symbolizer).mappings[1].htlhash == model::StringId{});
  for (const Unresolved& one : ListUnresolved(f.profile, f.Finder(), symbolizer)) {
    symbolizer.Resolve(*one.module, one.vaddrs, Never);
  }
  const model::Profile p = Annotate(f.profile, f.Finder(), symbolizer);
  CHECK(p.String(p.mappings[1].htlhash) == HtlHashByTools(f.shop.module().path));
  CHECK(p.mappings[2].htlhash == model::StringId{});
}

TEST_CASE("a file shorter than its two ends is hashed by both of them") {
  const std::string text = "short";
  base::Sha256 sha;
  sha.Add("shortshort");
  sha.Add(std::string_view("\0\0\0\0\0\0\0\5", 8));
  const base::Sha256::Digest digest = sha.Finish();
  const std::string hash = HtlHash(Bytes(reinterpret_cast<const uint8_t*>(text.data()), 5));
  CHECK(hash == absl::BytesToHexString(
                    absl::string_view(reinterpret_cast<const char*>(digest.data()), 16)));
}

TEST_CASE("annotating before Resolve changes nothing, and twice is as good as once") {
  Fixture f;
  Symbolizer symbolizer({});
  const model::Profile before = Annotate(f.profile, f.Finder(), symbolizer);
  CHECK(before.locations == f.profile.locations);
  CHECK(before.strings == f.profile.strings);
  for (const Unresolved& one : ListUnresolved(f.profile, f.Finder(), symbolizer)) {
    symbolizer.Resolve(*one.module, one.vaddrs, Never);
  }
  const model::Profile once = Annotate(f.profile, f.Finder(), symbolizer);
  const model::Profile twice = Annotate(once, f.Finder(), symbolizer);
  CHECK(twice.locations == once.locations);
  CHECK(twice.functions == once.functions);
  CHECK(twice.strings == once.strings);
}

}  // namespace
}  // namespace podo::symbolize
