// SPDX-License-Identifier: Apache-2.0
// Damaged files: the fuzz corpus replayed, and real files with bytes changed.
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "loaded_module.h"
#include "symbolize/symbolizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

namespace podo::symbolize {
namespace {

void RunFuzzTarget(const std::string& image) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(image.data()), image.size());
}

TEST_CASE("every file of the fuzz corpus is survived") {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PODO_FUZZ_CORPUS)) {
    CAPTURE(entry.path().string());
    RunFuzzTarget(ReadWholeFile(entry.path()));
    ++files;
  }
  CHECK(files >= 5);
}

TEST_CASE("files with bytes changed at random places are survived") {
  for (const char* way : {"gcc_dwarf5", "gcc_dwarf4", "compressed"}) {
    CAPTURE(std::string(way));
    const std::string sound = ReadWholeFile(ShopPath(way));
    std::mt19937 random(42);
    for (int round = 0; round < 300; ++round) {
      std::string image = sound;
      for (int i = 0; i < 8; ++i) image[random() % image.size()] = static_cast<char>(random());
      RunFuzzTarget(image);
    }
  }
}

TEST_CASE("a broken debug file is one sentence, and the names of the library itself remain") {
  TempDir dir;
  LoadedModule shop(ShopPath("stripped"));
  const std::string& id = shop.module().build_id;
  Symbolizer::Options options;
  options.places = NoPlaces();
  options.places.debug_roots = {dir.path()};
  std::string image = ReadWholeFile(ShopPath("debug_only"));
  // Every abbreviation and every DIE zeroed or wild: found by their section's place in the file.
  for (size_t i = image.size() / 3; i < image.size() / 2; ++i) image[i] = '\xFF';
  dir.Write(".build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug", image);
  std::vector<std::string> log;
  Symbolizer symbolizer([&] {
    options.log = [&](std::string_view sentence) { log.emplace_back(sentence); };
    return options;
  }());
  std::vector<SourceFrame> frames;
  for (const char* probe : {"podo_probe_round", "podo_probe_checkout"}) {
    CHECK(symbolizer.Resolve(shop.module(), {shop.Vaddr(probe)}, [] { return false; }));
    CHECK(symbolizer.Lookup(shop.module(), shop.Vaddr(probe), &frames));
    CHECK(frames.back().function == "shop::Checkout(int, shop::Price const&)");
  }
  CHECK(log.size() <= 1);
}

TEST_CASE("a file that is no ELF at all is one sentence") {
  TempDir dir;
  LoadedModule shop(dir.Copy(ShopPath("gcc_dwarf5"), "libshop.so"));
  dir.Write("fresh", std::string(5000, 'x'));
  dir.Copy(dir.path() + "/fresh", "libshop.so");
  Symbolizer::Options options;
  options.places = NoPlaces();
  std::vector<std::string> log;
  CHECK(ResolveOne(shop.module(), shop.Vaddr("podo_probe_round"), options, &log).empty());
  REQUIRE(log.size() == 1);
  CHECK(log[0].find("not an ELF file") != std::string::npos);
}

}  // namespace
}  // namespace podo::symbolize
