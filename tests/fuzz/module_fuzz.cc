// SPDX-License-Identifier: Apache-2.0
// Any bytes as a mapped ELF module: a module with rows and segments inside it, or a status.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "capture/modules.h"

namespace podo::capture {
namespace {

constexpr uint64_t kBase = 0x10000;

void Require(bool holds) {
  if (!holds) __builtin_trap();
}

class Image : public ProcessView {
 public:
  Image(const uint8_t* bytes, size_t size) : bytes_(bytes), size_(size) {}

  bool Read(uint64_t address, void* to, size_t bytes) override {
    if (address < kBase || address - kBase > size_ || bytes > size_ - (address - kBase)) {
      return false;
    }
    if (bytes != 0) std::memcpy(to, bytes_ + (address - kBase), bytes);
    return true;
  }
  bool FindObject(uint64_t, ModuleIdentity* identity) override {
    // The last bytes double as the link_map, so that its fields are hostile too.
    *identity = {.link_map = kBase + (size_ > 64 ? size_ - 64 : 0),
                 .map_start = kBase,
                 .map_end = kBase + size_,
                 .eh_frame_hdr = kBase + size_ / 2};
    return true;
  }
  uint64_t Auxiliary(uint64_t) override { return 0; }
  std::string MainPath() override { return "main"; }

 private:
  const uint8_t* bytes_;
  size_t size_;
};

}  // namespace
}  // namespace podo::capture

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace podo::capture;
  Image image(bytes, size);
  ListModules(image, kBase);
  const auto loaded = LoadModuleAt(image, kBase);
  if (!loaded.ok()) return 0;
  for (const auto& segment : loaded->module.segments) {
    Require(segment.start >= loaded->module.start && segment.start <= segment.end &&
            segment.end <= loaded->module.end);
  }
  const ModuleRows& rows = loaded->table.rows();
  for (uint32_t i = 0; i < rows.row_count; ++i) {
    Require(FindRule(rows, rows.start + rows.rows[i].pc_offset) == &rows.rules[rows.rows[i].rule]);
  }
  return 0;
}
