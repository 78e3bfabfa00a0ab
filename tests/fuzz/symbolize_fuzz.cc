// SPDX-License-Identifier: Apache-2.0
// Fuzz target: bytes as the ELF file of a module, through the whole way that a file on disk takes.
// A unit test replays its corpus too.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "symbolize/elf_file.h"
#include "symbolize/symbolizer.h"

namespace podo::symbolize {
namespace {

constexpr size_t kMaxUnpackedBytes = size_t{4} << 20;

int OpenInput(const uint8_t* bytes, size_t size) {
  const int fd = memfd_create("input", MFD_CLOEXEC);
  if (fd < 0 || write(fd, bytes, size) != static_cast<ssize_t>(size)) abort();
  return fd;
}

void ResolveAll(const uint8_t* bytes, size_t size, Symbolizer::Mode mode) {
  model::Module module;
  module.path = "/input";
  auto file = ElfFile::FromMemory(std::string(reinterpret_cast<const char*>(bytes), size), "input",
                                  kMaxUnpackedBytes);
  // The build id the file has is the one that is mapped, so that its content is read.
  module.build_id = file.ok() && !(*file)->build_id().empty() ? (*file)->build_id() : "00";

  Symbolizer::Options options;
  options.mode = mode;
  options.byte_cap = kMaxUnpackedBytes * 2;
  options.places.debug_roots = {"/debug"};
  options.places.proc_dir = "/nonexistent";
  options.places.open = [&](const std::string& path) {
    // Also as its own supplement: names that lead in circles.
    return path == "/input" || path == "/alt" ? OpenInput(bytes, size) : -1;
  };
  int sentences = 0;
  options.log = [&](std::string_view sentence) { sentences += sentence.empty() ? 100 : 1; };
  Symbolizer symbolizer(options);

  std::vector<uint64_t> addresses;
  // The corpus has its code in the first pages.
  for (uint64_t at = 0; at < 0x600; at += 4) addresses.push_back(at);
  for (uint64_t at = 0x600; at < 0x3000; at += 0x80) addresses.push_back(at);
  symbolizer.Resolve(module, addresses, [] { return false; });
  std::vector<SourceFrame> frames;
  for (const uint64_t address : addresses) {
    symbolizer.Lookup(module, address, &frames);
    for (const SourceFrame& frame : frames) {
      if (frame.function.empty()) abort();
    }
  }
  if (!symbolizer.Missing(module, addresses).empty() || sentences > 2) abort();
}

}  // namespace
}  // namespace podo::symbolize

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  podo::symbolize::ResolveAll(bytes, size, podo::symbolize::Symbolizer::Mode::kFull);
  return 0;
}
