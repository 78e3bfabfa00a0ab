// SPDX-License-Identifier: Apache-2.0
// The protocols of lib/capture, one scenario each, in the smallest sizes that have all their cases.
// A thread's tick is a call of the real handler; the drain, the module loop and Stop() call the
// real pool and the real module watch in the order of lib/drain_loop.cc, lib/module_loop.cc and
// lib/pipeline.cc (test_model.py holds the lines of those that are written out again here).
#include "scenarios.h"

#include <ucontext.h>

#include <atomic>
#include <cstring>
#include <optional>

#include "capture/module_watch.h"
#include "capture/ring_pool.h"
#include "capture/row_table.h"
#include "code.h"

extern "C" const podo::modelcheck::HandlerCode podo_model_handler;

namespace podo::modelcheck {
namespace {

const HandlerCode* handler = &podo_model_handler;

using capture::Ring;
using capture::RingPool;
using capture::State;

constexpr int kMostHosts = 3;  // threads that are sampled
constexpr uint32_t kFirstTid = 100;
constexpr uint64_t kCode = 0x10000;  // of the one module that is known
constexpr uint64_t kCodeBytes = 0x1000;
constexpr uint64_t kUnknownCode = 0x900000;

// A thread as glibc lays it out: its stack, and above it its block.
struct HostThread {
  alignas(16) unsigned char stack[4096];
  struct Block {
    uint64_t self;
    uint64_t tid;
    uint64_t stack_lo, stack_bytes, guard_bytes;
  } block;
};
HostThread hosts[kMostHosts];
void* thread_pointer;  // of the thread that runs

// What the handler is told: a tick of the kernel's timer at `pc`.
void Tick(int host, uint64_t pc) {
  siginfo_t cause = {};
  cause.si_code = SI_KERNEL;
  ucontext_t context = {};
  context.uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(pc);
  context.uc_mcontext.gregs[REG_RSP] = reinterpret_cast<greg_t>(hosts[host].stack + 3072);
  thread_pointer = &hosts[host].block;
  Handler().handle(SIGPROF, &cause, &context);
}

std::shared_ptr<const capture::LoadedModule> OneModule() {
  capture::RowTableBuilder builder(kCode, kCode + kCodeBytes);
  capture::UnwindRule root;
  root.kind = capture::CfaKind::kRoot;
  builder.Append(0, root);
  auto module = std::make_shared<capture::LoadedModule>();
  module->module.start = kCode;
  module->module.end = kCode + kCodeBytes;
  module->table = *builder.Finish();
  return module;
}
// Made before the first execution: not of its heap.
const std::shared_ptr<const capture::LoadedModule> known_module = OneModule();

const capture::Snapshot& FixedTables() {
  static const capture::Snapshot tables = {1, 1, &known_module->table.rows(), 1};
  return tables;
}

class CaptureScenario : public Scenario {
 public:
  explicit CaptureScenario(uint32_t rings) {
    state_ = *capture::MapState(rings, 8);
    state_->layout.store(
        capture::Pack({offsetof(HostThread::Block, tid), offsetof(HostThread::Block, stack_lo)}));
    state_->snapshot.store(&FixedTables());
    state_->armed.store(1);
    Handler().state->store(state_);
    pool_.emplace(state_);
    for (int i = 0; i < kMostHosts; ++i) {
      hosts[i].block = {0, kFirstTid + static_cast<uint32_t>(i),
                        reinterpret_cast<uint64_t>(hosts[i].stack), sizeof(HostThread), 0};
      alive_[i].store(1);
    }
  }

  std::vector<void**> ThreadLocals() const override { return {Handler().ring, &thread_pointer}; }

  bool IsCounter(uintptr_t address) const override {
    return Within(address, &state_->counters) || Within(address, &state_->unknown_pc);
  }

