// SPDX-License-Identifier: Apache-2.0
// operator new and delete of libpodo_net.so: those that the rest of the process uses.
//
// Loaded with RTLD_DEEPBIND, the module would take libstdc++'s, while libstdc++ and Abseil, loaded
// before and without it, take the host's where it has its own (tcmalloc, a counting allocator): a
// string made on one side and freed on the other would end the process. So the module defines and
// exports them, for itself and for C++ libraries that come with it, and hands on to the first
// definition in the process's own order of look-up. Not part of libpodo_net.a.
#include <dlfcn.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

// Found once; two threads find the same. Relaxed: the functions were there before.
template <typename Function>
Function Process(std::atomic<Function>* known, const char* symbol) {
  Function found = known->load(std::memory_order_relaxed);
  if (found != nullptr) return found;
  // Not RTLD_DEFAULT, which begins with the module itself. Where libstdc++ was itself loaded out of
  // sight of the program (a plugin's), nobody but the next in line has one.
  void* const program = dlopen(nullptr, RTLD_LAZY);
  void* address = program != nullptr ? dlsym(program, symbol) : nullptr;
  if (address == nullptr) address = dlsym(RTLD_NEXT, symbol);
  if (address == nullptr) std::abort();  // without libstdc++ the module would not have loaded
  found = reinterpret_cast<Function>(address);
  known->store(found, std::memory_order_relaxed);
  return found;
}

using New = void* (*)(size_t);
using Delete = void (*)(void*);
using AlignedNew = void* (*)(size_t, std::align_val_t);
using AlignedDelete = void (*)(void*, std::align_val_t);
constinit std::atomic<New> g_new;
constinit std::atomic<Delete> g_delete;
constinit std::atomic<AlignedNew> g_aligned_new;
constinit std::atomic<AlignedDelete> g_aligned_delete;

// All at load: later calls come from threads of podo's, which must not be in the loader while the
// process exits.
__attribute__((constructor)) void FindAll() {
  Process(&g_new, "_Znwm");
  Process(&g_delete, "_ZdlPv");
  Process(&g_aligned_new, "_ZnwmSt11align_val_t");
  Process(&g_aligned_delete, "_ZdlPvSt11align_val_t");
}

}  // namespace

// The language's defaults for all others lead to these four; so do every sane host's.
void* operator new(size_t size) { return Process(&g_new, "_Znwm")(size); }
void operator delete(void* memory) noexcept { Process(&g_delete, "_ZdlPv")(memory); }
void* operator new(size_t size, std::align_val_t alignment) {
  return Process(&g_aligned_new, "_ZnwmSt11align_val_t")(size, alignment);
}
void operator delete(void* memory, std::align_val_t alignment) noexcept {
  Process(&g_aligned_delete, "_ZdlPvSt11align_val_t")(memory, alignment);
}

void* operator new[](size_t size) { return operator new(size); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete(void* memory, size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory, size_t) noexcept { operator delete(memory); }
void* operator new[](size_t size, std::align_val_t alignment) {
  return operator new(size, alignment);
}
void operator delete[](void* memory, std::align_val_t alignment) noexcept {
  operator delete(memory, alignment);
}
void operator delete(void* memory, size_t, std::align_val_t alignment) noexcept {
  operator delete(memory, alignment);
}
void operator delete[](void* memory, size_t, std::align_val_t alignment) noexcept {
  operator delete(memory, alignment);
}

void* operator new(size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (...) {
    return nullptr;
  }
}
void* operator new[](size_t size, const std::nothrow_t& tag) noexcept {
  return operator new(size, tag);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept { operator delete(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { operator delete(memory); }
