// SPDX-License-Identifier: Apache-2.0
#include "aggregate/residue_unwinder.h"

#include <dlfcn.h>
#if defined(__aarch64__)
#include <libunwind-aarch64.h>
#else
#include <libunwind-x86_64.h>
#endif
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <cstring>
#include <utility>

#include "base/process_memory.h"

// Exported by libunwind, declared by no header.
#if defined(__aarch64__)
#define SEARCH_UNWIND_TABLE _Uaarch64_dwarf_search_unwind_table
#else
#define SEARCH_UNWIND_TABLE _Ux86_64_dwarf_search_unwind_table
#endif
extern "C" int SEARCH_UNWIND_TABLE(unw_addr_space_t space, unw_word_t ip, unw_dyn_info_t* index,
                                   unw_proc_info_t* info, int need_unwind_info, void* arg);

namespace podo::aggregate {
namespace {

#if defined(__aarch64__)
constexpr int kPcRegister = UNW_AARCH64_PC;
#else
constexpr int kPcRegister = UNW_X86_64_RIP;
#endif

// What the accessors see: one residue, and where the tables are.
struct Cursor {
  const ResidueUnwinder::Sources* sources;
  const model::Residue* residue;
};

template <typename T>
bool Read(const Cursor& cursor, uint64_t address, T* value) {
  return cursor.sources->read(address, value, sizeof *value) == sizeof *value;
}

// The header of .eh_frame_hdr as GNU ld, gold and lld write it: a sorted table of 32-bit offsets
// (DW_EH_PE_datarel|sdata4). Anything else is left alone.
struct [[gnu::packed]] EhFrameHdr {
  uint8_t version, eh_frame_encoding, count_encoding, table_encoding;
  int32_t eh_frame;
  uint32_t count;
};
constexpr uint8_t kUdata4 = 0x03;
constexpr uint8_t kPcrelSdata4 = 0x1b;
constexpr uint8_t kDatarelSdata4 = 0x3b;

int FindProcInfo(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t* info, int need,
                 void* arg) {
  const Cursor& cursor = *static_cast<Cursor*>(arg);
  const std::optional<UnwindIndex> index = cursor.sources->find_index(ip);
  if (!index) return -UNW_ENOINFO;
  EhFrameHdr header;
  if (!Read(cursor, index->eh_frame_hdr, &header) || header.version != 1 ||
      header.eh_frame_encoding != kPcrelSdata4 || header.count_encoding != kUdata4 ||
      header.table_encoding != kDatarelSdata4) {
    return -UNW_ENOINFO;
  }
  unw_dyn_info_t dyn = {};
  dyn.start_ip = index->module_start;
  dyn.end_ip = index->module_end;
  dyn.format = UNW_INFO_FORMAT_REMOTE_TABLE;
  dyn.u.rti.segbase = index->eh_frame_hdr;
  dyn.u.rti.table_data = index->eh_frame_hdr + sizeof header;
  dyn.u.rti.table_len = uint64_t{header.count} * 8 / sizeof(unw_word_t);
  return SEARCH_UNWIND_TABLE(space, ip, &dyn, info, need, arg);
}

void PutUnwindInfo(unw_addr_space_t, unw_proc_info_t*, void*) {}

int NoDynamicInfo(unw_addr_space_t, unw_word_t*, void*) { return -UNW_ENOINFO; }

int AccessMemory(unw_addr_space_t, unw_word_t address, unw_word_t* value, int write, void* arg) {
  const Cursor& cursor = *static_cast<Cursor*>(arg);
  if (write != 0) return -UNW_EINVAL;
  const model::Residue& r = *cursor.residue;
  if (address - r.stack_address < r.stack_bytes &&
      r.stack_bytes - (address - r.stack_address) >= sizeof *value) {
    std::memcpy(value, r.stack + (address - r.stack_address), sizeof *value);
    return 0;
  }
  // Only tables are read live. The live stack has moved on since the tick: its bytes would make
  // frames that never were.
  if (!cursor.sources->find_index(address)) return -UNW_EINVAL;
  return Read(cursor, address, value) ? 0 : -UNW_EINVAL;
}

int AccessRegister(unw_addr_space_t, unw_regnum_t number, unw_word_t* value, int write, void* arg) {
  const model::RegisterSet& r = static_cast<Cursor*>(arg)->residue->registers;
  if (write != 0) return -UNW_EREADONLYREG;
  if (number == kPcRegister) {
    *value = r.pc;
  } else if (number >= 0 && number < model::RegisterSet::kCount) {
    *value = r.regs[number];  // libunwind's numbers follow DWARF's
  } else {
    return -UNW_EBADREG;
  }
  return 0;
}

int NoFloatRegister(unw_addr_space_t, unw_regnum_t, unw_fpreg_t*, int, void*) {
  return -UNW_EBADREG;
}

int NoResume(unw_addr_space_t, unw_cursor_t*, void*) { return -UNW_EINVAL; }

int NoName(unw_addr_space_t, unw_word_t, char*, size_t, unw_word_t*, void*) { return -UNW_ENOINFO; }

unw_accessors_t kAccessors = {FindProcInfo,   PutUnwindInfo,   NoDynamicInfo, AccessMemory,
                              AccessRegister, NoFloatRegister, NoResume,      NoName};

// libunwind ends a stack quietly where it has no rule and guesses in vain; that is no root. A
// return address that is the first byte of its function counts (makecontext).
bool HasUnwindInfo(void* space, uint64_t pc, Cursor* source) {
  unw_proc_info_t info;
  return FindProcInfo(static_cast<unw_addr_space_t>(space), pc, &info, 0, source) >= 0;
}

// libunwind opens a pipe when it is first used, for checks of local memory that its remote side
// never makes. Done on a thread with a descriptor table of its own, which takes the pipe along when
// it ends: podo keeps no descriptor, and a fork child inherits none. Null: it has not come to that.
void* OpenLibunwind(void* done) {
  unshare(CLONE_FILES);  // may be forbidden: then the pipe stays
  if (unw_addr_space_t space = unw_create_addr_space(&kAccessors, 0)) {
    unw_set_caching_policy(space, UNW_CACHE_NONE);
    unw_destroy_addr_space(space);
    return done;
  }
  return nullptr;
}

bool OpenLibunwindApart() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  void* opened = nullptr;
  const bool started = pthread_create(&thread, nullptr, OpenLibunwind, &opened) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (started) pthread_join(thread, &opened);
  return opened != nullptr;
}

}  // namespace