  std::string NameOf(uintptr_t address) const override {
    if (Within(address, &state_->armed)) return "armed";
    if (Within(address, &state_->layout)) return "layout";
    if (Within(address, &state_->snapshot)) return "snapshot";
    if (Within(address, &state_->foreign_record)) return "foreign_record";
    if (Within(address, &state_->residue_free)) return "residue_free";
    if (Within(address, &state_->residue_ready)) return "residue_ready";
    if (Within(address, &state_->high_water)) return "high_water";
    if (Within(address, &state_->free_rings)) return "free_rings";
    if (Within(address, Handler().state)) return "g_state";
    if (Within(address, &alive_)) return "(kernel)_thread_alive";
    if (Within(address, &epoch_)) return "drain.epoch";
    for (uint32_t i = 0; i < state_->ring_count; ++i) {
      const Ring& ring = state_->rings[i];
      if (!Within(address, &ring)) continue;
      if (Within(address, &ring.busy)) return "ring.busy";
      if (Within(address, &ring.tid)) return "ring.tid";
      if (Within(address, &ring.owner)) return "ring.owner";
      if (Within(address, &ring.head)) return "ring.head";
      if (Within(address, &ring.tail)) return "ring.tail";
      return Within(address, &ring.memo) ? "ring.memo" : "ring.words";
    }
    const uintptr_t residues = reinterpret_cast<uintptr_t>(state_->residues);
    if (address - residues < sizeof(model::Residue) * capture::kResiduePoolSize) return "residue";
    return "heap";
  }

 protected:
  template <typename T>
  static bool Within(uintptr_t address, const T* object) {
    return address - reinterpret_cast<uintptr_t>(object) < sizeof *object;
  }

  // Which tick of which thread it was can be read from a sample.
  static uint64_t PcOf(int host, int tick) {
    return kCode + static_cast<uint64_t>(host) * 256 + static_cast<uint64_t>(tick) * 16;
  }

  void Host(int host, int ticks, uint64_t code = 0) {
    for (int i = 0; i < ticks; ++i) Tick(host, code + PcOf(host, i));
  }
  // Before the execution: a tick of the thread, after which it has a ring.
  static void* HasTicked(int host) {
    *Handler().ring = nullptr;
    Tick(host, PcOf(host, 0));
    return *Handler().ring;
  }
  // The thread's last instruction in user space; then the kernel forgets it.
  void Exit(int host) { alive_[host].store(0, std::memory_order_release); }
  bool IsAlive(uint32_t tid) {
    return tid - kFirstTid < kMostHosts &&
           alive_[tid - kFirstTid].load(std::memory_order_acquire) != 0;
  }

  void Check(const model::RawSample& sample) {
    const int host = static_cast<int>(sample.tid - kFirstTid);
    Requires(sample.header.frames == 1 && sample.header.flags == model::kRawComplete,
             "a torn sample: its header is not one that a handler wrote");
    const uint64_t pc = sample.frames[0] - kCode;
    Requires(pc < kCodeBytes && pc % 16 == 0, "a torn sample: its frame is not one of a tick");
    Requires(static_cast<int>(pc / 256) == host, "a sample stands under another thread's id");
    Requires(sample.header.generation <= 2, "a torn sample: its generation is not one");
    const uint32_t bit = 1u << (pc / 16 % 16);
    Requires((got_[host] & bit) == 0, "a sample comes twice");
    Requires(any_order_ || got_[host] < bit, "samples of a thread come in another order");
    got_[host] |= bit;
    ++samples_;
  }

  void Drain(RingPool* pool) {
    pool->Mark();
    pool->Drain([this](const model::RawSample& sample) { Check(sample); });
  }

  // After all threads: what is still in the rings, and whether all of it is accounted for.
  void DrainRest() {
    RingPool pool(state_);
    Drain(&pool);
    for (uint32_t i = 0; i < state_->ring_count; ++i) {
      const Ring& ring = state_->rings[i];
      Requires(ring.busy.load() == 0, "a ring stays busy");
      if ((state_->free_rings[0].load() >> i & 1) == 0) continue;
      Requires(ring.head.load() == 0 && ring.tail.load() == 0 && ring.tid.load() == 0,
               "a free ring holds something");
    }
  }
  void AllTakenCame() {
    Requires(state_->counters.taken.load() == samples_, "a sample that was counted never comes");
  }
  std::string Counts() const {
    const capture::Counters& c = state_->counters;
    const auto part = [](const char* name, uint64_t n) {
      return n == 0 ? std::string() : std::string(" ") + name + "=" + std::to_string(n);
    };
    return part("samples", samples_) + part("ring_full", c.ring_full.load()) +
           part("no_ring", c.no_ring.load()) + part("nested", c.nested.load()) +
           part("small_stack", c.small_stack.load()) + part("paused", c.paused.load()) +
           part("residue", c.residue.load());
  }

