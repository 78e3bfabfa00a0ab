// SPDX-License-Identifier: Apache-2.0
#include "capture/modules.h"

#include <link.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "base/format.h"
#include "capture/elf_image.h"

namespace podo::capture {
namespace {

constexpr int kMaxListedModules = 65536;  // a list that loops must end
constexpr int kReadAttempts = 3;
constexpr uint64_t kPageBytes = 4096;
constexpr size_t kMaxPathBytes = 4096;  // PATH_MAX

// Reads up to a NUL without touching the page behind it.
std::string ReadString(ProcessView& process, uint64_t address) {
  std::string text;
  while (text.size() < kMaxPathBytes) {
    char chunk[256];
    const uint64_t at = address + text.size();
    const size_t step = std::min<uint64_t>(sizeof(chunk), kPageBytes - at % kPageBytes);
    if (!process.Read(at, chunk, step)) return "";
    const size_t length = strnlen(chunk, step);
    text.append(chunk, length);
    if (length < step) return text;
  }
  return "";
}

// The head of the list that `link_map` is in, or the earliest entry that can be reached.
uint64_t HeadOf(ProcessView& process, uint64_t map_address, bool* complete) {
  for (int i = 0; i < kMaxListedModules; ++i) {
    link_map map;
    if (!process.Read(map_address, &map, sizeof(map))) break;
    if (map.l_prev == nullptr) return map_address;
    map_address = reinterpret_cast<uint64_t>(map.l_prev);
  }
  *complete = false;
  return map_address;
}

void Add(const ModuleIdentity& identity, std::vector<ModuleIdentity>* modules) {
  for (const ModuleIdentity& known : *modules) {
    if (known.map_start == identity.map_start) return;
    if (known.link_map == identity.link_map && identity.link_map != 0) return;
  }
  modules->push_back(identity);
}

bool IsVdso(ProcessView& process, const ModuleIdentity& identity) {
  return identity.map_start != 0 && identity.map_start == process.Auxiliary(AT_SYSINFO_EHDR);
}

// The vDSO is nobody's file, and not every loader lists it.
void AddVdso(ProcessView& process, std::vector<ModuleIdentity>* modules) {
  const uint64_t start = process.Auxiliary(AT_SYSINFO_EHDR);
  if (start == 0) return;
  const base::StatusOr<ElfImage> image = ReadElfImage(process, start);
  if (!image.ok()) return;
  Add({.link_map = 0, .map_start = start, .map_end = image->end, .eh_frame_hdr = 0}, modules);
}

bool HasSegmentAt(const ElfImage& image, uint64_t address) {
  const std::vector<model::Segment> segments = SegmentsOf(image);
  return std::any_of(segments.begin(), segments.end(), [&](const model::Segment& segment) {
    return address >= segment.start && address < segment.end;
  });
}

// The ELF header stands at the start of the range the loader names, unless that is one segment of
// several (holes between segments, and every static program): then at the load bias of a shared
// object, or in the page of the main program's headers.
base::StatusOr<ElfImage> ImageOf(ProcessView& process, const ModuleIdentity& identity) {
  base::StatusOr<ElfImage> image = ReadElfImage(process, identity.map_start);
  if (image.ok() || base::IsUnavailable(image.status())) return image;
  uint64_t starts[2] = {0, process.Auxiliary(AT_PHDR) / kPageBytes * kPageBytes};
  link_map map;
  if (process.Read(identity.link_map, &map, sizeof(map))) starts[0] = map.l_addr;
  for (const uint64_t start : starts) {
    if (start == 0) continue;
    base::StatusOr<ElfImage> other = ReadElfImage(process, start);
    if (other.ok() && HasSegmentAt(*other, identity.map_start)) return other;
  }
  return image;
}

bool IsMain(ProcessView& process, const ElfImage& image) {
  const uint64_t program_headers = process.Auxiliary(AT_PHDR);
  return program_headers >= image.start && program_headers < image.end;
}

std::string PathOf(ProcessView& process, const ModuleIdentity& identity, const ElfImage& image) {
  if (IsVdso(process, identity)) return "[vdso]";
  if (IsMain(process, image)) return process.MainPath();
  link_map map;
  if (identity.link_map == 0 || !process.Read(identity.link_map, &map, sizeof(map))) return "";
  return ReadString(process, reinterpret_cast<uint64_t>(map.l_name));
}

// The first bytes of the module (program headers and, as every linker lays them out, the build id)
// and of the unwind search table (one entry a function). 0 if they cannot be read.
uint64_t ContentMark(ProcessView& process, const ModuleIdentity& identity) {
  char bytes[2 * kPageBytes] = {};
  // Never past the page or the module: the next page may be a hole.
  const auto read_page = [&](uint64_t address, char* to) {
    const uint64_t step = std::min(identity.map_end - address, kPageBytes - address % kPageBytes);
    return process.Read(address, to, step);
  };
  if (!read_page(identity.map_start, bytes)) return 0;
  const uint64_t header = identity.eh_frame_hdr;
  if (header > identity.map_start && header < identity.map_end &&
      !read_page(header, bytes + kPageBytes)) {
    return 0;
  }
  return absl::HashOf(absl::string_view(bytes, sizeof(bytes))) | 1;  // 0 means unreadable
}

base::Status WentAway(const ModuleIdentity& identity) {
  return base::AbortedError(
      base::StrFormat("the module at %#x went away while it was read", identity.map_start));
}

// Rows, or why there are none; code without unwind information still gets its gap rows.
base::Status BuildTable(ProcessView& process, const ElfImage& image, LoadedModule* loaded) {
  EhFrameCopy copy;
  const base::Status read = copy.Read(process, image);
  if (copy.input().text.empty()) return base::OkStatus();  // nothing to unwind from
  base::StatusOr<RowTable> table = BuildRows(copy.input(), &loaded->counts);
  if (!table.ok()) return table.status();
  loaded->table = *std::move(table);
  return read;
}

base::StatusOr<LoadedModule> LoadOnce(ProcessView& process, const ModuleIdentity& identity) {
  LoadedModule loaded;
  loaded.identity = identity;
  loaded.content_mark = ContentMark(process, identity);
  const base::StatusOr<ElfImage> image = ImageOf(process, identity);
  if (!image.ok()) return image.status();
  model::Module& module = loaded.module;
  module.start = image->start;
  module.end = image->end;
  module.load_bias = image->load_bias;
  module.path = PathOf(process, identity, *image);
  module.build_id = ReadBuildId(process, *image);
  module.is_main = IsMain(process, *image);
  module.is_vdso = IsVdso(process, identity);
  module.segments = SegmentsOf(*image);

  loaded.unwind_status = BuildTable(process, *image, &loaded);
  if (base::IsUnavailable(loaded.unwind_status)) return loaded.unwind_status;
  // Looked at last: whatever was torn by an unload or a reload must not be kept, nor reported.
  if (PathOf(process, identity, *image) != module.path || !Unchanged(process, loaded)) {
    return WentAway(identity);
  }
  return loaded;
}

}  // namespace

bool FindModule(ProcessView& process, uint64_t address, ModuleIdentity* identity) {
  if (!process.FindObject(address, identity)) return false;
  link_map map;
  ModuleIdentity first;
  if (process.Read(identity->link_map, &map, sizeof(map)) && map.l_addr != 0 &&
      process.FindObject(map.l_addr, &first) && first.link_map == identity->link_map) {
    *identity = first;
  }
  return true;
}

ModuleList ListModules(ProcessView& process, uint64_t own_address) {
  ModuleList list;
  list.complete = true;
  ModuleIdentity own;
  if (FindModule(process, own_address, &own)) {
    Add(own, &list.modules);
    uint64_t next = HeadOf(process, own.link_map, &list.complete);
    int listed = 0;
    while (next != 0) {
      link_map map;
      if (++listed > kMaxListedModules || !process.Read(next, &map, sizeof(map))) {
        list.complete = false;
        break;
      }
      // The dynamic section lies inside the module; a static program may have none.
      const uint64_t inside =
          map.l_ld != nullptr ? reinterpret_cast<uint64_t>(map.l_ld) : uint64_t{map.l_addr};
      ModuleIdentity identity;
      if (FindModule(process, inside, &identity) && identity.link_map == next) {
        Add(identity, &list.modules);
      } else if (next != own.link_map) {
        list.complete = false;  // being loaded or unloaded right now
      }
      next = reinterpret_cast<uint64_t>(map.l_next);
    }
  } else {
    list.complete = false;
  }
  AddVdso(process, &list.modules);
  return list;
}

base::StatusOr<LoadedModule> LoadModule(ProcessView& process, const ModuleIdentity& identity) {
  base::StatusOr<LoadedModule> loaded = base::UnknownError("");
  // A read may fail because the module was unloaded, and then loaded again to the same place before
  // that could be noticed.
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    loaded = LoadOnce(process, identity);
    if (loaded.ok() || base::IsAborted(loaded.status())) return loaded;
    if (!StillMapped(process, identity)) return WentAway(identity);
    if (!base::IsUnavailable(loaded.status())) return loaded;
  }
  return loaded;
}

base::StatusOr<LoadedModule> LoadModuleAt(ProcessView& process, uint64_t pc) {
  ModuleIdentity identity;
  if (!FindModule(process, pc, &identity)) {
    return base::NotFoundError(base::StrFormat("no module covers %#x", pc));
  }
  return LoadModule(process, identity);
}

bool StillMapped(ProcessView& process, const ModuleIdentity& identity) {
  if (identity.link_map == 0) return IsVdso(process, identity);
  ModuleIdentity now;
  return process.FindObject(identity.map_start, &now) && now == identity;
}

bool Unchanged(ProcessView& process, const LoadedModule& module) {
  return StillMapped(process, module.identity) && module.content_mark != 0 &&
         ContentMark(process, module.identity) == module.content_mark;
}

uint64_t ContentMarkAt(ProcessView& process, const ModuleIdentity& identity) {
  return ContentMark(process, identity);
}

}  // namespace podo::capture
