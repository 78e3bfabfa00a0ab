// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_elf.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/owned_fd.h"
#include "capture/elf_image.h"
#include "capture/process_view.h"
#include "symbolize/module_files.h"

namespace podo::doctor {
namespace {

constexpr uint64_t kPageBytes = 4096;
// Where a shared object is taken to be mapped: away from 0, which means "none" in unwind tables.
constexpr uint64_t kBase = uint64_t{1} << 40;

struct FileSegment {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t offset = 0;  // in the file, of `start`
};

// A process into which nothing but this file is mapped. Reads the file, so that one that shrinks
// meanwhile ends the read and not the program.
class FileAsProcess final : public capture::ProcessView {
 public:
  explicit FileAsProcess(base::OwnedFd file) : file_(std::move(file)) {}

  // Where its ELF header lies.
  base::StatusOr<uint64_t> Map() {
    Elf64_Ehdr header = {};
    if (!ReadFile(0, &header, sizeof header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
      return base::InvalidArgumentError("not an ELF file");
    }
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
      return base::InvalidArgumentError(
          "neither a program nor a shared object (a core file, or one to be linked?)");
    }
    const uint64_t bias = header.e_type == ET_DYN ? kBase : 0;
    ReadCode(header, bias);
    std::optional<uint64_t> start;
    for (uint64_t i = 0; i < header.e_phnum; ++i) {
      Elf64_Phdr load = {};
      if (!ReadFile(header.e_phoff + i * sizeof load, &load, sizeof load)) {
        return base::InvalidArgumentError("its program headers do not fit the file");
      }
      if (load.p_type != PT_LOAD) continue;
      if (!start) start = bias + load.p_vaddr - load.p_offset;
      // The loader maps whole pages.
      const uint64_t before = std::min(load.p_vaddr % kPageBytes, load.p_offset);
      segments_.push_back({bias + load.p_vaddr - before, bias + load.p_vaddr + load.p_filesz,
                           load.p_offset - before});
    }
    if (!start) return base::InvalidArgumentError("no loaded segment");
    start_ = *start;
    return start_;
  }

  bool Read(uint64_t address, void* to, size_t bytes) override {
    for (const FileSegment& segment : segments_) {
      if (address < segment.start || address >= segment.end) continue;
      return bytes <= segment.end - address &&
             ReadFile(segment.offset + (address - segment.start), to, bytes);
    }
    // Headers of a file whose first segment begins behind them.
    constexpr uint64_t kHeaderBytes = 64 << 10;
    return address - start_ < kHeaderBytes && ReadFile(address - start_, to, bytes);
  }
  // Sections with code: a linker may put constants and tables in the executable segment. Empty in
  // a file without section headers.
  const std::vector<capture::AddressRange>& code() const { return code_; }

  bool FindObject(uint64_t, capture::ModuleIdentity*) override { return false; }
  uint64_t Auxiliary(uint64_t) override { return 0; }
  std::string MainPath() override { return ""; }

 private:
  void ReadCode(const Elf64_Ehdr& header, uint64_t bias) {
    for (uint64_t i = 0; header.e_shoff != 0 && i < header.e_shnum; ++i) {
      Elf64_Shdr section = {};
      if (!ReadFile(header.e_shoff + i * sizeof section, &section, sizeof section)) return;
      constexpr uint64_t kCode = SHF_ALLOC | SHF_EXECINSTR;
      if ((section.sh_flags & kCode) != kCode) continue;
      code_.push_back({bias + section.sh_addr, bias + section.sh_addr + section.sh_size});
    }
  }
  bool ReadFile(uint64_t offset, void* to, size_t bytes) const {
    auto* next = static_cast<char*>(to);
    while (bytes > 0) {
      const ssize_t size = pread(file_.get(), next, bytes, static_cast<off_t>(offset));
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return false;
      next += size;
      offset += static_cast<uint64_t>(size);
      bytes -= static_cast<size_t>(size);
    }
    return true;
  }

