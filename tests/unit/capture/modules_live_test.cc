// SPDX-License-Identifier: Apache-2.0
// The module scanner on the process it runs in.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <link.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "capture/modules.h"

namespace podo::capture {
namespace {

struct Expected {
  uint64_t bias;
  std::string name;
  std::vector<ElfW(Phdr)> headers;
};

std::vector<Expected> ModulesOfLoader() {
  std::vector<Expected> modules;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        static_cast<std::vector<Expected>*>(out)->push_back(
            {info->dlpi_addr,
             info->dlpi_name,
             {info->dlpi_phdr, info->dlpi_phdr + info->dlpi_phnum}});
        return 0;
      },
      &modules);
  return modules;
}

void AnchorInThisModule() {}
const uint64_t kHere = reinterpret_cast<uint64_t>(&AnchorInThisModule);

}  // namespace

TEST_CASE(
    "This process: the scanner finds what dl_iterate_phdr finds, bias and build id included") {
  LiveProcess process;
  const ModuleList list = ListModules(process, kHere);
  CHECK(list.complete);
  const std::vector<Expected> expected = ModulesOfLoader();
  CHECK(list.modules.size() == expected.size());
  int with_main = 0;
  int with_vdso = 0;
  for (const ModuleIdentity& identity : list.modules) {
    const auto loaded = LoadModule(process, identity);
    REQUIRE_MESSAGE(loaded.ok(), std::string(loaded.status().message()));
    CAPTURE(loaded->module.path);
    CHECK(loaded->unwind_status.ok());
    CHECK(!loaded->module.build_id.empty());
    CHECK(StillMapped(process, identity));
    CHECK(Unchanged(process, *loaded));
    with_main += loaded->module.is_main ? 1 : 0;
    with_vdso += loaded->module.is_vdso ? 1 : 0;
    const auto same = std::find_if(expected.begin(), expected.end(), [&](const Expected& e) {
      return e.bias == loaded->module.load_bias;
    });
    REQUIRE(same != expected.end());
    if (!loaded->module.is_main && !loaded->module.is_vdso)
      CHECK(same->name == loaded->module.path);
    size_t loads = 0;
    for (const ElfW(Phdr) & header : same->headers) {
      if (header.p_type != PT_LOAD) continue;
      REQUIRE(loads < loaded->module.segments.size());
      CHECK(loaded->module.segments[loads].start == same->bias + header.p_vaddr);
      ++loads;
    }
    CHECK(loads == loaded->module.segments.size());
    CHECK(loaded->counts.broken == 0);
  }
  CHECK(with_main == 1);
  CHECK(with_vdso == 1);
}

TEST_CASE("A library that is unloaded is no longer still mapped, and its rows stay readable") {
  LiveProcess process;
  const std::string names[] = {"libthread_db.so.1", "libanl.so.1", "libutil.so.1"};
  for (const std::string& name : names) {
    CAPTURE(name);
    void* handle = dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL);
    REQUIRE(handle != nullptr);
    link_map* map = nullptr;
    REQUIRE(dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0);
    const uint64_t inside = reinterpret_cast<uint64_t>(map->l_ld);
    const auto loaded = LoadModuleAt(process, inside);
    REQUIRE(loaded.ok());
    CHECK(StillMapped(process, loaded->identity));
    dlclose(handle);
    CHECK(!StillMapped(process, loaded->identity));
    CHECK(!Unchanged(process, *loaded));
    CHECK(LoadModuleAt(process, inside).status().code() == base::StatusCode::kNotFound);
    const ModuleRows& rows = loaded->table.rows();
    for (uint64_t pc = rows.start; pc < rows.end; ++pc) REQUIRE(FindRule(rows, pc) != nullptr);
  }
}

TEST_CASE("Two loads of one library to one address are told apart") {
  LiveProcess process;
  ModuleIdentity first, second;
  for (ModuleIdentity* identity : {&first, &second}) {
    void* handle = dlopen("libanl.so.1", RTLD_LAZY | RTLD_LOCAL);
    REQUIRE(handle != nullptr);
    link_map* map = nullptr;
    REQUIRE(dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0);
    REQUIRE(process.FindObject(reinterpret_cast<uint64_t>(map->l_ld), identity));
    dlclose(handle);
  }
  CHECK(first.map_start == second.map_start);
  CHECK(first.serial != 0);
  CHECK(first.serial < second.serial);
}

TEST_CASE("Modules of another namespace are found by address") {
  LiveProcess process;
  void* handle = dlmopen(LM_ID_NEWLM, "libm.so.6", RTLD_NOW);
  REQUIRE(handle != nullptr);
  const auto loaded = LoadModuleAt(process, reinterpret_cast<uint64_t>(dlsym(handle, "floor")));
  REQUIRE(loaded.ok());
  CHECK(loaded->module.path.find("libm.so.6") != std::string::npos);
  CHECK(loaded->table.rows().row_count > 1000);
  dlclose(handle);
}

