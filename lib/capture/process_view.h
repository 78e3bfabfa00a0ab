// SPDX-License-Identifier: Apache-2.0
// The process as the module scanner sees it: checked reads of memory, and whom an address belongs
// to. Tests put tables of values in its place.
#ifndef PODO_LIB_CAPTURE_PROCESS_VIEW_H_
#define PODO_LIB_CAPTURE_PROCESS_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace podo::capture {

// What the loader says about the module at an address. Equal identities: very likely the same
// module; Unchanged() in modules.h looks closer.
struct ModuleIdentity {
  uint64_t link_map = 0;
  uint64_t map_start = 0;
  uint64_t map_end = 0;
  uint64_t eh_frame_hdr = 0;  // run-time address of PT_GNU_EH_FRAME, 0 if there is none
  uint64_t serial = 0;        // which load this was (load_serial.h), 0 if it cannot be told

  friend bool operator==(const ModuleIdentity&, const ModuleIdentity&) = default;
};

class ProcessView {
 public:
  virtual ~ProcessView() = default;

  // Copies all of [address, address + bytes), or returns false; never faults.
  virtual bool Read(uint64_t address, void* to, size_t bytes) = 0;
  // False if no module covers `address`.
  virtual bool FindObject(uint64_t address, ModuleIdentity* identity) = 0;
  // An entry of the auxiliary vector (AT_...), 0 if absent.
  virtual uint64_t Auxiliary(uint64_t type) = 0;
  // The file of the main program; empty if it cannot be told.
  virtual std::string MainPath() = 0;
};

// This process. Takes no lock, in particular never the loader's: reads go through the kernel
// (process_vm_readv, or /proc/self/mem where a sandbox refuses that), FindObject is
// _dl_find_object, which glibc documents as async-signal-safe. Thread-safe.
class LiveProcess : public ProcessView {
 public:
  LiveProcess();
  bool Read(uint64_t address, void* to, size_t bytes) override;
  bool FindObject(uint64_t address, ModuleIdentity* identity) override;
  uint64_t Auxiliary(uint64_t type) override;
  std::string MainPath() override;

 private:
  uint32_t serial_offset_ = 0;
};

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_PROCESS_VIEW_H_
