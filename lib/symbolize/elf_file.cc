// SPDX-License-Identifier: Apache-2.0
#include "symbolize/elf_file.h"

#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "symbolize/elf_check.h"

namespace podo::symbolize {
namespace {

// A build id is 8 to 20 bytes in practice; a "build id" longer than this is damage.
constexpr ssize_t kMaxBuildIdBytes = 64;

std::string ReadBuildId(Elf* elf) {
  const void* bytes = nullptr;
  const ssize_t size = dwelf_elf_gnu_build_id(elf, &bytes);
  if (size <= 0 || size > kMaxBuildIdBytes) return {};
  return absl::BytesToHexString(
      absl::string_view(static_cast<const char*>(bytes), static_cast<size_t>(size)));
}

Elf_Scn* FindSection(Elf* elf, std::string_view name) {
  size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return nullptr;
  for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr;
       section = elf_nextscn(elf, section)) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    const char* found = elf_strptr(elf, names, header.sh_name);
    if (found != nullptr && name == found && header.sh_type != SHT_NOBITS) return section;
  }
  return nullptr;
}

}  // namespace

base::StatusOr<std::unique_ptr<ElfFile>> ElfFile::FromFd(int fd, std::string path,
                                                         size_t max_unpacked_bytes) {
  struct stat status = {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0) {
    close(fd);
    return base::InvalidArgumentError(absl::StrCat(path, ": not a regular file with content"));
  }
  const size_t size = static_cast<size_t>(status.st_size);
  // Writable because libelf edits section headers in place when it unpacks sections; private, so
  // the file stays as it is.
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
  if (at == MAP_FAILED) {
    close(fd);
    return base::ResourceExhaustedError(absl::StrCat(path, ": cannot map ", size, " bytes"));
  }
  std::unique_ptr<ElfFile> file(
      new ElfFile(std::move(path), Bytes(static_cast<const uint8_t*>(at), size)));
  file->fd_ = base::OwnedFd(fd);
  file->device_ = status.st_dev;
  file->inode_ = status.st_ino;
  if (base::Status attached = file->Attach(max_unpacked_bytes); !attached.ok()) return attached;
  return file;
}

base::StatusOr<std::unique_ptr<ElfFile>> ElfFile::FromMemory(std::string image, std::string path,
                                                             size_t max_unpacked_bytes) {
  std::unique_ptr<ElfFile> file(new ElfFile(std::move(path), Bytes()));
  file->owned_ = std::move(image);
  file->image_ = Bytes(reinterpret_cast<const uint8_t*>(file->owned_.data()), file->owned_.size());
  if (base::Status attached = file->Attach(max_unpacked_bytes); !attached.ok()) return attached;
  return file;
}

ElfFile::~ElfFile() {
  if (elf_ != nullptr) elf_end(elf_);
  if (fd_.get() < 0) return;
  munmap(const_cast<uint8_t*>(image_.data()), image_.size());
}

base::Status ElfFile::Attach(size_t max_unpacked_bytes) {
  const base::StatusOr<uint64_t> unpacked = CheckElf(image_);
  if (!unpacked.ok()) {
    return base::Status(unpacked.status().code(),
                        absl::StrCat(path_, ": ", unpacked.status().message()));
  }
  elf_version(EV_CURRENT);
  elf_ = elf_memory(reinterpret_cast<char*>(const_cast<uint8_t*>(image_.data())), image_.size());
  if (elf_ == nullptr || elf_kind(elf_) != ELF_K_ELF) {
    return base::InvalidArgumentError(absl::StrCat(path_, ": libelf: ", elf_errmsg(-1)));
  }
  build_id_ = ReadBuildId(elf_);
  has_dwarf_ =
      FindSection(elf_, ".debug_info") != nullptr || FindSection(elf_, ".zdebug_info") != nullptr;
  unpacked_bytes_ = *unpacked;
  if (has_dwarf_ && unpacked_bytes_ > max_unpacked_bytes) {
    has_dwarf_ = false;
    problem_ = absl::StrCat(path_, ": its compressed debug sections unpack to ", unpacked_bytes_,
                            " bytes, allowed are ", max_unpacked_bytes, "; no lines from it");
  }
  return base::OkStatus();
}

Bytes ElfFile::SectionBytes(std::string_view name) const {
  Elf_Scn* section = FindSection(elf_, name);
  if (section == nullptr && name.substr(0, 7) == ".debug_") {
    // The GNU way of compression, before SHF_COMPRESSED: another name.
    section = FindSection(elf_, std::string(".z").append(name.substr(1)));
  }
  if (section == nullptr) return {};
  const Elf_Data* content = elf_rawdata(section, nullptr);
  if (content == nullptr || content->d_buf == nullptr) return {};
  return Bytes(static_cast<const uint8_t*>(content->d_buf), content->d_size);
}

ElfFile::DebugLink ElfFile::ReadDebugLink() const {
  ByteCursor cursor(SectionBytes(".gnu_debuglink"));
  DebugLink link;
  link.name = std::string(cursor.CString());
  cursor.Skip((4 - cursor.offset() % 4) % 4);
  link.crc = cursor.U32();
  // A name, not a path: a link must not lead out of the places that are searched.
  if (!cursor.ok() || link.name.find('/') != std::string::npos) return {};
  return link;
}

uint32_t ElfFile::Crc32() const {
  // The reflected CRC-32 of zlib and binutils; libz itself lives in base/compress.
  static constexpr std::array<uint32_t, 256> kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0xEDB88320u : 0);
      table[i] = value;
    }
    return table;
  }();
  uint32_t crc = ~uint32_t{0};
  for (const uint8_t byte : image_) crc = kTable[(crc ^ byte) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

bool ElfFile::Unchanged() const {
  if (fd_.get() < 0) return true;
  struct stat status = {};
  return fd_.IsOurs() && fstat(fd_.get(), &status) == 0 &&
         static_cast<size_t>(status.st_size) == image_.size();
}

}  // namespace podo::symbolize
