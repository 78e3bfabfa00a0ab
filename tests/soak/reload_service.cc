// SPDX-License-Identifier: Apache-2.0
// Loads and unloads plugins for ever, works in them, throws through them: reload_service
// PLUGIN_DIRECTORY SECONDS.
#include <dlfcn.h>
#include <podo/podo.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Entry = uint64_t (*)(uint64_t);

void Reload(const std::string& directory, const std::string& name, Clock::time_point until) {
  while (Clock::now() < until) {
    void* plugin =
        dlopen((directory + "/capture_plugin_" + name + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
    if (plugin == nullptr) {
      std::cerr << dlerror() << "\n";
      std::exit(2);
    }
    reinterpret_cast<Entry>(dlsym(plugin, ("plugin_" + name + "_entry").c_str()))(200'000);
    dlclose(plugin);
  }
}

}  // namespace

int main(int argc, char** argv) {
  podo::Start();
  if (argc != 3) return 2;
  const std::string directory = argv[1];
  const auto until = Clock::now() + std::chrono::seconds(std::atoi(argv[2]));
  std::vector<std::jthread> threads;
  for (const char* name : {"east", "west", "wide"}) {
    threads.emplace_back([&directory, name, until] { Reload(directory, name, until); });
  }
}
