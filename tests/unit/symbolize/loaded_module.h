// SPDX-License-Identifier: Apache-2.0
// Real modules for the symbolizer tests: a library loaded into the test, described as podo would.
#ifndef PODO_TESTS_UNIT_SYMBOLIZE_LOADED_MODULE_H_
#define PODO_TESTS_UNIT_SYMBOLIZE_LOADED_MODULE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "model/module.h"
#include "symbolize/symbolizer.h"

namespace podo::symbolize {

// The path of a library of tests/unit/symbolize/programs, compiled as meson.build's `way` says.
std::string ShopPath(const std::string& way);

// The number of the line of programs/`file` that ends in "MARK `mark`".
int64_t MarkedLine(const std::string& file, const std::string& mark);

// A directory that is removed with everything in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  const std::string& path() const { return path_; }
  // Copies a file to `name` in here (sub-directories are made), by rename if one is there already,
  // as a deploy does; returns its path.
  std::string Copy(const std::string& from, const std::string& name) const;
  std::string Write(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

// A library loaded by dlopen for as long as this lives.
class LoadedModule {
 public:
  explicit LoadedModule(const std::string& path);
  ~LoadedModule();
  LoadedModule(const LoadedModule&) = delete;

  const model::Module& module() const { return module_; }
  // ELF virtual address of an exported symbol (a probe).
  uint64_t Vaddr(const std::string& symbol) const;

 private:
  void* handle_;
  model::Module module_;
};

// The module that holds `address` of this process, as dl_iterate_phdr shows it.
model::Module DescribeModule(const void* address);
model::Module DescribeVdso();

// What Resolve and then Lookup of one address say; logged sentences go to `log`, if given.
std::vector<SourceFrame> ResolveOne(const model::Module& module, uint64_t vaddr,
                                    Symbolizer::Options options = {},
                                    std::vector<std::string>* log = nullptr);

// Places without any separate debug files and without /proc.
FilePlaces NoPlaces();

std::string ReadWholeFile(const std::string& path);

}  // namespace podo::symbolize

#endif  // PODO_TESTS_UNIT_SYMBOLIZE_LOADED_MODULE_H_