  base::OwnedFd file_;
  std::vector<FileSegment> segments_;
  std::vector<capture::AddressRange> code_;
  uint64_t start_ = 0;
};

base::StatusOr<base::OwnedFd> OpenRegular(const std::string& path) {
  base::OwnedFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status = {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) {
    return base::NotFoundError(std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) return base::InvalidArgumentError("not a regular file");
  return file;
}

// What of `code` lies in `text`, else all of `text`.
std::vector<capture::AddressRange> CodeIn(const std::vector<capture::AddressRange>& text,
                                          const std::vector<capture::AddressRange>& code) {
  std::vector<capture::AddressRange> both;
  for (const capture::AddressRange& range : text) {
    for (const capture::AddressRange& section : code) {
      both.push_back({std::max(range.start, section.start), std::min(range.end, section.end)});
    }
  }
  std::erase_if(both, [](const auto& range) { return range.end <= range.start; });
  return both.empty() ? text : both;
}

// Sorted, none overlaps another.
void Normalize(std::vector<capture::AddressRange>* ranges) {
  std::erase_if(*ranges, [](const auto& range) { return range.end <= range.start; });
  std::sort(ranges->begin(), ranges->end(),
            [](const auto& a, const auto& b) { return a.start < b.start; });
  size_t kept = 0;
  for (const capture::AddressRange& range : *ranges) {
    if (kept > 0 && range.start <= (*ranges)[kept - 1].end) {
      (*ranges)[kept - 1].end = std::max((*ranges)[kept - 1].end, range.end);
    } else {
      (*ranges)[kept++] = range;
    }
  }
  ranges->resize(kept);
}

Symbols SymbolsOf(const symbolize::ModuleFiles& files) {
  const auto has = [](const symbolize::ElfFile* file, std::string_view section) {
    return file != nullptr && !file->SectionBytes(section).empty();
  };
  if (files.ForDwarf() != nullptr) {
    return files.ForDwarf() == files.debug.get() ? Symbols::kDebugFile : Symbols::kDebugInfo;
  }
  if (has(files.main.get(), ".symtab")) return Symbols::kTable;
  if (has(files.debug.get(), ".symtab")) return Symbols::kDebugFile;
  return has(files.main.get(), ".dynsym") ? Symbols::kDynamic : Symbols::kNone;
}

}  // namespace

Coverage CoverageOf(const capture::ModuleRows& rows, std::vector<capture::AddressRange> text) {
  Normalize(&text);
  Coverage coverage;
  for (const capture::AddressRange& range : text) coverage.text += range.end - range.start;
  auto range = text.begin();
  for (uint32_t i = 0; i < rows.row_count && range != text.end(); ++i) {
    const uint64_t begin = rows.start + rows.rows[i].pc_offset;
    const uint64_t end =
        i + 1 < rows.row_count ? rows.start + rows.rows[i + 1].pc_offset : rows.end;
    const capture::CfaKind kind = rows.rules[rows.rows[i].rule].kind;
    while (range != text.end() && range->start < end) {
      const uint64_t from = std::max(begin, range->start);
      const uint64_t to = std::min(end, range->end);
      if (from < to && kind == capture::CfaKind::kUnsupported) coverage.residue += to - from;
      if (from < to && kind != capture::CfaKind::kUnsupported &&
          kind != capture::CfaKind::kNoUnwind) {
        coverage.covered += to - from;
      }
      if (range->end > end) break;
      ++range;
    }
  }
  return coverage;
}

const capture::UnwindRule* ElfRows::RuleAtFileOffset(uint64_t offset) const {
  for (const model::Segment& segment : segments) {
    if (!segment.executable || offset < segment.file_offset) continue;
    if (offset - segment.file_offset >= segment.end - segment.start) continue;
    return capture::FindRule(table.rows(), segment.start + (offset - segment.file_offset));
  }
  return nullptr;
}

base::StatusOr<ElfRows> ReadElfRows(const std::string& path) {
  base::StatusOr<base::OwnedFd> file = OpenRegular(path);
  if (!file.ok()) return file.status();
  FileAsProcess process(*std::move(file));
  const base::StatusOr<uint64_t> start = process.Map();
  if (!start.ok()) return start.status();
  const base::StatusOr<capture::ElfImage> image = capture::ReadElfImage(process, *start);
  if (!image.ok()) return image.status();
  ElfRows elf;
  elf.build_id = capture::ReadBuildId(process, *image);
  elf.segments = capture::SegmentsOf(*image);
  capture::EhFrameCopy frames;
  const base::Status read = frames.Read(process, *image);
  if (!read.ok()) elf.unwind_problem = std::string(read.message());
  if (frames.input().text.empty()) return elf;  // no code
  capture::EhFrameCounts counts;
  base::StatusOr<capture::RowTable> table = capture::BuildRows(frames.input(), &counts);
  if (!table.ok()) return table.status();
  elf.table = *std::move(table);
  elf.broken = counts.broken;
  elf.row_count = elf.table.rows().row_count;
  elf.coverage = CoverageOf(elf.table.rows(), CodeIn(frames.input().text, process.code()));
  return elf;
}

SymbolFacts FindSymbols(const std::string& path, const std::string& build_id,
                        uint64_t max_unpacked_bytes) {
  symbolize::ModuleFiles files;
  if (build_id.empty()) {  // nothing proves that another file belongs to it
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0) {
      auto main = symbolize::ElfFile::FromFd(fd, path, max_unpacked_bytes);
      if (main.ok()) files.main = *std::move(main);
      files.problem = main.ok() ? files.main->problem() : std::string(main.status().message());
    }
  } else {
    model::Module module;
    module.path = path;
    module.build_id = build_id;
    files = symbolize::OpenModuleFiles(module, {}, max_unpacked_bytes);
  }
  SymbolFacts facts;
  facts.symbols = SymbolsOf(files);
  facts.problem = files.problem;
  if (files.debug != nullptr) facts.debug_file = files.debug->path();
  return facts;
}

}  // namespace podo::doctor
