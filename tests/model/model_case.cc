// SPDX-License-Identifier: Apache-2.0
// Explores one scenario and prints what came out, a line for each fact.
//
//   podo_model_case NAME [no-reduction|sleep-only] [most=N] [spurious=N] [story]
//                   [handler=LIBRARY]
//                   [weaken|split|answer:ROLE:OBJECT:OPERATION[:ORDER or VALUE]]
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "code.h"
#include "scenarios.h"

namespace podo::modelcheck {
namespace {

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts = {""};
  for (char c : text) {
    if (c == ':') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool ReadMutation(const std::string& text, Mutation* mutation) {
  const std::vector<std::string> parts = Split(text);
  if (parts.size() < 4) return false;
  mutation->role = parts[1];
  mutation->object = parts[2];
  mutation->operation = parts[3];
  const std::string last = parts.size() > 4 ? parts[4] : "";
  if (parts[0] == "weaken") {
    mutation->what = Mutation::What::kWeaken;
    mutation->order = last == "acq_rel"   ? Order::kAcqRel
                      : last == "acquire" ? Order::kAcquire
                      : last == "release" ? Order::kRelease
                                          : Order::kRelaxed;
  } else if (parts[0] == "split") {
    mutation->what = Mutation::What::kSplit;
  } else if (parts[0] == "answer") {
    mutation->what = Mutation::What::kAnswer;
    mutation->value = std::strtoull(last.c_str(), nullptr, 0);
  } else {
    return false;
  }
  return true;
}

// Another handler than the one that is linked.
bool LoadHandler(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  const void* found = library != nullptr ? dlsym(library, "podo_model_handler") : nullptr;
  if (found == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return false;
  }
  UseHandler(static_cast<const HandlerCode*>(found));
  return true;
}

const Named* Find(const char* name) {
  for (const auto* list : {&LitmusTests(), &Scenarios()}) {
    for (const Named& each : *list) {
      if (std::strcmp(each.name, name) == 0) return &each;
    }
  }
  return nullptr;
}

int Main(int argc, char** argv) {
  const Named* named = argc > 1 ? Find(argv[1]) : nullptr;
  if (named == nullptr) {
    std::fprintf(stderr, "no such scenario\n");
    return 2;
  }
  Options options;
  bool story = false;
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "no-reduction") {
      options.uses_sleep = options.uses_sources = false;
    } else if (word == "sleep-only") {
      options.uses_sources = false;
    } else if (word == "story") {
      story = true;
    } else if (word.rfind("most=", 0) == 0) {
      options.most_executions = std::strtoull(word.c_str() + 5, nullptr, 10);
    } else if (word.rfind("spurious=", 0) == 0) {
      options.spurious_failures = std::atoi(word.c_str() + 9);
    } else if (word.rfind("handler=", 0) == 0) {
      if (!LoadHandler(word.c_str() + 8)) return 2;
    } else if (!ReadMutation(word, &options.mutation)) {
      std::fprintf(stderr, "what is %s?\n", word.c_str());
      return 2;
    }
  }
  const Report report = Explore(named->make, options);
  std::printf("executions %llu\nrepeated %llu\noperations %llu\ncomplete %d\nmet %d\n",
              static_cast<unsigned long long>(report.executions),
              static_cast<unsigned long long>(report.repeated),
              static_cast<unsigned long long>(report.operations), report.complete,
              report.mutation_met);
  for (const auto& [outcome, count] : report.outcomes) {
    std::printf("outcome %s\n", outcome.c_str());
  }
  for (const std::string& order : report.orders) std::printf("order %s\n", order.c_str());
  if (!report.violation.empty()) std::printf("violation %s\n", report.violation.c_str());
  if (story) {
    for (const std::string& line : report.story) std::printf("  %s\n", line.c_str());
  }
  return report.violation.empty() ? 0 : 1;
}

}  // namespace
}  // namespace podo::modelcheck

int main(int argc, char** argv) { return podo::modelcheck::Main(argc, argv); }
