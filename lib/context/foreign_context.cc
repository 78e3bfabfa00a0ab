// SPDX-License-Identifier: Apache-2.0
#include "context/foreign_context.h"

#include <dlfcn.h>
#include <link.h>

#include <system_error>
#include <thread>
#include <vector>

#include "model/thread_slot.h"

namespace podo::context {
namespace {

// Modules that have thread-local storage, by name; the main program's is "".
std::vector<std::string> ModulesWithTls() {
  std::vector<std::string> names;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          if (info->dlpi_phdr[i].p_type != PT_TLS) continue;
          static_cast<std::vector<std::string>*>(data)->emplace_back(info->dlpi_name);
        }
        return 0;
      },
      &names);
  return names;
}

// The calling thread's variable in this module, or nullptr. The module itself, not what it needs:
// dlsym would search those too, and find podo's own.
const void* VariableOf(const std::string& module) {
  void* handle = dlopen(module.empty() ? nullptr : module.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) return nullptr;
  const void* variable = dlsym(handle, "otel_thread_ctx_v1");
  dlclose(handle);
  return variable != &podo_thread_ctx ? variable : nullptr;
}

int64_t FromThreadPointer(const void* variable) {
  return reinterpret_cast<int64_t>(variable) -
         reinterpret_cast<int64_t>(__builtin_thread_pointer());
}

// Static TLS lies right below the thread pointer on x86-64 and above it on AArch64, at one offset
// in every thread; what is allocated later comes from malloc, anywhere.
int64_t StaticOffset(const std::string& module) {
  constexpr int64_t kNear = 64 << 10;
  int64_t offsets[2] = {};
  for (int64_t& offset : offsets) {
    try {
      std::thread([&] {
        const void* variable = VariableOf(module);
        offset = variable != nullptr ? FromThreadPointer(variable) : 0;
      }).join();
    } catch (const std::system_error&) {  // no thread to be had: then nothing is known
      return 0;
    }
  }
  const bool is_static = offsets[0] == offsets[1] && offsets[0] > -kNear && offsets[0] < kNear;
  return is_static ? offsets[0] : 0;
}

// A library that comes by dlopen and refers to the variable in the usual way gets the one that is
// first in the global scope; if that is podo's, its tracer writes there, beside podo.
bool LaterModulesUsePodos() {
  // Not RTLD_DEFAULT, which looks in this library's own scope, too.
  void* program = dlopen(nullptr, RTLD_LAZY | RTLD_NOLOAD);
  if (program == nullptr) return false;
  const void* first = dlsym(program, "otel_thread_ctx_v1");
  dlclose(program);
  return first == &podo_thread_ctx;
}

}  // namespace

ForeignContext FindForeignContext() {
  ForeignContext result;
  for (const std::string& module : ModulesWithTls()) {
    if (VariableOf(module) == nullptr) continue;
    const int64_t offset = StaticOffset(module);
    if (offset == 0 && LaterModulesUsePodos()) continue;
    result = {true, offset, module.empty() ? "the program" : module};
    break;
  }
  return result;
}

}  // namespace podo::context
