// SPDX-License-Identifier: Apache-2.0
#include "symbolize/module_files.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>

#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/format.h"
#include "symbolize/process_memory.h"

namespace podo::symbolize {
namespace {

// A mapping's page-rounded bounds name its entry in map_files; 4 KiB divides every page size, and
// with larger pages the loader aligns segments to them.
constexpr uint64_t kPageBytes = 4096;

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

class Finder {
 public:
  Finder(const model::Module& module, const FilePlaces& places, size_t max_unpacked_bytes)
      : module_(module), places_(places), max_unpacked_bytes_(max_unpacked_bytes) {}

  ModuleFiles Find() {
    if (module_.is_vdso) {
      files_.main = ReadVdso();
      return std::move(files_);
    }
    files_.main = FindMain();
    if (files_.main == nullptr || !files_.main->HasDwarf()) files_.debug = FindDebug();
    if (const ElfFile* file = files_.ForDwarf(); file != nullptr) files_.alt = FindAlt(*file);
    if (files_.main != nullptr || files_.debug != nullptr) {
      // A usable file makes the failures on the way to it uninteresting, unless it has its own.
      files_.problem.clear();
      for (const ElfFile* file : {files_.main.get(), files_.debug.get()}) {
        if (file != nullptr && !file->problem().empty()) files_.problem = file->problem();
      }
    }
    return std::move(files_);
  }

 private:
  std::unique_ptr<ElfFile> Open(const std::string& path) {
    const int fd = places_.open ? places_.open(path)
                                : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return nullptr;
    base::StatusOr<std::unique_ptr<ElfFile>> file = ElfFile::FromFd(fd, path, max_unpacked_bytes_);
    if (file.ok()) return *std::move(file);
    Note(std::string(file.status().message()));
    return nullptr;
  }
  // The first thing that went wrong is the one worth a line.
  void Note(std::string problem) {
    if (files_.problem.empty()) files_.problem = std::move(problem);
  }

  std::unique_ptr<ElfFile> ReadVdso() {
    // Its section headers stand behind the loaded segment, in the same page.
    constexpr uint64_t kPage = 4096;
    const uint64_t end = (module_.end + kPage - 1) & ~(kPage - 1);
    base::StatusOr<std::string> image = ReadOwnMemory(module_.start, end);
    if (!image.ok()) {
      Note(absl::StrCat("vDSO: ", image.status().message()));
      return nullptr;
    }
    auto file = ElfFile::FromMemory(*std::move(image), "vDSO", max_unpacked_bytes_);
    if (file.ok()) return *std::move(file);
    Note(std::string(file.status().message()));
    return nullptr;
  }

  bool IsMapped(const ElfFile& file) const {
    if (!module_.build_id.empty()) return file.build_id() == module_.build_id;
    if (!mapped_read_) {
      mapped_ = FindMappedFile(places_.proc_dir + "/maps", module_.start, module_.end);
      mapped_read_ = true;
    }
    if (!mapped_.has_value() || mapped_->inode != file.inode()) return false;
    // On overlayfs stat and maps may disagree about the device; then the name must not have been
    // deleted or renamed.
    return mapped_->device == file.device() || mapped_->path == module_.path;
  }

  std::unique_ptr<ElfFile> TryMain(const std::string& path) {
    std::unique_ptr<ElfFile> file = Open(path);
    if (file == nullptr || IsMapped(*file)) return file;
    Note(absl::StrCat(path, ": the file is not the one that is mapped (replaced by a deploy?)"));
    return nullptr;
  }

  std::unique_ptr<ElfFile> FindMain() {
    if (!module_.path.empty() && module_.path[0] == '/') {
      if (auto file = TryMain(module_.path)) return file;
    }
    if (module_.is_main) {
      if (auto file = TryMain(places_.proc_dir + "/exe")) return file;
    }
    for (const model::Segment& segment : module_.segments) {
      const uint64_t start = segment.start / kPageBytes * kPageBytes;
      const uint64_t end = (segment.end + kPageBytes - 1) / kPageBytes * kPageBytes;
      if (auto file =
              TryMain(base::StrFormat("%s/map_files/%x-%x", places_.proc_dir, start, end))) {
        return file;
      }
    }
    Note(absl::StrCat(module_.path, ": cannot be opened"));
    return nullptr;
  }

  std::unique_ptr<ElfFile> OpenByBuildId(const std::string& build_id) {
    if (build_id.size() < 4) return nullptr;
    for (const std::string& root : places_.debug_roots) {
      auto file = Open(absl::StrCat(root, "/.build-id/", build_id.substr(0, 2), "/",
                                    build_id.substr(2), ".debug"));
      if (file != nullptr && file->build_id() == build_id) return file;
    }
    return nullptr;
  }

  std::unique_ptr<ElfFile> FindDebug() {
    if (auto file = OpenByBuildId(module_.build_id)) return file;
    if (files_.main == nullptr) return nullptr;
    const ElfFile::DebugLink link = files_.main->ReadDebugLink();
    if (link.name.empty()) return nullptr;
    const std::string directory = DirectoryOf(module_.path);
    std::vector<std::string> paths = {directory + link.name, directory + ".debug/" + link.name};
    for (const std::string& root : places_.debug_roots)
      paths.push_back(root + directory + link.name);
    for (const std::string& path : paths) {
      std::unique_ptr<ElfFile> file = Open(path);
      if (file != nullptr && MatchesLink(*file, link)) return file;
    }
    return nullptr;
  }

  bool MatchesLink(const ElfFile& file, const ElfFile::DebugLink& link) {
    if (file.inode() == files_.main->inode() && file.device() == files_.main->device()) {
      return false;
    }
    // Equal build ids prove more than the checksum, which tools that compress the file break.
    if (!module_.build_id.empty() && !file.build_id().empty()) {
      return file.build_id() == module_.build_id;
    }
    if (file.Crc32() == link.crc) return true;
    Note(absl::StrCat(file.path(), ": its checksum is not the one .gnu_debuglink names"));
    return false;
  }

  std::unique_ptr<ElfFile> FindAlt(const ElfFile& file) {
    ByteCursor cursor(file.SectionBytes(".gnu_debugaltlink"));
    const std::string name(cursor.CString());
    const Bytes id = cursor.rest();
    if (name.empty() || id.empty()) return nullptr;
    const std::string build_id = absl::BytesToHexString(
        absl::string_view(reinterpret_cast<const char*>(id.data()), id.size()));
    if (auto alt = OpenByBuildId(build_id)) return alt;
    auto alt = Open(name[0] == '/' ? name : DirectoryOf(file.path()) + name);
    return alt != nullptr && alt->build_id() == build_id ? std::move(alt) : nullptr;
  }

  const model::Module& module_;
  const FilePlaces& places_;
  const size_t max_unpacked_bytes_;
  ModuleFiles files_;
  mutable bool mapped_read_ = false;
  mutable std::optional<MappedFile> mapped_;
};

}  // namespace

ModuleFiles OpenModuleFiles(const model::Module& module, const FilePlaces& places,
                            size_t max_unpacked_bytes) {
  return Finder(module, places, max_unpacked_bytes).Find();
}

}  // namespace podo::symbolize
