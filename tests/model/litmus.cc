// SPDX-License-Identifier: Apache-2.0
// Small programs whose possible outcomes are known from the language: what the model may show, all
// of it, and nothing else. They hold the model against the standard before podo's code is run.
#include <atomic>
#include <cstdlib>

#include "scenarios.h"

namespace podo::modelcheck {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kSeqCst = std::memory_order_seq_cst;

std::atomic<int> x, y, z;
int seen[4];

class Litmus : public Scenario {
 public:
  Litmus() {
    x.store(0), y.store(0), z.store(0);
    for (int& each : seen) each = 0;
  }
  std::string NameOf(uintptr_t address) const override {
    const auto is = [address](const void* p) { return reinterpret_cast<uintptr_t>(p) == address; };
    return is(&x) ? "x" : is(&y) ? "y" : is(&z) ? "z" : "heap";
  }

 protected:
  static void See(int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += static_cast<char>('0' + seen[i]);
    Outcome(all);
  }
};

struct Two : Litmus {
  std::vector<std::string> Threads() const override { return {"one", "two"}; }
};
struct Four : Litmus {
  std::vector<std::string> Threads() const override { return {"one", "two", "three", "four"}; }
};

template <std::memory_order kStoreOrder, std::memory_order kLoadOrder>
struct StoreBuffering : Two {
  void Run(int thread) override {
    std::atomic<int>& mine = thread == 0 ? x : y;
    std::atomic<int>& other = thread == 0 ? y : x;
    mine.store(1, kStoreOrder);
    seen[thread] = other.load(kLoadOrder);
  }
  void End() override { See(2); }
};

template <std::memory_order kStoreOrder, std::memory_order kLoadOrder>
struct MessagePassing : Two {
  void Run(int thread) override {
    if (thread == 0) {
      x.store(1, kRelaxed);
      y.store(1, kStoreOrder);
    } else {
      seen[0] = y.load(kLoadOrder);
      seen[1] = x.load(kRelaxed);
    }
  }
  void End() override { See(2); }
};

struct LoadBuffering : Two {
  void Run(int thread) override {
    seen[thread] = (thread == 0 ? x : y).load(kRelaxed);
    (thread == 0 ? y : x).store(1, kRelaxed);
  }
  void End() override { See(2); }
};

struct ReadsAgree : Two {  // coherence
  void Run(int thread) override {
    if (thread == 0) {
      x.store(1, kRelaxed);
      x.store(2, kRelaxed);
    } else {
      seen[0] = x.load(kRelaxed);
      seen[1] = x.load(kRelaxed);
    }
  }
  void End() override { See(2); }
};

template <std::memory_order kOrder>
struct TwoWriters : Two {  // 2+2W
  void Run(int thread) override {
    (thread == 0 ? x : y).store(1, kOrder);
    (thread == 0 ? y : x).store(2, kOrder);
  }
  void End() override {
    seen[0] = x.load();
    seen[1] = y.load();
    See(2);
  }
};

template <std::memory_order kStoreOrder, std::memory_order kLoadOrder>
struct IndependentReads : Four {  // IRIW
  void Run(int thread) override {
    if (thread < 2) return (thread == 0 ? x : y).store(1, kStoreOrder);
    std::atomic<int>& first = thread == 2 ? x : y;
    std::atomic<int>& second = thread == 2 ? y : x;
    seen[2 * thread - 4] = first.load(kLoadOrder);
    seen[2 * thread - 3] = second.load(kLoadOrder);
  }
  void End() override { See(4); }
};

// A read-modify-write in the middle hands on what it took over; a store does not.
template <bool kByExchange>
struct ReleaseSequence : Litmus {
  std::vector<std::string> Threads() const override { return {"one", "two", "three"}; }
  void Run(int thread) override {
    if (thread == 0) {
      x.store(1, kRelaxed);
      y.store(1, kRelease);
    } else if (thread == 1) {
      if (kByExchange) {
        int one = 1;
        y.compare_exchange_strong(one, 2, kRelaxed);
      } else if (y.load(kRelaxed) == 1) {
        y.store(2, kRelaxed);
      }
    } else {
      seen[0] = y.load(kAcquire);
      seen[1] = x.load(kRelaxed);
    }
  }
  void End() override { See(2); }
};

struct Increments : Litmus {
  std::vector<std::string> Threads() const override { return {"one", "two", "three"}; }
  void Run(int) override { x.fetch_add(1, kRelaxed); }
  void End() override {
    seen[0] = x.load();
    See(1);
  }
};

template <std::memory_order kOrder>
struct PlainMessage : Two {  // a race unless the flag orders it
  int* box = static_cast<int*>(TakeZeroed(64));
  void Run(int thread) override {
    if (thread == 0) {
      *box = 1;
      x.store(1, kOrder);
    } else if (x.load(kAcquire) == 1) {
      seen[0] = *box;
    }
  }
  void End() override { See(1); }
};

template <std::memory_order kOrder>
struct FreedMessage : Two {
  std::atomic<int*> box{new int(7)};
  void Run(int thread) override {
    if (thread == 0) {
      int* mine = box.load(kAcquire);
      seen[0] = *mine;
      x.store(1, kOrder);
    } else if (x.load(kAcquire) == 1) {
      delete box.load(kRelaxed);
    }
  }
};

template <typename T>
std::unique_ptr<Scenario> Make() {
  return std::make_unique<T>();
}

}  // namespace

const std::vector<Named>& LitmusTests() {
  static const std::vector<Named> all = {
      {"sb-sc", &Make<StoreBuffering<kSeqCst, kSeqCst>>},
      {"sb-ra", &Make<StoreBuffering<kRelease, kAcquire>>},
      {"sb-half", &Make<StoreBuffering<kRelease, kSeqCst>>},
      {"mp-ra", &Make<MessagePassing<kRelease, kAcquire>>},
      {"mp-no-release", &Make<MessagePassing<kRelaxed, kAcquire>>},
      {"mp-no-acquire", &Make<MessagePassing<kRelease, kRelaxed>>},
      {"lb", &Make<LoadBuffering>},
      {"corr", &Make<ReadsAgree>},
      {"2+2w-rlx", &Make<TwoWriters<kRelaxed>>},
      {"2+2w-sc", &Make<TwoWriters<kSeqCst>>},
      {"iriw-ra", &Make<IndependentReads<kRelease, kAcquire>>},
      {"iriw-sc", &Make<IndependentReads<kSeqCst, kSeqCst>>},
      {"sequence-exchange", &Make<ReleaseSequence<true>>},
      {"sequence-store", &Make<ReleaseSequence<false>>},
      {"increments", &Make<Increments>},
      {"plain-release", &Make<PlainMessage<kRelease>>},
      {"plain-relaxed", &Make<PlainMessage<kRelaxed>>},
      {"freed-release", &Make<FreedMessage<kRelease>>},
      {"freed-relaxed", &Make<FreedMessage<kRelaxed>>},
  };
  return all;
}

}  // namespace podo::modelcheck
