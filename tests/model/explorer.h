// SPDX-License-Identifier: Apache-2.0
// Runs a scenario in every way it can go: all interleavings of its threads at their atomic
// operations, and for each operation all that memory (memory.h) allows it to see.
//
// The threads are coroutines that run compiled code, podo's own. Each execution starts from
// nothing; the choices made in it are a path through a tree that is searched depth first. Of
// executions that differ only in the order of operations that do not touch each other one is run
// (source sets and sleep sets: Abdulla, Aronis, Jonsson, Sagonas, "Optimal dynamic partial order
// reduction", POPL 2014, algorithm 1).
#ifndef PODO_TESTS_MODEL_EXPLORER_H_
#define PODO_TESTS_MODEL_EXPLORER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "memory.h"

namespace podo::modelcheck {

class Scenario {
 public:
  virtual ~Scenario() = default;
  virtual std::vector<std::string> Threads() const = 0;  // their roles
  virtual void Run(int thread) = 0;
  virtual void End() {}  // after all threads
  // What stands at an address, in words of the code: "ring.head".
  virtual std::string NameOf(uintptr_t) const { return "object"; }
  // Atomics that order nothing and are read by nobody here: left as they are.
  virtual bool IsCounter(uintptr_t) const { return false; }
  // Variables of the code that each thread has for itself.
  virtual std::vector<void**> ThreadLocals() const { return {}; }
};

// A change to one operation, to see whether anybody notices.
struct Mutation {
  enum class What { kNone, kWeaken, kSplit, kAnswer };
  What what = What::kNone;
  std::string role, object, operation;  // "*": any
  Order order = Order::kRelaxed;        // kWeaken: the new one
  uint64_t value = 0;                   // kAnswer: a load is not made, this is its value
};

struct Options {
  bool uses_sleep = true;     // false: interleavings that are alike are all run
  bool uses_sources = true;   // false: every thread is tried everywhere
  int spurious_failures = 0;  // of compare_exchange_weak, by thread
  uint64_t most_executions = 0;
  Mutation mutation;
};

struct Report {
  uint64_t executions = 0;  // run to their end
  uint64_t repeated = 0;    // given up, because they would repeat another one
  uint64_t operations = 0;  // atomic ones, of all executions
  bool complete = false;
  bool mutation_met = false;
  std::string violation;  // empty: none
  std::vector<std::string> story;
  std::set<std::string> orders;  // "role object operation order"
  std::map<std::string, uint64_t> outcomes;
};

// `make` runs before each execution, outside of the model: what it sets up every thread sees.
Report Explore(std::unique_ptr<Scenario> (*make)(), const Options& options);

// --- for scenarios ---
// Memory whose plain accesses are checked, zeroed; the same addresses in each execution.
void* TakeZeroed(size_t bytes);
bool Requires(bool holds, const char* what);  // a violation if it does not
void Outcome(const std::string& what);        // counts executions that come to this
// As the kernel's MADV_DONTNEED, by the calling thread.
void Wipe(void* from, size_t bytes);

}  // namespace podo::modelcheck

#endif  // PODO_TESTS_MODEL_EXPLORER_H_
