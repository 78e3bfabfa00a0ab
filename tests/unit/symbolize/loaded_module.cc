// SPDX-License-Identifier: Apache-2.0
#include "loaded_module.h"

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace podo::symbolize {
namespace {

namespace fs = std::filesystem;

std::string BuildIdOf(const ElfW(Phdr) & header, uint64_t bias) {
  const auto* at = reinterpret_cast<const char*>(bias + header.p_vaddr);
  const char* end = at + header.p_memsz;
  while (at + sizeof(ElfW(Nhdr)) <= end) {
    const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(at);
    const char* name = at + sizeof *note;
    const char* content = name + (note->n_namesz + 3) / 4 * 4;
    if (note->n_type == NT_GNU_BUILD_ID && memcmp(name, "GNU", 4) == 0) {
      return absl::BytesToHexString(absl::string_view(content, note->n_descsz));
    }
    at = content + (note->n_descsz + 3) / 4 * 4;
  }
  return {};
}

void AddHeader(const ElfW(Phdr) & header, model::Module* module) {
  const uint64_t start = module->load_bias + header.p_vaddr;
  if (header.p_type == PT_NOTE && module->build_id.empty()) {
    module->build_id = BuildIdOf(header, module->load_bias);
  }
  if (header.p_type != PT_LOAD) return;
  module->segments.push_back(
      {start, start + header.p_memsz, header.p_offset, (header.p_flags & PF_X) != 0});
  if (module->start == 0 || start < module->start) module->start = start;
  module->end = std::max(module->end, start + header.p_memsz);
}

struct Wanted {
  uint64_t address;
  model::Module module;
};

int Visit(dl_phdr_info* info, size_t, void* argument) {
  auto* wanted = static_cast<Wanted*>(argument);
  model::Module module;
  module.load_bias = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i) AddHeader(info->dlpi_phdr[i], &module);
  if (wanted->address < module.start || wanted->address >= module.end) return 0;
  module.path = info->dlpi_name;
  if (module.path.empty()) {
    module.path = fs::read_symlink("/proc/self/exe");
    module.is_main = true;
  }
  wanted->module = module;
  return 1;
}

}  // namespace

std::string ShopPath(const std::string& way) {
  return std::string(PODO_SHOP_DIR) + "/shop_" + way + ".elf";
}

int64_t MarkedLine(const std::string& file, const std::string& mark) {
  std::ifstream source(std::string(PODO_SHOP_SOURCE_DIR) + "/" + file);
  const std::string ending = "MARK " + mark;
  std::string line;
  for (int64_t number = 1; std::getline(source, line); ++number) {
    if (line.size() >= ending.size() &&
        line.compare(line.size() - ending.size(), ending.size(), ending) == 0) {
      return number;
    }
  }
  FAIL("no such mark: ", file, " ", mark);
  return 0;
}

TempDir::TempDir() {
  path_ = (fs::temp_directory_path() / "podo_symbolize_XXXXXX").string();
  REQUIRE(mkdtemp(path_.data()) != nullptr);
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TempDir::Copy(const std::string& from, const std::string& name) const {
  const fs::path to = fs::path(path_) / name;
  fs::create_directories(to.parent_path());
  const fs::path fresh = to.string() + ".new";
  fs::copy_file(from, fresh);
  fs::rename(fresh, to);
  return to.string();
}

std::string TempDir::Write(const std::string& name, const std::string& content) const {
  const fs::path to = fs::path(path_) / name;
  fs::create_directories(to.parent_path());
  std::ofstream(to, std::ios::binary) << content;
  return to.string();
}

LoadedModule::LoadedModule(const std::string& path)
    : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  REQUIRE_MESSAGE(handle_ != nullptr, dlerror());
  module_ = DescribeModule(dlsym(handle_, "podo_shop"));
}

LoadedModule::~LoadedModule() { dlclose(handle_); }

uint64_t LoadedModule::Vaddr(const std::string& symbol) const {
  void* at = dlsym(handle_, symbol.c_str());
  REQUIRE_MESSAGE(at != nullptr, symbol);
  return reinterpret_cast<uint64_t>(at) - module_.load_bias;
}

model::Module DescribeModule(const void* address) {
  Wanted wanted = {reinterpret_cast<uint64_t>(address), {}};
  REQUIRE(dl_iterate_phdr(Visit, &wanted) == 1);
  return wanted.module;
}

model::Module DescribeVdso() {
  const uint64_t start = getauxval(AT_SYSINFO_EHDR);
  model::Module module;
  if (start == 0) return module;
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(start);
  const auto* program = reinterpret_cast<const ElfW(Phdr)*>(start + header->e_phoff);
  module.load_bias = start;
  for (int i = 0; i < header->e_phnum; ++i) AddHeader(program[i], &module);
  // The section headers lie behind the loaded part, in the same pages.
  module.end = (module.end + 4095) / 4096 * 4096;
  module.path = "linux-vdso.so.1";
  module.is_vdso = true;
  return module;
}

std::vector<SourceFrame> ResolveOne(const model::Module& module, uint64_t vaddr,
                                    Symbolizer::Options options, std::vector<std::string>* log) {
  if (log != nullptr) {
    options.log = [log](std::string_view sentence) { log->emplace_back(sentence); };
  }
  Symbolizer symbolizer(std::move(options));
  CHECK(symbolizer.Resolve(module, {vaddr}, [] { return false; }));
  CHECK(symbolizer.Missing(module, {vaddr}).empty());
  std::vector<SourceFrame> frames;
  const bool known = symbolizer.Lookup(module, vaddr, &frames);
  CHECK(known == !frames.empty());
  return frames;
}

FilePlaces NoPlaces() {
  FilePlaces places;
  places.debug_roots.clear();
  places.proc_dir = "/nonexistent";
  return places;
}

std::string ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace podo::symbolize