ResidueUnwinder::ResidueUnwinder(Sources sources)
    : sources_(std::move(sources)),
      read_(sources_.read),
      pages_(std::make_unique<Page[]>(kPages)),
      space_(unw_create_addr_space(&kAccessors, 0)) {
  // Under Start()'s lock. Without that thread the pipe would stay open: no libunwind in this run.
  static bool opened = false;
  if (!opened) opened = OpenLibunwindApart();
  if (!opened && space_ != nullptr) {
    unw_destroy_addr_space(static_cast<unw_addr_space_t>(space_));
    space_ = nullptr;
  }
  sources_.read = [this](uint64_t address, void* to, size_t bytes) {
    return ReadCached(address, to, bytes);
  };
}

void ResidueUnwinder::BeginBatch() {
  for (size_t i = 0; i < kPages; ++i) pages_[i].address = 0;
  // libunwind's own cache of rules is keyed by address and would outlive a dlclose.
  if (space_ != nullptr) unw_flush_cache(static_cast<unw_addr_space_t>(space_), 0, 0);
}

size_t ResidueUnwinder::ReadCached(uint64_t address, void* to, size_t bytes) {
  const uint64_t start = address & ~uint64_t{kPage - 1};
  if (address + bytes > start + kPage || start == 0) return read_(address, to, bytes);
  Page& page = pages_[start / kPage % kPages];
  if (page.address != start) {
    page.address = 0;
    if (read_(start, page.bytes, kPage) != kPage) return read_(address, to, bytes);
    page.address = start;
  }
  std::memcpy(to, page.bytes + (address - start), bytes);
  return bytes;
}

ResidueUnwinder::~ResidueUnwinder() {
  if (space_ != nullptr) unw_destroy_addr_space(static_cast<unw_addr_space_t>(space_));
}

uint16_t ResidueUnwinder::Unwind(const model::Residue& residue, size_t max_frames,
                                 std::vector<uint64_t>* frames) {
  constexpr uint16_t kHow = model::kRawForeignStack | model::kRawMaybeAsleep;
  const uint16_t flags = (residue.flags & kHow) | model::kRawResidue;
  frames->clear();
  frames->push_back(residue.registers.pc);
  Cursor source = {&sources_, &residue};
  unw_cursor_t cursor;
  if (space_ == nullptr ||
      unw_init_remote(&cursor, static_cast<unw_addr_space_t>(space_), &source) < 0) {
    return flags | model::kRawUnsupportedRow;
  }
  uint64_t last_sp = residue.registers.regs[model::RegisterSet::kSp];
  for (;;) {
    const bool signal_frame = unw_is_signal_frame(&cursor) > 0;
    const int step = unw_step(&cursor);
    if (step == 0) {
      const bool known = HasUnwindInfo(space_, frames->back(), &source) ||
                         HasUnwindInfo(space_, frames->back() + 1, &source);
      return flags | (known ? model::kRawComplete : model::kRawUnknownCode);
    }
    unw_word_t pc = 0;
    unw_word_t sp = 0;
    if (step < 0 || unw_get_reg(&cursor, UNW_REG_IP, &pc) < 0 ||
        unw_get_reg(&cursor, UNW_REG_SP, &sp) < 0) {
      return flags | model::kRawOutOfBounds;
    }
    if (pc == 0) return flags | model::kRawComplete;
    // Up the stack only, but for the way back from a signal's own stack: ends loops.
    if (sp <= last_sp && !signal_frame) return flags | model::kRawOutOfBounds;
    last_sp = sp;
    if (frames->size() == max_frames) return flags | model::kRawTruncated;
    frames->push_back(signal_frame ? pc : pc - 1);
  }
}

ResidueUnwinder::Sources ProcessSources() {
  return {[](uint64_t pc) -> std::optional<UnwindIndex> {
            dl_find_object found = {};
            if (_dl_find_object(reinterpret_cast<void*>(pc), &found) != 0 ||
                found.dlfo_eh_frame == nullptr) {
              return std::nullopt;
            }
            return UnwindIndex{reinterpret_cast<uint64_t>(found.dlfo_map_start),
                               reinterpret_cast<uint64_t>(found.dlfo_map_end),
                               reinterpret_cast<uint64_t>(found.dlfo_eh_frame)};
          },
          base::ReadProcessMemory};
}

}  // namespace podo::aggregate
