# SPDX-License-Identifier: Apache-2.0
"""What test_model.py holds: the scenarios with their properties, and the mutants that must be caught."""

# Name, what the language says about it, all outcomes that it allows; None: undefined, to be found.
LITMUS = [
    ("sb-sc", "of two seq_cst stores, each followed by a load of the other, one is seen", "01 10 11"),
    ("sb-ra", "with release and acquire both may be missed", "00 01 10 11"),
    ("sb-half", "with seq_cst loads only, too", "00 01 10 11"),
    ("mp-ra", "what was stored before a release is seen after an acquire of it", "00 01 11"),
    ("mp-no-release", "not without the release", "00 01 10 11"),
    ("mp-no-acquire", "nor without the acquire", "00 01 10 11"),
    ("lb", "no value comes from the future", "00 01 10"),
    ("corr", "one object is never seen going back", "00 01 02 11 12 22"),
    ("2+2w-rlx", "relaxed stores of two threads to two objects may end in any order", "11 12 21 22"),
    ("2+2w-sc", "seq_cst ones end in one order", "12 21 22"),
    ("iriw-ra", "two readers may see two independent stores in different order",
     " ".join(f"{i:04b}" for i in range(16))),
    ("iriw-sc", "not with seq_cst", " ".join(f"{i:04b}" for i in range(16) if i != 0b1010)),
    ("sequence-exchange", "a read-modify-write between release and acquire hands on what was released", "00 01 11 21"),
    ("sequence-store", "a store between them does not", "00 01 11 20 21"),
    ("increments", "no increment gets lost", "3"),
    ("plain-release", "a plain object that a flag hands over is no race", "0 1"),
    ("plain-relaxed", "with a relaxed flag it is one", None),
    ("freed-release", "an object may be freed after its reader has said so", ""),
    ("freed-relaxed", "not if that was said relaxed", None),
]

# Words for podo_model_case, the property, outcomes that must be among those reached.
SCENARIOS = [
    ("ring", "every sample comes out whole, once, in order, while the thread goes on",
     ["drained meanwhile: 0", "drained meanwhile: 1", "drained meanwhile: 2"]),
    ("ring-long", "the same over more ticks and rounds", ["drained meanwhile: 4"]),
    ("full-ring", "a full ring loses ticks, which are counted, and never overwrites what the drain still reads",
     ["ring_full=2", "samples=1 ring_full=1", "samples=2"]),
    ("claim", "of three threads that want two rings two get one each and the third is counted", []),
    ("claim-drain spurious=1", "a thread that has just got its ring is drained or left, never half seen",
     ["drained meanwhile: 0", "drained meanwhile: 2"]),
    ("reclaim", "a ring goes from a thread that ended to another one clean, and after its last sample came out",
     ["the ring served both threads", "samples=2"]),
    ("reuse", "a new thread with the number, stack and block of one that ended keeps its samples apart from it",
     ["the number was used again", "rings in use: 1", "rings in use: 2"]),
    ("spares", "memory of a spare ring is not given back under a thread that claims it", ["samples=1 no_ring=1"]),
    ("snapshot", "tables are not freed while a thread or the drain may read them, and are freed then",
     ["the old tables were freed", "the old tables were kept"]),
    ("snapshot-first", "the same for a thread in its first tick", ["the old tables were freed"]),
    ("snapshot-two", "the same for two threads, one of them in its first tick",
     ["the old tables were freed", "the old tables were kept"]),
    ("snapshot-exit", "the same for a thread that ends, and whose ring is taken back", ["the old tables were freed"]),
    ("stop", "after Stop() no handler is inside, and a late signal leaves nothing",
     ["memory given back", "a handler was inside", "paused=1"]),
    ("stop-first", "the same for a thread in its first tick", ["memory given back", "a handler was inside"]),
    ("restart", "a handler that slept through Stop() and Start() writes into no other thread's ring",
     ["stopped and started", "samples=1 paused=1"]),
    ("restart-twice", "nor does it hide the thread that has the ring now from the next Stop()",
     ["stopped and started", "nested=1 paused=1"]),
    ("takeover", "a run that ends takes no tables away from the next one", ["started again"]),
    ("grown", "a thread with a ring of an earlier run that was never wiped is drained, and waited for, in the next one",
     ["samples=1"]),
    ("twins", "of two threads with one thread pointer one writes at a time, and the other's tick is counted",
     ["samples=3", "samples=2 nested=1"]),
    ("residue", "a stack left to libunwind is one thread's, whole, and comes once", ["stacks: 1", "stacks: 2"]),
]

