// SPDX-License-Identifier: Apache-2.0
// One ELF file opened for reading symbols, checked before libelf or libdw see it.
#ifndef PODO_LIB_SYMBOLIZE_ELF_FILE_H_
#define PODO_LIB_SYMBOLIZE_ELF_FILE_H_

#include <elfutils/libdw.h>
#include <libelf.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/owned_fd.h"
#include "base/status.h"
#include "symbolize/byte_cursor.h"

namespace podo::symbolize {

// The file is mapped privately, not read: debug files of some 100 MB cost page cache, no heap, and
// only where they are touched. What that cannot survive is a file truncated in place while it is
// open here (SIGBUS). The main program cannot be (ETXTBSY), a library that is kills its host by
// itself; for separate debug files the window is one Resolve, and Unchanged() is asked between
// units. One thread at a time.
class ElfFile {
 public:
  struct DebugLink {
    std::string name;
    uint32_t crc = 0;
  };

  // Takes `fd` over in every case. Only regular files that pass CheckElf are accepted. DWARF that
  // unpacks to more than `max_unpacked_bytes` is left alone: HasDwarf() says no.
  static base::StatusOr<std::unique_ptr<ElfFile>> FromFd(int fd, std::string path,
                                                         size_t max_unpacked_bytes);
  // The same for bytes in memory (the vDSO).
  static base::StatusOr<std::unique_ptr<ElfFile>> FromMemory(std::string image, std::string path,
                                                             size_t max_unpacked_bytes);
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;
  ~ElfFile();

  const std::string& path() const { return path_; }
  const std::string& build_id() const { return build_id_; }  // lower-case hex; may be empty
  dev_t device() const { return device_; }
  ino_t inode() const { return inode_; }
  Bytes image() const { return image_; }
  Elf* elf() const { return elf_; }
  bool HasDwarf() const { return has_dwarf_; }
  // Heap that opening the DWARF takes, because its sections are compressed.
  uint64_t unpacked_bytes() const { return has_dwarf_ ? unpacked_bytes_ : 0; }
  // A sentence if HasDwarf() says no although there is some.
  const std::string& problem() const { return problem_; }

  // Bytes of the named section; empty if there is none. Sections that libdw unpacked while it
  // opened the file come unpacked.
  Bytes SectionBytes(std::string_view name) const;
  // Empty name: no debuglink.
  DebugLink ReadDebugLink() const;
  // Reads the whole file: the checksum a .gnu_debuglink holds.
  uint32_t Crc32() const;
  // False once the file behind the mapping has another size than when it was opened.
  bool Unchanged() const;

 private:
  ElfFile(std::string path, Bytes image) : path_(std::move(path)), image_(image) {}
  base::Status Attach(size_t max_unpacked_bytes);

  std::string path_;
  Bytes image_;
  std::string owned_;  // FromMemory
  base::OwnedFd fd_;   // FromFd; then image_ is a mapping
  dev_t device_ = 0;
  ino_t inode_ = 0;
  Elf* elf_ = nullptr;
  std::string build_id_;
  bool has_dwarf_ = false;
  uint64_t unpacked_bytes_ = 0;
  std::string problem_;
};

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_ELF_FILE_H_
