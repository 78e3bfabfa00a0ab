// SPDX-License-Identifier: Apache-2.0
#include "net/net_loader.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/owned_fd.h"
#include "base/status.h"

// There if libpodo_net.a is linked in.
#pragma weak podo_net_module

namespace podo::net {
namespace {

constexpr char kName[] = "libpodo_net.so";

// Its dlopen would bring a second libc.
bool ProgramIsStatic() {
  bool has_interpreter = false;
  dl_iterate_phdr(
      [](dl_phdr_info* program, size_t, void* found) {
        for (int i = 0; i < program->dlpi_phnum; ++i) {
          if (program->dlpi_phdr[i].p_type == PT_INTERP) *static_cast<bool*>(found) = true;
        }
        return 1;  // the program itself comes first
      },
      &has_interpreter);
  return !has_interpreter;
}

// The runtimes of sanitizers end the process at a dlopen with RTLD_DEEPBIND.
bool HasSanitizer() {
  for (const char* name : {"__asan_init", "__tsan_init", "__msan_init", "__hwasan_init"}) {
    if (dlsym(RTLD_DEFAULT, name) != nullptr) return true;
  }
  return false;
}

void AddDirectoryOf(const std::string& path, std::vector<std::string>* directories) {
  const size_t slash = path.rfind('/');
  if (!path.starts_with('/')) return;  // as it was found from some working directory
  const std::string directory = path.substr(0, std::max(slash, size_t{1}));
  if (std::find(directories->begin(), directories->end(), directory) == directories->end()) {
    directories->push_back(directory);
  }
}

// The file mapped at `address`, as the kernel names it: absolute, symbolic links resolved.
std::string MappedFile(uintptr_t address) {
  const std::unique_ptr<FILE, int (*)(FILE*)> maps(std::fopen("/proc/self/maps", "re"),
                                                   std::fclose);
  char line[4500];  // a path has at most 4095 bytes
  while (maps != nullptr && std::fgets(line, sizeof line, maps.get()) != nullptr) {
    uintptr_t begin = 0, end = 0;
    if (std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &begin, &end) != 2) continue;
    if (address < begin || address >= end) continue;
    const char* path = std::strchr(line, '/');
    return path == nullptr ? "" : std::string(path, std::strcspn(path, "\n"));
  }
  return "";
}

base::Status Unusable(const std::string& what) {
  return base::FailedPreconditionError(absl::StrCat("HTTP needs libpodo_net.so, ", what));
}

// The first that is there is taken; one that does not load is an error and not passed over.
base::StatusOr<std::string> FindModule() {
  const std::vector<std::string> directories = NetModuleDirectories();
  for (const std::string& directory : directories) {
    const std::string path = absl::StrCat(directory, "/", kName);
    if (access(path.c_str(), F_OK) == 0) return path;
  }
  return Unusable(absl::StrCat("which is not in ", absl::StrJoin(directories, " nor in "),
                               ": install it beside libpodo.so, or link libpodo_net.a"));
}

// A failed allocation inside dlopen() can end the process, as glibc does in places and static
// initialisers of the module's libraries do (docs/faults.md). So there has to be more than it
// takes.
bool HasRoomToLoad() {
  constexpr size_t kBytes = size_t{32} << 20;  // the module with OpenSSL: 12 MiB
  void* const room =
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return room != MAP_FAILED && munmap(room, kBytes) == 0;
}

base::Status CheckVersion(const podo_net_api& api, const std::string& path) {
  if (api.size == sizeof api && std::strcmp(api.version, PODO_VERSION) == 0) {
    return base::OkStatus();
  }
  return Unusable(absl::StrCat("but ", path, " is of another build, version ", api.version,
                               " and not " PODO_VERSION ": install both from one build"));
}

base::StatusOr<const podo_net_api*> Load() {
  if (&podo_net_module != nullptr) return podo_net_module();
  if (ProgramIsStatic()) {
    return Unusable("which a static program cannot load: link libpodo_net.a");
  }
  const auto path = FindModule();
  if (!path.ok()) return path.status();
  if (!HasRoomToLoad()) return Unusable("for which there are not 32 MiB of memory");
  const int deep = HasSanitizer() ? 0 : RTLD_DEEPBIND;
  void* const handle = dlopen(path->c_str(), RTLD_NOW | RTLD_LOCAL | deep);
  if (handle == nullptr) {
    const char* reason = dlerror();
    return Unusable(absl::StrCat("which does not load: ", reason != nullptr ? reason : *path));
  }
  // Never closed: its threads may run (-z nodelete would keep it anyway).
  const auto module =
      reinterpret_cast<decltype(&podo_net_module)>(dlsym(handle, "podo_net_module"));
  if (module == nullptr) return Unusable(absl::StrCat("which ", *path, " is not"));
  const base::Status status = CheckVersion(*module(), *path);
  if (!status.ok()) return status;
  return module();
}

// Set before there are threads, by podo's own programs; never freed.
constinit const std::string* g_other_directory = nullptr;

}  // namespace

void LookAlsoIn(std::string directory) {
  g_other_directory = new std::string(std::move(directory));
}

std::vector<std::string> NetModuleDirectories() {
  std::vector<std::string> directories;
  const auto self = reinterpret_cast<uintptr_t>(&NetModuleDirectories);
  Dl_info found = {};
  if (dladdr(reinterpret_cast<void*>(self), &found) != 0 && found.dli_fname != nullptr) {
    AddDirectoryOf(found.dli_fname, &directories);
  }
  AddDirectoryOf(MappedFile(self), &directories);  // where symbolic links lead
  if (g_other_directory != nullptr) {
    AddDirectoryOf(absl::StrCat(*g_other_directory, "/", kName), &directories);
  }
  AddDirectoryOf(absl::StrCat(PODO_LIBDIR, "/", kName), &directories);
  return directories;
}

base::StatusOr<const podo_net_api*> LoadNetModule(bool tls) {
  static constinit std::mutex mutex;
  static constinit const podo_net_api* loaded = nullptr;  // under mutex
  const std::lock_guard lock(mutex);
  if (loaded == nullptr) {
    const auto api = Load();
    if (!api.ok()) return api.status();
    loaded = *api;
  }
  base::AlsoCloseInForkChild(loaded->close_in_fork_child);
  const char* problem = tls ? loaded->prepare_tls() : nullptr;
  if (problem != nullptr) return base::FailedPreconditionError(problem);
  return loaded;
}

}  // namespace podo::net