# With PODO_TEST_LONG=1, too.
LONG_SCENARIOS = [
    ("claim spurious=1", "three threads share two rings also if a weak CAS fails for no reason", []),
    ("reclaim-twice", "a ring goes from thread to thread and on to a third", ["samples=3"]),
]

# Explored a second time with every thread tried at every step: as many executions must come out.
RECOUNTED = ["ring", "full-ring", "claim-drain", "reclaim", "spares", "stop", "stop-first", "takeover", "grown", "twins",
             "residue"]

# Scenario, the change of one operation as it is made, what the model says to it.
MUTANTS = [
    ("ring", "weaken:handler:ring.head:store.release", "with head stored relaxed the model finds a torn sample"),
    ("ring", "weaken:drain:ring.head:load.acquire", "with head loaded relaxed by the drain, too"),
    ("full-ring", "weaken:drain:ring.tail:store.release", "with tail stored relaxed a sample is overwritten while it is read"),
    ("full-ring", "weaken:handler:ring.tail:load.acquire", "with tail loaded relaxed by the handler, too"),
    ("claim", "split:handler:free_rings:cas.acquire", "with a load and a store for the claiming CAS two threads get one ring"),
    ("reclaim", "weaken:handler:free_rings:cas.acquire", "with a relaxed claim a thread meets the ring of the one before"),
    ("reclaim", "weaken:drain:free_rings:or.release", "with a ring given back relaxed, too"),
    ("reclaim", "answer:drain:(kernel)_thread_alive:load.acquire:0", "with rings taken back from threads that live the model finds it"),
    ("reuse", "weaken:handler:ring.tid:store.release", "with tid stored relaxed a ring is taken back though it holds a sample"),
    ("reuse", "weaken:handler:high_water:cas.seq_cst", "with high_water raised relaxed the drain meets a ring half reset"),
    ("snapshot", "weaken:modules:snapshot:exchange.seq_cst", "with new tables published relaxed a handler reads them half written"),
    ("snapshot", "weaken:modules:snapshot:exchange.seq_cst:acq_rel", "published without seq_cst, tables are freed under a handler"),
    ("snapshot", "weaken:handler:snapshot:load.seq_cst:acquire", "loaded without seq_cst, too"),
    ("snapshot", "weaken:handler:ring.busy:cas.seq_cst:acq_rel", "entered without seq_cst, too"),
    ("snapshot", "answer:modules:ring.busy:load.seq_cst:0", "freed without a look at busy, tables go while a handler reads them"),
    ("snapshot-hasty", "", "if the drain counted a loop before its end, tables would go while it reads them"),
    ("snapshot-first", "weaken:handler:high_water:cas.seq_cst:acq_rel", "with high_water raised without seq_cst a thread's first tick is missed"),
    ("snapshot-exit", "weaken:drain:ring.busy:store.release", "with busy of a dead thread cleared relaxed its reads race with the free"),
    ("stop", "weaken:stop:armed:store.seq_cst:release", "disarmed without seq_cst, the rings are wiped under a handler"),
    ("stop", "weaken:handler:armed:load.seq_cst:acquire", "with armed looked at again without seq_cst, too"),
    ("stop", "answer:handler:armed:load.seq_cst:1", "with armed not looked at again, too"),
    ("stop", "answer:stop:ring.busy:load.seq_cst:0", "wiped without waiting for busy, too"),
    ("stop-first", "weaken:handler:high_water:cas.seq_cst:acq_rel", "with high_water raised without seq_cst, in a thread's first tick"),
    ("takeover", "split:stop:snapshot:cas.seq_cst", "tables taken back by load and store may be the next run's"),
    ("grown-forgotten", "", "if it kept that ring, tables would be freed while it reads them"),
    ("twins", "split:handler:ring.busy:cas.seq_cst", "entered by a load and a store, two threads write at once"),
    ("twins", "weaken:handler:ring.busy:store.release", "left relaxed, the next thread meets half a sample"),
    ("residue", "split:handler:residue_free:cas.acquire", "with a load and a store two threads get one slot"),
    ("residue", "weaken:handler:residue_free:cas.acquire", "a slot claimed relaxed is still being wiped"),
    ("residue", "weaken:modules:residue_free:or.release", "given back relaxed, too"),
    ("residue", "weaken:handler:residue_ready:or.release", "a stack handed over relaxed is read half written"),
    ("residue", "weaken:modules:residue_ready:exchange.acquire", "taken relaxed, too"),
]

