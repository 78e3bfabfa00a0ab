// SPDX-License-Identifier: Apache-2.0
#include "explorer.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "under_test.h"

// Saves what a callee preserves, changes stacks.
__asm__(
    ".text\n"
    ".type podo_model_switch, @function\n"
    "podo_model_switch:\n"
    "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
    "  mov %rsp, (%rdi)\n"
    "  mov %rsi, %rsp\n"
    "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n  pop %rbp\n"
    "  ret\n"
    ".size podo_model_switch, . - podo_model_switch\n");
extern "C" void podo_model_switch(void** save, void* load);

namespace podo::modelcheck {
namespace {

constexpr size_t kStackBytes = 256 << 10;
constexpr size_t kHeapBytes = 1 << 20;
constexpr size_t kZoneBytes = 16 << 20;  // TakeZeroed
constexpr int kMostDepth = 5000;

const char* const kKinds[] = {"load", "store", "exchange", "add", "and", "or", "cas", "wipe"};
const char* const kOrders[] = {"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"};

constexpr uintptr_t kPage = 4096;

// What one thread does next.
struct Pending {
  uintptr_t address;
  bool writes;
  bool wipes;  // the whole page
};
bool Conflict(const Pending& a, const Pending& b) {
  if (a.wipes || b.wipes) return a.address / kPage == b.address / kPage;
  return a.address == b.address && (a.writes || b.writes);
}

// A state of the tree, and the step taken from it.
struct Node {
  int thread = -1;
  int option = 0;
  int options = 0;
  uint32_t backtrack = 0;  // threads to be tried
  uint32_t sleep = 0;      // threads whose first step leads nowhere new
  Pending pending[kMaxThreads];
};

struct Event {
  int thread;
  Pending what;
  Clock clock;  // which events of each thread come before it, itself included
};

struct Told {
  int thread;
  Access access;
  Answer answer;
};

struct Coroutine {
  void* stack = nullptr;
  void* sp = nullptr;
  bool finished = false;
  Access access;
  Answer answer;
  std::vector<void*> locals;
};

struct Machine {
  Memory memory;
  Options options;
  Report report;
  std::unique_ptr<Scenario> scenario;
  std::vector<std::string> roles;
  std::vector<void**> locals;
  Coroutine threads[kMaxThreads];
  int thread_count = 0;
  int current = -1;  // the thread that runs; -1: none, memory is as it stands
  void* main_sp = nullptr;

  char* heap = nullptr;
  size_t heap_used = 0;
  char* zone = nullptr;
  size_t zone_used = 0;
  bool heap_on = false;  // operator new takes from `heap`

