// SPDX-License-Identifier: Apache-2.0
// Which files on disk tell about a module: the file that was mapped, its separate debug file, and
// that one's dwz supplement. Looks at local files only; nothing here can reach debuginfod.
#ifndef PODO_LIB_SYMBOLIZE_MODULE_FILES_H_
#define PODO_LIB_SYMBOLIZE_MODULE_FILES_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/module.h"
#include "symbolize/elf_file.h"

namespace podo::symbolize {

// Where to look; everything an argument, so that tests have file systems of their own.
struct FilePlaces {
  std::vector<std::string> debug_roots = {"/usr/lib/debug"};
  std::string proc_dir = "/proc/self";  // maps, exe, map_files/
  // Opens for reading; -1 on failure. Empty: open(2), never blocking on a FIFO.
  std::function<int(const std::string&)> open;
};

struct ModuleFiles {
  std::unique_ptr<ElfFile> main;   // null if only the debug file was found
  std::unique_ptr<ElfFile> debug;  // separate debug file
  std::unique_ptr<ElfFile> alt;    // what .gnu_debugaltlink of the DWARF file names
  std::string problem;             // a sentence if something was found but not usable

  // The file with DWARF; null if none has any.
  const ElfFile* ForDwarf() const {
    if (debug != nullptr && debug->HasDwarf()) return debug.get();
    return main != nullptr && main->HasDwarf() ? main.get() : nullptr;
  }
};

// Opens what belongs to `module` and proves it: by the build id, or, if the module has none, by
// the inode /proc/self/maps shows. A file at the module's path that a deploy has replaced is not
// used; then /proc/self/exe and /proc/self/map_files (the latter needs CAP_CHECKPOINT_RESTORE)
// reach the mapped file itself. Debug files are found by build id, then by .gnu_debuglink.
// Compressed minidebuginfo (.gnu_debugdata) is not read: it would need liblzma for names only.
ModuleFiles OpenModuleFiles(const model::Module& module, const FilePlaces& places,
                            size_t max_unpacked_bytes);

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_MODULE_FILES_H_