  State* state_;
  std::optional<RingPool> pool_;
  std::atomic<uint32_t> alive_[kMostHosts];
  std::atomic<uint64_t> epoch_{0};  // DrainLoop's
  uint32_t got_[kMostHosts] = {};   // ticks by bit
  uint64_t samples_ = 0;
  bool any_order_ = false;
};

// A thread is sampled while the drain empties its ring.
template <int kTicks, int kRounds>
struct RingScenario : CaptureScenario {
  RingScenario() : CaptureScenario(1) {}
  std::vector<std::string> Threads() const override { return {"handler", "drain"}; }
  void Run(int thread) override {
    if (thread == 0) return Host(0, kTicks);
    for (int i = 0; i < kRounds; ++i) Drain(&*pool_);
  }
  void End() override {
    const uint64_t drained = samples_;
    DrainRest();
    AllTakenCame();
    Requires(samples_ == kTicks, "a sample got lost");
    Outcome("drained meanwhile: " + std::to_string(drained));
  }
};

// The ring is full of samples when the thread ticks: what it writes next stands where the drain
// may still be reading.
struct FullRingScenario : CaptureScenario {
  static constexpr uint64_t kRecord = 256;
  static constexpr uint64_t kStart = 8190;  // so that a record goes across the end
  FullRingScenario() : CaptureScenario(1) {
    state_->max_frames.store(kRecord, std::memory_order_relaxed);
    pool_.emplace(state_);
    Ring& ring = state_->rings[0];
    state_->free_rings[0].store(0);
    state_->high_water.store(1);
    ring.tid.store(kFirstTid);
    ring.owner.store(reinterpret_cast<uint64_t>(&hosts[0].block));
    const uint64_t mask = capture::kRingWords - 1;
    for (uint64_t at = kStart; at < kStart + capture::kRingWords; at += kRecord) {
      ring.words[at & mask] = kRecord | (kRecord - 2) << 32;
    }
    ring.tail.store(kStart);
    ring.head.store(kStart + capture::kRingWords);
  }
  std::vector<std::string> Threads() const override { return {"handler", "drain"}; }
  void Run(int thread) override {
    if (thread == 0) {
      *Handler().ring = &state_->rings[0];
      return Host(0, 2);
    }
    DrainAll(&*pool_);
    DrainAll(&*pool_);
  }
  void DrainAll(RingPool* pool) {
    pool->Mark();
    pool->Drain([this](const model::RawSample& sample) {
      if (sample.header.words == kRecord) {
        uint64_t sum = 0;  // reads all of it
        for (uint16_t i = 0; i < sample.header.frames; ++i) sum += sample.frames[i];
        Requires(sum == 0, "a sample is overwritten before the drain has read it");
        ++old_;
      } else {
        Check(sample);
      }
    });
  }
  void End() override {
    DrainAll(&*pool_);
    AllTakenCame();
    Requires(old_ == capture::kRingWords / kRecord, "a sample got lost");
    Requires(samples_ + state_->counters.ring_full.load() == 2, "a tick is not accounted for");
    Outcome(Counts());
  }
  uint64_t old_ = 0;
};

// More threads than rings.
struct ClaimScenario : CaptureScenario {
  ClaimScenario() : CaptureScenario(2) {}
  std::vector<std::string> Threads() const override { return {"handler", "handler", "handler"}; }
  void Run(int thread) override { Host(thread, 1); }
  void End() override {
    DrainRest();
    AllTakenCame();
    Requires(samples_ == 2 && state_->counters.no_ring.load() == 1,
             "two rings do not serve two threads of three");
  }
};

// Two threads claim while the drain looks.
struct ClaimAndDrainScenario : CaptureScenario {
  ClaimAndDrainScenario() : CaptureScenario(2) {}
  std::vector<std::string> Threads() const override { return {"handler", "handler", "drain"}; }
  void Run(int thread) override {
    if (thread < 2) return Host(thread, 1);
    Drain(&*pool_);
  }
  void End() override {
    const uint64_t drained = samples_;
    DrainRest();
    AllTakenCame();
    Requires(samples_ + state_->counters.no_ring.load() == 2, "a tick is not accounted for");
    Outcome("drained meanwhile: " + std::to_string(drained));
  }
};

// A thread ends; its ring goes to another one.
struct ReclaimScenario : CaptureScenario {
  ReclaimScenario() : CaptureScenario(1) {}
  std::vector<std::string> Threads() const override { return {"handler", "drain", "handler"}; }
  void Run(int thread) override {
    if (thread == 0) {
      Host(0, 1);
      return Exit(0);
    }
    if (thread == 2) return Host(1, 1);
    for (int i = 0; i < 2; ++i) {
      Drain(&*pool_);
      pool_->Reclaim([this](uint32_t tid) { return IsAlive(tid); });
    }
  }
  void End() override {
    DrainRest();
    AllTakenCame();
    Requires(samples_ + state_->counters.no_ring.load() == 2, "a tick is not accounted for");
    if (got_[0] != 0 && got_[1] != 0) Outcome("the ring served both threads");
    Outcome(Counts());
  }
};

// And on to a third.
struct ReclaimTwiceScenario : ReclaimScenario {
  std::vector<std::string> Threads() const override {
    return {"handler", "drain", "handler", "handler"};
  }
  void Run(int thread) override {
    if (thread == 3) return Host(2, 1);
    ReclaimScenario::Run(thread);
    if (thread == 2) Exit(1);
  }
  void End() override {
    DrainRest();
    AllTakenCame();
    Requires(samples_ + state_->counters.no_ring.load() == 3, "a tick is not accounted for");
    Outcome(Counts());
  }
};

// The kernel gives the number of a thread that ended to a new one, glibc its stack and block.
struct ReuseScenario : CaptureScenario {
  ReuseScenario() : CaptureScenario(2) {}
  std::vector<std::string> Threads() const override { return {"handler", "drain", "handler"}; }
  void Run(int thread) override {
    if (thread == 0) {
      Host(0, 1);
      return Exit(0);
    }
    if (thread == 2) {
      if (IsAlive(kFirstTid)) return;  // not yet
      alive_[0].store(1, std::memory_order_release);
      started_ = true;
      return Tick(0, PcOf(0, 1));
    }
    for (int i = 0; i < 2; ++i) {
      Drain(&*pool_);
      pool_->Reclaim([this](uint32_t tid) { return IsAlive(tid); });
    }
  }
  void End() override {
    // In order by thread, though not across rings.
    got_[0] = 0;
    DrainRest();
    AllTakenCame();
    Requires(samples_ == (started_ ? 2u : 1u), "a sample got lost");
    Outcome(started_ ? "the number was used again" : "the second thread came too early");
    Outcome("rings in use: " + std::to_string(pool_->in_use()));
  }
  bool started_ = false;
};

// Memory of spare rings goes back to the kernel while threads claim them.
struct SparesScenario : CaptureScenario {
  SparesScenario() : CaptureScenario(1) { pool_->KeepSpares(1); }
  std::vector<std::string> Threads() const override { return {"handler", "drain", "handler"}; }
  void Run(int thread) override {
    if (thread != 1) return Host(thread / 2, 1);
    pool_->KeepSpares(0);
    Drain(&*pool_);
  }
  void End() override {
    DrainRest();
    AllTakenCame();
    Requires(samples_ + state_->counters.no_ring.load() == 2, "a tick is not accounted for");
    Outcome(Counts());
  }
};

// New tables are published while a thread walks; old ones are freed.
struct SnapshotScenario : CaptureScenario {
  explicit SnapshotScenario(bool has_ring, uint32_t rings = 1)
      : CaptureScenario(rings), watch_(new capture::ModuleWatch(state_)) {
    PublishModules(watch_, {known_module});
    if (has_ring) ring_ = HasTicked(0);  // and its memo is filled
  }
  std::vector<std::string> Threads() const override { return {"handler", "drain", "modules"}; }
  void Run(int thread) override {
    if (thread == 0) {
      *Handler().ring = ring_;
      return Tick(0, PcOf(0, 1));
    }
    if (thread == 1) {
      for (int i = 0; i < 3; ++i) DrainOnce();
      return;
    }
    PublishModules(watch_, {known_module});
    for (int i = 0; i < 3; ++i) FreeOld();
  }
  void DrainOnce() {
    pool_->Mark();
    const capture::ModuleCheck check = watch_->CheckMapped(capture::ModuleWatch::Caller::kDrain);
    if (hasty_) epoch_.fetch_add(2, std::memory_order_seq_cst);
    pool_->Drain([&](const model::RawSample& sample) {
      Check(sample);
      model::RawSample kept = sample;
      watch_->CutReplaced(check, &kept);
    });
    if (reclaims_) pool_->Reclaim([this](uint32_t tid) { return IsAlive(tid); });
    if (!hasty_) epoch_.fetch_add(1, std::memory_order_seq_cst);
  }
  void FreeOld() {
    watch_->FreeRetired(epoch_.load(std::memory_order_seq_cst));
    if (RetiredCount(*watch_) == 0) freed_ = true;
  }
  void End() override {
    DrainRest();
    Requires(samples_ == state_->counters.taken.load(), "a sample that was counted never comes");
    Outcome(freed_ ? "the old tables were freed" : "the old tables were kept");
  }
  capture::ModuleWatch* watch_;
  void* ring_ = nullptr;
  bool reclaims_ = false;
  bool hasty_ = false;
  bool freed_ = false;
};
// A thread that has its ring.
struct SnapshotOldThread : SnapshotScenario {
  SnapshotOldThread() : SnapshotScenario(true) {}
};
// A thread's first tick: nobody has seen its ring yet.
struct SnapshotNewThread : SnapshotScenario {
  SnapshotNewThread() : SnapshotScenario(false) {}
};

// Two threads, one of them in its first tick; the drain is through with all.
struct SnapshotTwoThreads : SnapshotScenario {
  SnapshotTwoThreads() : SnapshotScenario(true, 2) {}
  std::vector<std::string> Threads() const override { return {"handler", "modules", "handler"}; }
  void Run(int thread) override {
    if (thread == 2) return Host(1, 1);
    if (thread == 0) return SnapshotScenario::Run(0);
    PublishModules(watch_, {known_module});
    for (int i = 0; i < 2; ++i) {
      FreeOld();
      epoch_.store(2);
    }
  }
};

// Wrong on purpose: the drain says that it is through with the tables before it is.
struct SnapshotHasty : SnapshotScenario {
  SnapshotHasty() : SnapshotScenario(true) { hasty_ = true; }
};

// A thread ends; its ring is taken back while old tables are freed.
struct SnapshotExit : SnapshotScenario {
  SnapshotExit() : SnapshotScenario(true) { reclaims_ = true; }
  void Run(int thread) override {
    SnapshotScenario::Run(thread);
    if (thread == 0) Exit(0);
  }
};

// Stop() while a thread ticks, and ticks again after it.
struct StopScenario : CaptureScenario {
  explicit StopScenario(bool has_ring) : CaptureScenario(1) {
    if (has_ring) ring_ = HasTicked(0);
  }
  std::vector<std::string> Threads() const override { return {"handler", "stop"}; }
  void Run(int thread) override {
    if (thread == 0) {
      *Handler().ring = ring_;
      return Tick(0, PcOf(0, 1)), Tick(0, PcOf(0, 2));
    }
    given_back_ = Stop();
  }
  // Pipeline::Stop() and GiveBackMemory().
  bool Stop() {
    state_->armed.store(0, std::memory_order_seq_cst);
    RingPool pool(state_);
    if (!pool.WaitIdle(1)) return false;
    pool.Reset();
    return true;
  }
  void End() override {
    DrainRest();
    if (given_back_)
      Requires(samples_ == 0, "a tick leaves a sample after Stop() gave the memory back");
    Outcome(given_back_ ? "memory given back" : "a handler was inside");
    Outcome(Counts());
  }
  void* ring_ = nullptr;
  bool given_back_ = false;
};
struct StopOldThread : StopScenario {
  StopOldThread() : StopScenario(true) {}
};
struct StopNewThread : StopScenario {
  StopNewThread() : StopScenario(false) {}
};

// Stop() and Start() again, all within one tick of a slow thread, while another thread ticks.
struct RestartScenario : StopScenario {
  RestartScenario() : StopScenario(true) {}
  std::vector<std::string> Threads() const override { return {"handler", "stop", "handler"}; }
  void Run(int thread) override {
    if (thread == 0) {
      *Handler().ring = ring_;
      return Tick(0, PcOf(0, 1));
    }
    if (thread == 2) return Host(1, 1);
    given_back_ = Stop();
    if (!given_back_) return;
    got_[0] = 0;
    state_->armed.store(1, std::memory_order_seq_cst);
    Drain(&*pool_);
  }
  void End() override {
    DrainRest();
    Outcome(given_back_ ? "stopped and started" : "a handler was inside");
    Outcome(Counts());
  }
};

// And once more: whoever is inside must still be waited for.
struct RestartTwiceScenario : RestartScenario {
  void Run(int thread) override {
    if (thread != 1) return RestartScenario::Run(thread);
    RingPool pool(state_);
    state_->armed.store(0, std::memory_order_seq_cst);
    if (!pool.Idle()) return;
    pool.Reset();
    state_->armed.store(1, std::memory_order_seq_cst);
    state_->armed.store(0, std::memory_order_seq_cst);
    if (!pool.Idle()) return;
    given_back_ = true;
    state_->rings[0].words[0] = 0;  // as all that Reset() does: nobody may be writing
  }
};

// The tables of a run go when another thread may have begun the next run already.
struct TakeoverScenario : CaptureScenario {
  TakeoverScenario() : CaptureScenario(1), old_(new capture::ModuleWatch(state_)) {
    PublishModules(old_, {known_module});
    ring_ = HasTicked(0);
  }
  std::vector<std::string> Threads() const override { return {"handler", "stop", "start"}; }
  void Run(int thread) override {
    if (thread == 0) {
      *Handler().ring = ring_;
      return Tick(0, PcOf(0, 1));
    }
    if (thread == 1) {
      state_->armed.store(0, std::memory_order_seq_cst);
      if (!RingPool(state_).Idle()) return;
      stopped_.store(1, std::memory_order_release);  // the lock is released
      delete old_;
      return;
    }
    if (stopped_.load(std::memory_order_acquire) == 0) return;
    next_ = new capture::ModuleWatch(state_);
    PublishModules(next_, {known_module});
    state_->armed.store(1, std::memory_order_seq_cst);
  }
  void End() override {
    DrainRest();
    if (next_ != nullptr) Requires(IsNewest(*next_), "the next run's tables were taken away");
    Outcome(next_ != nullptr ? "started again" : "not started again");
  }
  capture::ModuleWatch* old_;
  capture::ModuleWatch* next_ = nullptr;
  void* ring_;
  std::atomic<uint32_t> stopped_{0};
};

// A run whose rings were never given back is followed by one with room for more threads: another
// state. A thread that has a ring in the old one ticks.
struct GrownScenario : CaptureScenario {
  explicit GrownScenario(bool disowns) : CaptureScenario(1) {
    ring_ = HasTicked(0);
    state_->armed.store(0);
    if (disowns) pool_->Disown();
    old_ = state_;
    state_ = *capture::MapState(2, 8);
    state_->layout.store(old_->layout.load());
    state_->armed.store(1);
    Handler().state->store(state_);
    watch_ = new capture::ModuleWatch(state_);
    PublishModules(watch_, {known_module});
    pool_.emplace(state_);
  }
  std::vector<std::string> Threads() const override { return {"handler", "modules"}; }
  void Run(int thread) override {
    if (thread == 0) {
      *Handler().ring = ring_;
      return Tick(0, PcOf(0, 1));
    }
    PublishModules(watch_, {known_module});
    for (uint64_t epoch = 0; epoch < 5; epoch += 2) watch_->FreeRetired(epoch);
  }
  void End() override {
    DrainRest();
    AllTakenCame();
    Outcome(Counts());
  }
  State* old_;
  capture::ModuleWatch* watch_;
  void* ring_;
};
struct GrownAndDisowned : GrownScenario {
  GrownAndDisowned() : GrownScenario(true) {}
};
// As it was: found by this model.
struct GrownAndForgotten : GrownScenario {
  GrownAndForgotten() : GrownScenario(false) {}
};

// Two kernel threads with one thread pointer (a raw clone) tick at once.
struct TwinsScenario : CaptureScenario {
  TwinsScenario() : CaptureScenario(1), ring_(HasTicked(0)) { any_order_ = true; }
  std::vector<std::string> Threads() const override { return {"handler", "handler", "drain"}; }
  void Run(int thread) override {
    if (thread == 2) return Drain(&*pool_);
    *Handler().ring = ring_;
    Tick(0, PcOf(0, 1 + thread));
  }
  void End() override {
    DrainRest();
    AllTakenCame();
    Requires(samples_ + state_->counters.nested.load() == 3, "a tick is not accounted for");
    Outcome(Counts());
  }
  void* ring_;
};

// Stacks that libunwind is to finish; one slot for two threads.
struct ResidueScenario : CaptureScenario {
  ResidueScenario() : CaptureScenario(2) {
    // The handler keeps 16 for other uses.
    state_->residue_free.store((uint64_t{1} << 17) - 1);
    rings_[0] = HasTicked(0);
    rings_[1] = HasTicked(1);
    for (int i = 0; i < 2; ++i) std::memset(hosts[i].stack, 'a' + i, sizeof hosts[i].stack);
  }
  std::vector<std::string> Threads() const override { return {"handler", "handler", "modules"}; }
  void Run(int thread) override {
    if (thread < 2) {
      *Handler().ring = rings_[thread];
      return Tick(thread, kUnknownCode + PcOf(thread, 1));
    }
    Take();
    Take();
  }
  void Take() {
    capture::ResiduePool pool(state_);
    pool.Take([this](const model::Residue& residue) {
      const int host = static_cast<int>(residue.tid - kFirstTid);
      Requires(host == 0 || host == 1, "a stack of nobody");
      Requires(residue.registers.pc == kUnknownCode + PcOf(host, 1), "registers of another thread");
      Requires(residue.stack_bytes >= 1024 && residue.stack[0] == 'a' + host &&
                   residue.stack[1023] == 'a' + host,
               "a stack of another thread");
      ++stacks_;
    });
  }
  void End() override {
    Take();
    const capture::Counters& c = state_->counters;
    Requires(stacks_ == c.residue.load(), "a stack got lost");
    Requires(c.residue.load() + c.residue_limited.load() == 2, "a tick is not accounted for");
    Requires(state_->residue_free.load() == (uint64_t{1} << 17) - 1, "a slot got lost");
    Outcome("stacks: " + std::to_string(stacks_));
  }
  void* rings_[2];
  uint64_t stacks_ = 0;
};

template <typename T>
std::unique_ptr<Scenario> Make() {
  alignas(T) static unsigned char room[sizeof(T)];  // what is the scenario's own is not checked
  return std::unique_ptr<Scenario>(new (room) T);   // never deleted
}

}  // namespace

void* ThreadPointer() { return thread_pointer; }

const HandlerCode& Handler() { return *handler; }
void UseHandler(const HandlerCode* other) { handler = other; }

const std::vector<Named>& Scenarios() {
  static const std::vector<Named> all = {
      {"ring", &Make<RingScenario<2, 2>>},
      {"ring-long", &Make<RingScenario<4, 3>>},
      {"full-ring", &Make<FullRingScenario>},
      {"claim", &Make<ClaimScenario>},
      {"claim-drain", &Make<ClaimAndDrainScenario>},
      {"reclaim", &Make<ReclaimScenario>},
      {"reclaim-twice", &Make<ReclaimTwiceScenario>},
      {"reuse", &Make<ReuseScenario>},
      {"spares", &Make<SparesScenario>},
      {"snapshot", &Make<SnapshotOldThread>},
      {"snapshot-first", &Make<SnapshotNewThread>},
      {"snapshot-two", &Make<SnapshotTwoThreads>},
      {"snapshot-hasty", &Make<SnapshotHasty>},
      {"snapshot-exit", &Make<SnapshotExit>},
      {"stop", &Make<StopOldThread>},
      {"stop-first", &Make<StopNewThread>},
      {"restart", &Make<RestartScenario>},
      {"restart-twice", &Make<RestartTwiceScenario>},
      {"takeover", &Make<TakeoverScenario>},
      {"grown", &Make<GrownAndDisowned>},
      {"grown-forgotten", &Make<GrownAndForgotten>},
      {"twins", &Make<TwinsScenario>},
      {"residue", &Make<ResidueScenario>},
  };
  return all;
}

}  // namespace podo::modelcheck
