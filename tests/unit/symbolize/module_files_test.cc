// SPDX-License-Identifier: Apache-2.0
#include "symbolize/module_files.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "loaded_module.h"
#include "symbolize/process_memory.h"
#include "symbolize/symbolizer.h"

namespace podo::symbolize {
namespace {

// "FILE:LINES" of the frames, or the only function's name if there are no lines; "" if nothing.
std::string Outcome(const LoadedModule& shop, const FilePlaces& places,
                    std::vector<std::string>* log = nullptr) {
  Symbolizer::Options options;
  options.places = places;
  const auto frames = ResolveOne(shop.module(), shop.Vaddr("podo_probe_round"), options, log);
  if (frames.empty()) return "";
  return frames.size() == 3 && frames[0].line == MarkedLine("price.h", "round-probe")
             ? "lines"
             : frames[0].function;
}
constexpr char kName[] = "shop::Checkout(int, shop::Price const&)";

std::string BuildIdPath(const std::string& build_id) {
  return ".build-id/" + build_id.substr(0, 2) + "/" + build_id.substr(2) + ".debug";
}

// A copy of a stripped library whose .gnu_debuglink names `debug_file`.
std::string CopyWithLink(const TempDir& dir, const std::string& way,
                         const std::string& debug_file) {
  const std::string library = dir.path() + "/lib/libshop.so";
  const std::string plain = dir.Copy(ShopPath(way), "lib/plain.so");
  const std::string command = std::string(PODO_OBJCOPY) + " --add-gnu-debuglink=" + debug_file +
                              " " + plain + " " + library;
  REQUIRE(system(command.c_str()) == 0);
  return library;
}

TEST_CASE("a separate debug file is found by build id") {
  TempDir dir;
  LoadedModule shop(ShopPath("stripped"));
  FilePlaces places = NoPlaces();
  places.debug_roots = {dir.path()};
  CHECK(Outcome(shop, places) == kName);
  dir.Copy(ShopPath("debug_only"), BuildIdPath(shop.module().build_id));
  CHECK(Outcome(shop, places) == "lines");
}

TEST_CASE("a debug file of another build is not used, wherever it lies") {
  TempDir dir;
  LoadedModule shop(ShopPath("stripped"));
  FilePlaces places = NoPlaces();
  places.debug_roots = {dir.path()};
  dir.Copy(ShopPath("other_version"), BuildIdPath(shop.module().build_id));
  CHECK(Outcome(shop, places) == kName);
}

TEST_CASE("a separate debug file is found by .gnu_debuglink in each of its three places") {
  for (const char* place : {"lib/shop.debug", "lib/.debug/shop.debug", "root"}) {
    CAPTURE(std::string(place));
    TempDir dir;
    dir.Copy(ShopPath("no_build_id_debug"), "made/shop.debug");
    LoadedModule shop(CopyWithLink(dir, "no_build_id_stripped", dir.path() + "/made/shop.debug"));
    FilePlaces places = NoPlaces();
    places.proc_dir = "/proc/self";
    places.debug_roots = {dir.path() + "/root"};
    CHECK(Outcome(shop, places) == kName);
    const std::string name =
        std::string(place) == "root" ? "root" + dir.path() + "/lib/shop.debug" : std::string(place);
    dir.Copy(ShopPath("no_build_id_debug"), name);
    CHECK(Outcome(shop, places) == "lines");
  }
}

TEST_CASE("a debug file whose checksum is not the link's is refused with a sentence") {
  TempDir dir;
  dir.Copy(ShopPath("no_build_id_debug"), "made/shop.debug");
  LoadedModule shop(CopyWithLink(dir, "no_build_id_stripped", dir.path() + "/made/shop.debug"));
  FilePlaces places = NoPlaces();
  places.proc_dir = "/proc/self";
  dir.Write("lib/shop.debug", ReadWholeFile(ShopPath("no_build_id_debug")) + "x");
  CHECK(Outcome(shop, places) == kName);
}

TEST_CASE("a library that a deploy has replaced is not read for addresses of the old one") {
  for (const char* way : {"gcc_dwarf5", "no_build_id"}) {
    CAPTURE(std::string(way));
    TempDir dir;
    LoadedModule shop(dir.Copy(ShopPath(way), "libshop.so"));
    FilePlaces without_map_files = NoPlaces();
    without_map_files.proc_dir = dir.path() + "/proc";
    dir.Write("proc/maps", ReadWholeFile("/proc/self/maps"));
    CHECK(Outcome(shop, without_map_files) == "lines");

    dir.Copy(ShopPath("other_version"), "libshop.so");
    dir.Write("proc/maps", ReadWholeFile("/proc/self/maps"));
    std::vector<std::string> log;
    CHECK(Outcome(shop, without_map_files, &log) == "");
    REQUIRE(log.size() == 1);
    CHECK(log[0].find("not the one that is mapped") != std::string::npos);
  }
}

TEST_CASE("map_files reaches the replaced library where the kernel allows it") {
  TempDir dir;
  LoadedModule shop(dir.Copy(ShopPath("gcc_dwarf5"), "libshop.so"));
  dir.Copy(ShopPath("other_version"), "libshop.so");
  // The kernel asks for CAP_CHECKPOINT_RESTORE; without it addresses must come out, not nonsense.
  FilePlaces places = NoPlaces();
  places.proc_dir = "/proc/self";
  char name[64];
  const model::Segment& first = shop.module().segments[0];
  snprintf(name, sizeof name, "/proc/self/map_files/%lx-%lx", first.start,
           (first.end + 4095) / 4096 * 4096);
  const int fd = open(name, O_RDONLY | O_CLOEXEC);
  const bool may_open = fd >= 0;
  if (may_open) close(fd);
  CHECK(Outcome(shop, places) == (may_open ? "lines" : ""));
}

TEST_CASE("the main program is reached by /proc/self/exe when its path is gone") {
  model::Module self = DescribeModule(reinterpret_cast<const void*>(&BuildIdPath));
  self.path = "/nonexistent/program";
  ModuleFiles files = OpenModuleFiles(self, FilePlaces{}, 64 << 20);
  REQUIRE(files.main != nullptr);
  CHECK(files.main->build_id() == self.build_id);
}

TEST_CASE("without any file the debug file of the build id still gives lines") {
  TempDir dir;
  LoadedModule shop(dir.Copy(ShopPath("stripped"), "libshop.so"));
  FilePlaces places = NoPlaces();
  places.debug_roots = {dir.path()};
  dir.Copy(ShopPath("debug_only"), BuildIdPath(shop.module().build_id));
  dir.Copy(ShopPath("other_version"), "libshop.so");
  CHECK(Outcome(shop, places) == "lines");
}

TEST_CASE("what is not a regular file is not read and does not block") {
  TempDir dir;
  LoadedModule shop(dir.Copy(ShopPath("stripped"), "libshop.so"));
  FilePlaces places = NoPlaces();
  places.debug_roots = {dir.path()};
  const std::string id = shop.module().build_id;
  dir.Write(".build-id/" + id.substr(0, 2) + "/placeholder", "");
  const std::string path = dir.path() + "/" + BuildIdPath(id);
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  CHECK(Outcome(shop, places) == kName);
}

TEST_CASE("memory of this process is copied, and a hole is an error") {
  const std::string text = "some bytes of this process";
  const auto start = reinterpret_cast<uint64_t>(text.data());
  base::StatusOr<std::string> copy = ReadOwnMemory(start, start + text.size());
  REQUIRE(copy.ok());
  CHECK(*copy == text);
  CHECK_FALSE(ReadOwnMemory(0, 4096).ok());
  CHECK_FALSE(ReadOwnMemory(start, start).ok());
  CHECK_FALSE(ReadOwnMemory(start, start + (64u << 20)).ok());
}

TEST_CASE("compressed debug sections that unpack to more than half the cap are left alone") {
  LoadedModule shop(ShopPath("compressed"));
  Symbolizer::Options options;
  options.byte_cap = 1024;  // the sections unpack to some kilobytes
  std::vector<std::string> log;
  Symbolizer symbolizer({.byte_cap = 1024});
  ModuleFiles files = OpenModuleFiles(shop.module(), FilePlaces{}, 512);
  REQUIRE(files.main != nullptr);
  CHECK_FALSE(files.main->HasDwarf());
  CHECK(files.problem.find("unpack to") != std::string::npos);
}

}  // namespace
}  // namespace podo::symbolize