TEST_CASE("Scanning while another thread loads and unloads never faults and mixes no modules up") {
  const std::vector<std::string> names = {"libthread_db.so.1", "libanl.so.1", "libutil.so.1"};
  LiveProcess process;
  std::atomic<bool> done{false};
  std::atomic<size_t> scans{0};
  std::thread loader([&] {
    for (size_t i = 0; !done; ++i) {
      if (void* handle = dlopen(names[i % names.size()].c_str(), RTLD_LAZY | RTLD_LOCAL)) {
        // Gone at once, or in the middle of a scan, or there for a whole one.
        for (const size_t until = scans + i % 4; scans < until && !done;) std::this_thread::yield();
        dlclose(handle);
      }
    }
  });
  std::map<std::string, std::string> build_ids;  // by library
  int caught = 0;                                // a library while it was loaded
  for (int round = 0; round < 200000 && caught < 50; ++round, ++scans) {
    for (const ModuleIdentity& identity : ListModules(process, kHere).modules) {
      if (identity.map_end - identity.map_start > 0x10000) continue;  // those that stay loaded
      const auto loaded = LoadModule(process, identity);
      if (!loaded.ok()) {
        const bool transient =
            base::IsAborted(loaded.status()) || base::IsUnavailable(loaded.status());
        CHECK_MESSAGE(transient, std::string(loaded.status().message()));
        continue;
      }
      const std::string& path = loaded->module.path;
      const bool ours = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return path.find(name) != std::string::npos;
      });
      caught += ours ? 1 : 0;
      CHECK(loaded->counts.broken == 0);
      CHECK(loaded->unwind_status.ok());
      const auto [known, is_new] = build_ids.emplace(path, loaded->module.build_id);
      CHECK(known->second == loaded->module.build_id);
    }
  }
  done = true;
  loader.join();
  CHECK(caught >= 50);
}

// Unloads a library right before the n-th read of its memory.
class UnloadsMidway : public LiveProcess {
 public:
  UnloadsMidway(void* handle, const ModuleIdentity& identity, int reads)
      : handle_(handle), identity_(identity), left_(reads) {}
  bool Read(uint64_t address, void* to, size_t bytes) override {
    const bool inside = address >= identity_.map_start && address < identity_.map_end;
    if (inside && left_ > 0 && --left_ == 0) dlclose(handle_);
    return LiveProcess::Read(address, to, bytes);
  }
  bool unloaded() const { return left_ == 0; }

 private:
  void* handle_;
  ModuleIdentity identity_;
  int left_;
};

TEST_CASE("A library that goes away while it is read is an error that passes, whenever it goes") {
  LiveProcess process;
  int gone = 0;
  for (int reads = 1; reads <= 20; ++reads) {
    void* handle = dlopen("libanl.so.1", RTLD_LAZY | RTLD_LOCAL);
    REQUIRE(handle != nullptr);
    link_map* map = nullptr;
    REQUIRE(dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0);
    ModuleIdentity identity;
    REQUIRE(FindModule(process, reinterpret_cast<uint64_t>(map->l_ld), &identity));
    UnloadsMidway midway(handle, identity, reads);
    const auto loaded = LoadModule(midway, identity);
    if (!midway.unloaded()) {  // it takes fewer reads
      CHECK(loaded.ok());
      dlclose(handle);
      break;
    }
    CHECK_FALSE(loaded.ok());
    const bool transient = base::IsAborted(loaded.status()) || base::IsUnavailable(loaded.status());
    CHECK_MESSAGE(transient, std::string(loaded.status().message()));
    ++gone;
  }
  CHECK(gone >= 3);
}

TEST_CASE("Memory that is not there is not read") {
  LiveProcess process;
  void* page = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(page != MAP_FAILED);
  REQUIRE(munmap(static_cast<char*>(page) + 4096, 4096) == 0);
  std::strcpy(static_cast<char*>(page) + 4090, "podo!");
  const uint64_t at = reinterpret_cast<uint64_t>(page);
  char text[16];
  CHECK(process.Read(at + 4090, text, 6));
  CHECK(std::string(text) == "podo!");
  CHECK(!process.Read(at + 4090, text, 7));
  CHECK(!process.Read(at + 4096, text, 1));
  CHECK(!process.Read(0, text, 1));
  CHECK(!process.Read(0xffff800000000000, text, 1));
  munmap(page, 4096);
}

}  // namespace podo::capture
