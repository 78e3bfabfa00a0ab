// SPDX-License-Identifier: Apache-2.0
#include "context/foreign_context.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/timed_lock.h"
#include "model/thread_slot.h"

namespace podo::context {
namespace {

constexpr char kVariable[] = "otel_thread_ctx_v1";

// The variable in the module's table of dynamic symbols (DT_GNU_HASH), or nullptr. Read in place,
// while the loader keeps the module (dl_iterate_phdr holds its lock): dlopen and dlclose would meet
// a process that is exiting, which the loader answers with an assertion.
const ElfW(Sym) * FindVariable(const dl_phdr_info& info, const ElfW(Dyn) * dynamic) {
  uint64_t hash_at = 0, symbols_at = 0, strings_at = 0;
  const auto address = [&](uint64_t at) { return at < info.dlpi_addr ? at + info.dlpi_addr : at; };
  for (; dynamic->d_tag != DT_NULL; ++dynamic) {
    if (dynamic->d_tag == DT_GNU_HASH) hash_at = address(dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_SYMTAB) symbols_at = address(dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_STRTAB) strings_at = address(dynamic->d_un.d_ptr);
  }
  if (hash_at == 0 || symbols_at == 0 || strings_at == 0) return nullptr;
  const auto* header =
      reinterpret_cast<const uint32_t*>(hash_at);  // buckets, first, bloom words, -
  const uint32_t buckets = header[0], first = header[1];
  const uint32_t* bucket = header + 4 + 2 * header[2];  // bloom words are 64 bits
  const uint32_t* chain = bucket + buckets;
  const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(symbols_at);
  const auto* strings = reinterpret_cast<const char*>(strings_at);
  uint32_t hash = 5381;
  for (const char* c = kVariable; *c != '\0'; ++c) hash = hash * 33 + static_cast<uint8_t>(*c);
  uint32_t i = buckets != 0 ? bucket[hash % buckets] : 0;
  for (; i >= first && i != 0; ++i) {
    const uint32_t entry = chain[i - first];
    if ((entry | 1) == (hash | 1) && symbols[i].st_shndx != SHN_UNDEF &&
        std::strcmp(strings + symbols[i].st_name, kVariable) == 0) {
      return &symbols[i];
    }
    if ((entry & 1) != 0) break;
  }
  return nullptr;
}

bool IsOwn(const dl_phdr_info& info) {
  const auto* block = static_cast<const char*>(info.dlpi_tls_data);
  const auto* own = reinterpret_cast<const char*>(&podo_thread_ctx);
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    if (info.dlpi_phdr[i].p_type != PT_TLS) continue;
    if (own >= block && own < block + info.dlpi_phdr[i].p_memsz) return true;
  }
  return false;
}

int64_t FromThreadPointer(const void* variable) {
  return reinterpret_cast<int64_t>(variable) -
         reinterpret_cast<int64_t>(__builtin_thread_pointer());
}

struct Found {
  std::string module;  // "": the main program
  int64_t offset;  // of the calling thread's variable from its thread pointer; 0: it has none yet
};

// Held while the loader's list is walked; the holder is the thread that is forking, if it got it.
// Relaxed: only a thread's own id is compared with it.
constinit pthread_mutex_t g_look_mutex = PTHREAD_MUTEX_INITIALIZER;
constinit std::atomic<pid_t> g_fork_holder{0};

class LookLock {
 public:
  LookLock() { pthread_mutex_lock(&g_look_mutex); }
  ~LookLock() { pthread_mutex_unlock(&g_look_mutex); }
  LookLock(const LookLock&) = delete;
  LookLock& operator=(const LookLock&) = delete;
};

// The modules other than podo that define the variable.
std::vector<Found> FindModules() {
  std::vector<Found> found;
  const LookLock lock;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        bool has_tls = false;
        const ElfW(Dyn)* dynamic = nullptr;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          has_tls |= info->dlpi_phdr[i].p_type == PT_TLS;
          if (info->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
          dynamic =
              reinterpret_cast<const ElfW(Dyn)*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        }
        const auto* block = static_cast<const char*>(info->dlpi_tls_data);
        if (!has_tls || dynamic == nullptr || (block != nullptr && IsOwn(*info))) return 0;
        const ElfW(Sym)* variable = FindVariable(*info, dynamic);
        if (variable == nullptr) return 0;
        const int64_t offset = block == nullptr ? 0 : FromThreadPointer(block + variable->st_value);
        try {
          static_cast<std::vector<Found>*>(data)->push_back({info->dlpi_name, offset});
        } catch (const std::bad_alloc&) {
          return 1;  // thrown on through libc, it would leave the loader's lock locked
        }
        return 0;
      },
      &found);
  return found;
}

// Static TLS lies right below the thread pointer on x86-64 and above it on AArch64, at one offset
// in every thread; what is allocated later comes from malloc, anywhere.
int64_t StaticOffset(const std::string& module) {
  constexpr int64_t kNear = 64 << 10;
  int64_t offsets[2] = {};
  for (int64_t& offset : offsets) {
    try {
      std::thread([&] {
        try {
          for (const Found& found : FindModules()) {
            if (found.module == module) offset = found.offset;
          }
        } catch (const std::bad_alloc&) {  // then nothing is known
        }
      }).join();
    } catch (const std::system_error&) {  // no thread to be had: then nothing is known
      return 0;
    }
  }
  const bool is_static = offsets[0] == offsets[1] && offsets[0] > -kNear && offsets[0] < kNear;
  return is_static ? offsets[0] : 0;
}

// A library that comes by dlopen and refers to the variable in the usual way gets the one that is
// first in the global scope; if that is podo's, its tracer writes there, beside podo. Relaxed: set
// before the threads that read it are started.
constinit std::atomic<bool> g_later_modules_use_podos{false};

}  // namespace

void HoldLookForFork() {
  constexpr int64_t kMostNs = 50'000'000;  // a thread may fork from within dl_iterate_phdr
  if (!base::LockWithin(&g_look_mutex, kMostNs)) return;
  g_fork_holder.store(gettid(), std::memory_order_relaxed);
}

void EndHoldInParent() {
  pid_t self = gettid();
  if (!g_fork_holder.compare_exchange_strong(self, 0, std::memory_order_relaxed)) return;
  pthread_mutex_unlock(&g_look_mutex);
}

// Whoever held it is not in this process.
void EndHoldInChild() {
  g_fork_holder.store(0, std::memory_order_relaxed);
  g_look_mutex = PTHREAD_MUTEX_INITIALIZER;
}

void NoteGlobalScope() {
  // Not RTLD_DEFAULT, which looks in this library's own scope, too.
  void* program = dlopen(nullptr, RTLD_LAZY | RTLD_NOLOAD);
  if (program == nullptr) return;
  const void* first = dlsym(program, kVariable);
  dlclose(program);
  g_later_modules_use_podos.store(first == &podo_thread_ctx, std::memory_order_relaxed);
}

ForeignContext FindForeignContext() {
  ForeignContext result;
  for (const Found& found : FindModules()) {
    const int64_t offset = StaticOffset(found.module);
    if (offset == 0 && g_later_modules_use_podos.load(std::memory_order_relaxed)) continue;
    result = {true, offset, found.module.empty() ? "the program" : found.module};
    break;
  }
  return result;
}

}  // namespace podo::context