WRITE_HEADER = """  ring->words[head & (kRingWords - 1)] = uint64_t{words} | uint64_t{flags} << 16 |
                                         uint64_t{frames.count} << 32 |
                                         uint64_t{tick.overruns} << 48;
  ring->words[(head + 1) & (kRingWords - 1)] = snapshot->generation | uint64_t{label_set} << 32;
"""
PUBLISH = """  ring->head.store(head + words, std::memory_order_release);  // partner: the drain
"""
LOOK_AGAIN = """ ||
      ring->owner.load(std::memory_order_relaxed) != thread_pointer) [[unlikely]] {"""
LEAVE_OWN = """    ring->busy.compare_exchange_strong(visitor, 0, std::memory_order_release,
                                       std::memory_order_relaxed);
"""
GIVE_BACK = """          state->free_rings[w].fetch_or(bit, std::memory_order_release);
          return nullptr;
"""
FEW_TRIES = ("constexpr int kMaxTries = 64;", "constexpr int kMaxTries = 1;")

# Name, [(text of the handler, other text)], [(words, caught?, sentence)].
SOURCE_MUTANTS = [
    ("early-head", [(WRITE_HEADER + PUBLISH, PUBLISH + WRITE_HEADER)],
     [("ring", True, "with the head published before the record is written, the model finds a torn sample")]),
    ("trusting", [(LOOK_AGAIN, ") {")],
     [("restart", True, "with no second look at the owner, a sample stands under another thread's id")]),
    ("wiping", [(LEAVE_OWN, "    ring->busy.store(0, std::memory_order_release);\n")],
     [("restart-twice", True, "with busy cleared whosever it is, Stop() misses a handler that is inside")]),
    ("impatient", [FEW_TRIES],
     [("claim-drain spurious=1", False, "a thread that lost too many races for a ring gives it back"),
      ("snapshot-first spurious=1", False, "and frees nobody's tables")]),
    ("hidden", [FEW_TRIES, (GIVE_BACK, "          break;\n")],
     [("claim-drain spurious=1", True, "if it kept it, its samples would never come"),
      ("snapshot-first spurious=1", True, "and tables would be freed while it reads them")]),
]

# What the scenarios write out again, by the file that has it.
MIRRORED = [
    ("lib/drain_loop.cc", [
        "void DrainLoop::DrainOnce() { pool_.Mark(); ++round_;",
        "const capture::ModuleCheck check = modules_->CheckMapped(capture::ModuleWatch::Caller::kDrain);"
        " pool_.Drain([&](const model::RawSample& sample) { model::RawSample kept = sample;"
        " modules_->CutReplaced(check, &kept);",
        "DrainOnce(); clock_->Follow([this](uint32_t tid) { return threads_->Owns(tid); });"
        " if (host_took_over_.load(std::memory_order_relaxed)) LogTakeover();"
        " if (base::SteadyClockNs() >= next_housekeeping_ns_) Housekeep();",
        "epoch_.fetch_add(1, std::memory_order_seq_cst); AdaptInterval();",
        "ReclaimRings(); pool_.KeepSpares(kSpareRings);",
        "void DrainLoop::ReclaimRings() { pool_.Reclaim(IsAlive);",
    ]),
    ("lib/drain_loop.h", ["uint64_t epoch() const { return epoch_.load(std::memory_order_seq_cst); }"]),
    ("lib/module_loop.cc", ["modules_->FreeRetired(drain_->epoch());",
                            "if (!check) check = modules_->CheckMapped(capture::ModuleWatch::Caller::kModuleLoop);"]),
    ("lib/pipeline.cc", [
        "void Pipeline::Disarm() { state_->armed.store(0, std::memory_order_seq_cst);",
        "capture::RingPool pool(state_); if (!pool.WaitIdle(kMomentNs)) return false; pool.Reset(); return true;",
        "capture::g_state.store(*state, std::memory_order_release);",
        "if (is_replaced) { // Else a thread would go on in its old ring, where the new run neither drains nor waits."
        " pool.Disown(); }",
        "state_->armed.store(1, std::memory_order_seq_cst);",
    ]),
    ("lib/podo.cc", ["if (run->GiveBackMemory() && WaitForUsers(kMomentNs)) spent->reset(run);"]),
]