  std::vector<Node> path;
  std::vector<Event> trace;
  Clock thread_clocks[kMaxThreads];
  std::vector<Told> story;
  std::set<std::string> outcomes;
  // What a mutation makes of an operation, by place.
  std::unordered_map<uint64_t, Mutation::What> mutated;
};
Machine m;

// The machine's own work must not take from the heap of the execution.
struct OwnMemory {
  bool before = std::exchange(m.heap_on, false);
  ~OwnMemory() { m.heap_on = before; }
};

void LoadLocals(Coroutine* c) {
  for (size_t i = 0; i < m.locals.size(); ++i) *m.locals[i] = c->locals[i];
}
void SaveLocals(Coroutine* c) {
  for (size_t i = 0; i < m.locals.size(); ++i) c->locals[i] = *m.locals[i];
}

void ToMachine() {
  Coroutine& c = m.threads[m.current];
  podo_model_switch(&c.sp, m.main_sp);
}

void RunUntilNextAccess(int thread) {
  Coroutine& c = m.threads[thread];
  m.current = thread;
  LoadLocals(&c);
  m.heap_on = true;
  podo_model_switch(&m.main_sp, c.sp);
  m.heap_on = false;
  SaveLocals(&c);
  m.current = -1;
}

extern "C" void podo_model_thread() {
  m.scenario->Run(m.current);
  m.threads[m.current].finished = true;
  ToMachine();
  std::abort();
}

void Prepare(int thread) {
  Coroutine& c = m.threads[thread];
  if (c.stack == nullptr) {
    c.stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (c.stack == MAP_FAILED) std::abort();
  }
  auto* top = reinterpret_cast<uint64_t*>(static_cast<char*>(c.stack) + kStackBytes - 64);
  // As after a call: the stack is 16-aligned above the return address.
  *--top = 0;
  *--top = reinterpret_cast<uint64_t>(&podo_model_thread);
  for (int i = 0; i < 6; ++i) *--top = 0;
  c.sp = top;
  c.finished = false;
  c.locals.assign(m.locals.size(), nullptr);
}

void Violate(const std::string& what) {
  const OwnMemory own;
  if (m.report.violation.empty()) m.report.violation = what;
}

std::string Describe(int thread, const Access& access) {
  return m.roles[thread] + " " + m.scenario->NameOf(access.address) + " " +
         kKinds[static_cast<int>(access.kind)];
}

std::string Line(const Told& told) {
  char values[120];
  const auto number = [](uint64_t v) { return static_cast<unsigned long long>(v); };
  if (told.access.kind == Kind::kLoad) {
    std::snprintf(values, sizeof values, " = %llx", number(told.answer.value));
  } else if (told.access.kind == Kind::kStore) {
    std::snprintf(values, sizeof values, " %llx", number(told.access.operand));
  } else {
    std::snprintf(values, sizeof values, " %llx = %llx%s", number(told.access.operand),
                  number(told.answer.value), told.answer.stored ? "" : " failed");
  }
  return std::to_string(told.thread) + " " + Describe(told.thread, told.access) + " " +
         kOrders[static_cast<int>(told.access.order)] + values;
}

bool Matches(const std::string& pattern, const std::string& text) {
  return pattern == "*" || pattern == text;
}

// Whether the mutation is about this access; notes the access's order for the report.
Mutation::What MutationOf(const Access& access) {
  // An address has 47 bits.
  const uint64_t key = access.address << 9 | static_cast<uint64_t>(m.current) << 6 |
                       static_cast<uint64_t>(access.kind) << 3 |
                       static_cast<uint64_t>(access.order);
  const auto [it, is_new] = m.mutated.try_emplace(key, Mutation::What::kNone);
  if (is_new) {
    const std::string object = m.scenario->NameOf(access.address);
    const std::string operation = std::string(kKinds[static_cast<int>(access.kind)]) + "." +
                                  kOrders[static_cast<int>(access.order)];
    m.report.orders.insert(m.roles[m.current] + " " + object + " " + operation);
    const Mutation& mutation = m.options.mutation;
    if (mutation.what != Mutation::What::kNone && Matches(mutation.role, m.roles[m.current]) &&
        Matches(mutation.object, object) && Matches(mutation.operation, operation)) {
      it->second = mutation.what;
    }
  }
  if (it->second != Mutation::What::kNone) m.report.mutation_met = true;
  return it->second;
}

Answer Ask(const Access& access) {
  Coroutine& c = m.threads[m.current];
  c.access = access;
  ToMachine();
  return c.answer;
}

// --- the search ---

Pending PendingOf(int thread) {
  const Coroutine& c = m.threads[thread];
  return {c.access.address, c.access.Writes(), c.access.kind == Kind::kWipe};
}

uint32_t Enabled() {
  uint32_t enabled = 0;
  for (int t = 0; t < m.thread_count; ++t) {
    if (!m.threads[t].finished) enabled |= 1u << t;
  }
  return enabled;
}

void JoinClock(Clock* clock, const Clock& other) {
  for (int i = 0; i < kMaxThreads; ++i) (*clock)[i] = std::max((*clock)[i], other[i]);
}

bool Before(int event, const Clock& clock) {
  return clock[m.trace[event].thread] >= static_cast<uint32_t>(event) + 1;
}

// Events `first` and the last one race: lets some thread that can lead there go first.
void Reverse(int first, const Event& last) {
  uint32_t initials = 0;
  uint32_t met = 0;
  std::vector<int> between;  // that do not come after `first`
  const auto consider = [&](int thread, const Clock& clock) {
    if (met >> thread & 1) return;
    met |= 1u << thread;
    const bool free = std::none_of(between.begin(), between.end(),
                                   [&](int event) { return Before(event, clock); });
    if (free) initials |= 1u << thread;
  };
  for (int k = first + 1; k < static_cast<int>(m.trace.size()); ++k) {
    if (Before(first, m.trace[k].clock)) continue;
    consider(m.trace[k].thread, m.trace[k].clock);
    between.push_back(k);
  }
  consider(last.thread, last.clock);
  Node& node = m.path[first];
  if ((initials & node.backtrack) != 0) return;
  node.backtrack |= (initials >> last.thread & 1) ? 1u << last.thread : initials & -initials;
}

void NoteEvent(int thread) {
  Event event = {thread, PendingOf(thread), m.thread_clocks[thread]};
  for (int i = static_cast<int>(m.trace.size()) - 1; i >= 0; --i) {
    const Event& other = m.trace[i];
    if (other.thread == thread || !Conflict(other.what, event.what)) continue;
    if (Before(i, event.clock)) continue;
    // Its clock is still without what comes through `other`, which is to come after it.
    if (m.options.uses_sources) Reverse(i, event);
    JoinClock(&event.clock, other.clock);
  }
  event.clock[thread] = static_cast<uint32_t>(m.trace.size()) + 1;
  m.thread_clocks[thread] = event.clock;
  m.trace.push_back(event);
}

// Runs one execution along the path and on; false if it would repeat another one.
bool RunOnce() {
  size_t depth = 0;
  while (Enabled() != 0) {
    if (!m.report.violation.empty()) return true;
    if (depth == kMostDepth) {
      Violate("an execution does not end");
      return true;
    }
    if (depth == m.path.size()) {
      Node node;
      for (int t = 0; t < m.thread_count; ++t) node.pending[t] = PendingOf(t);
      if (depth > 0 && m.options.uses_sleep) {
        const Node& parent = m.path.back();
        for (int t = 0; t < m.thread_count; ++t) {
          if (t != parent.thread && (parent.sleep >> t & 1) &&
              !Conflict(parent.pending[t], parent.pending[parent.thread])) {
            node.sleep |= 1u << t;
          }
        }
      }
      const uint32_t able = Enabled() & ~node.sleep;
      if (able == 0) return false;
      const uint32_t last = depth > 0 ? 1u << m.path.back().thread : 0;
      node.thread = std::countr_zero((able & last) != 0 ? last : able);
      node.backtrack = m.options.uses_sources ? 1u << node.thread : Enabled();
      m.path.push_back(node);
      m.path.back().options = m.memory.Options(node.thread, m.threads[node.thread].access);
    }
    const int thread = m.path[depth].thread;
    Coroutine& c = m.threads[thread];
    if (m.path[depth].options == -1) {
      m.path[depth].options = m.memory.Options(thread, c.access);
    }
    if (m.path[depth].options == 0) std::abort();
    if (depth >= m.trace.size()) NoteEvent(thread);
    const bool wipes = c.access.kind == Kind::kWipe;
    if (const char* wrong = wipes ? m.memory.WipePage(thread, c.access.address)
                                  : m.memory.Touch(thread, c.access)) {
      Violate(std::string(wrong) + " (" + Describe(thread, c.access) + ")");
      return true;
    }
    c.answer = wipes ? Answer{} : m.memory.Perform(thread, c.access, m.path[depth].option);
    m.story.push_back({thread, c.access, c.answer});
    ++m.report.operations;
    ++depth;
    RunUntilNextAccess(thread);
  }
  if (m.report.violation.empty()) {
    m.current = -1;
    m.scenario->End();
  }
  return true;
}

// The next path in depth-first order; false if there is none.
bool Advance() {
  while (!m.path.empty()) {
    Node& node = m.path.back();
    if (++node.option < node.options) return true;
    node.sleep |= 1u << node.thread;  // tried
    const uint32_t left = node.backtrack & ~node.sleep;
    if (left != 0) {
      node.thread = std::countr_zero(left);
      node.option = 0;
      node.options = -1;  // asked when it is reached
      return true;
    }
    m.path.pop_back();
  }
  return false;
}

void Begin(std::unique_ptr<Scenario> (*make)()) {
  m.heap_used = 0;
  m.zone_used = 0;
  // Events of the path that stays; the last step of it is another one than before.
  m.trace.resize(std::min(m.trace.size(), m.path.empty() ? 0 : m.path.size() - 1));
  m.story.clear();
  m.outcomes.clear();
  for (Clock& clock : m.thread_clocks) clock.fill(0);
  for (const Event& event : m.trace) m.thread_clocks[event.thread] = event.clock;
  m.memory.Reset(kMaxThreads, m.options.spurious_failures);
  madvise(m.zone, kZoneBytes, MADV_DONTNEED);
  m.heap_on = true;
  m.scenario = make();
  m.heap_on = false;
  m.roles = m.scenario->Threads();
  m.thread_count = static_cast<int>(m.roles.size());
  m.locals = m.scenario->ThreadLocals();
  for (int t = 0; t < m.thread_count; ++t) Prepare(t);
}

}  // namespace

Report Explore(std::unique_ptr<Scenario> (*make)(), const Options& options) {
  if (m.heap == nullptr) {
    void* memory = mmap(nullptr, kHeapBytes + kZoneBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    m.heap = static_cast<char*>(memory);
    m.zone = m.heap + kHeapBytes;
    m.memory.Track(memory, kHeapBytes + kZoneBytes);
  }
  m.report = {};
  m.options = options;
  m.path.clear();
  m.trace.clear();
  m.mutated.clear();
  for (;;) {
    Begin(make);
    for (int t = 0; t < m.thread_count; ++t) RunUntilNextAccess(t);
    const bool whole = RunOnce();
    ++(whole ? m.report.executions : m.report.repeated);
    if (whole && m.report.violation.empty()) {
      for (const std::string& outcome : m.outcomes) ++m.report.outcomes[outcome];
    }
    if (!m.report.violation.empty()) {
      for (const Told& told : m.story) m.report.story.push_back(Line(told));
    }
    // Its memory goes all at once; some of its objects may be in the middle of something.
    static_cast<void>(m.scenario.release());
    if (!m.report.violation.empty()) return m.report;
    if (options.most_executions != 0 && m.report.executions >= options.most_executions) break;
    if (!Advance()) {
      m.report.complete = true;
      break;
    }
  }
  m.memory.Reset(kMaxThreads, 0);
  return m.report;
}

void* TakeZeroed(size_t bytes) {
  bytes = (bytes + 4095) & ~size_t{4095};
  if (bytes > kZoneBytes - m.zone_used) std::abort();
  void* memory = m.zone + m.zone_used;
  m.zone_used += bytes;
  return memory;
}

bool Requires(bool holds, const char* what) {
  if (holds) return true;
  Violate(what);
  if (m.current >= 0) ToMachine();  // never comes back
  return false;
}

void Outcome(const std::string& what) {
  const OwnMemory own;
  m.outcomes.insert(std::string(what.c_str()));
}

void Wipe(void* from, size_t bytes) {
  const auto at = reinterpret_cast<uintptr_t>(from);
  if (m.current < 0) {
    std::memset(from, 0, bytes);
    return;
  }
  // All of it in whole pages, as the kernel does it.
  for (uintptr_t page = at & ~(kPage - 1); page < at + bytes; page += kPage) {
    AtomicAccess({page, 0, Kind::kWipe, Order::kRelaxed, Order::kRelaxed, false, 0, 0});
  }
}

// --- from the instrumented code ---

uint64_t AtomicAccess(const Access& asked, bool* stored) {
  Access access = asked;
  if (m.current < 0 || m.scenario->IsCounter(access.address)) return DirectAccess(access, stored);
  Mutation::What what;
  {
    const OwnMemory own;
    what = MutationOf(access);
  }
  switch (what) {
    case Mutation::What::kNone:
      break;
    case Mutation::What::kWeaken:
      access.order = m.options.mutation.order;
      if (access.kind == Kind::kCompareExchange) access.fail_order = Order::kRelaxed;
      break;
    case Mutation::What::kAnswer:
      return m.options.mutation.value;
    case Mutation::What::kSplit: {
      Access load = access;
      load.kind = Kind::kLoad;
      const uint64_t old = Ask(load).value;
      if (stored != nullptr) *stored = false;
      if (access.kind == Kind::kCompareExchange && old != access.expected) return old;
      if (stored != nullptr) *stored = true;
      Access store = access;
      store.kind = Kind::kStore;
      if (access.kind == Kind::kAnd) store.operand &= old;
      if (access.kind == Kind::kOr) store.operand |= old;
      if (access.kind == Kind::kAdd) store.operand += old;
      Ask(store);
      return old;
    }
  }
  const Answer answer = Ask(access);
  if (stored != nullptr) *stored = answer.stored;
  return answer.value;
}

void PlainAccess(uintptr_t address, size_t bytes, bool is_write) {
  if (m.current < 0 || !m.memory.Tracks(address)) return;
  const char* wrong = m.memory.Plain(m.current, address, bytes, is_write);
  if (wrong == nullptr) return;
  {
    const OwnMemory own;
    Violate(std::string(wrong) + " (" + m.roles[m.current] + ", " + m.scenario->NameOf(address) +
            ")");
  }
  ToMachine();
}

void* Allocate(size_t bytes) {
  if (!m.heap_on) return std::malloc(bytes);
  const size_t whole = (bytes + 16 + 15) & ~size_t{15};  // its size stands in front
  if (whole > kHeapBytes - m.heap_used) std::abort();
  char* memory = m.heap + m.heap_used;
  m.heap_used += whole;
  std::memcpy(memory, &bytes, sizeof bytes);
  std::memset(memory + 16, 0, whole - 16);
  return memory + 16;
}

void Release(void* memory) {
  char* at = static_cast<char*>(memory);
  if (at < m.heap || at >= m.heap + kHeapBytes) return std::free(memory);
  if (m.current < 0) return;
  size_t bytes;
  std::memcpy(&bytes, at - 16, sizeof bytes);
  if (const char* wrong = m.memory.Free(m.current, reinterpret_cast<uintptr_t>(at), bytes)) {
    const OwnMemory own;
    Violate(std::string(wrong) + " (" + m.roles[m.current] + ")");
  }
}

}  // namespace podo::modelcheck

void* operator new(size_t bytes) { return podo::modelcheck::Allocate(bytes); }
void* operator new[](size_t bytes) { return podo::modelcheck::Allocate(bytes); }
void operator delete(void* memory) noexcept { podo::modelcheck::Release(memory); }
void operator delete[](void* memory) noexcept { podo::modelcheck::Release(memory); }
void operator delete(void* memory, size_t) noexcept { podo::modelcheck::Release(memory); }
void operator delete[](void* memory, size_t) noexcept { podo::modelcheck::Release(memory); }
