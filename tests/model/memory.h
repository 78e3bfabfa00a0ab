// SPDX-License-Identifier: Apache-2.0
// Memory as C++20 describes it, operationally: what each atomic operation may see.
//
// An atomic object is the list of all its values in modification order. A thread has a view: for
// each object the oldest value it may still read. A load may return any value that is not older; a
// store may go to any place that is not older, also before stores the thread has not seen. A
// release hands the view on with the value, an acquire takes it over, a read-modify-write takes the
// place right behind the value it read and hands that value's view on. The order of seq_cst
// operations is the order of execution: such a load sees nothing older than the last such store.
//
// Beside the view goes a vector clock. Plain accesses are checked by it: two of them that conflict
// and are not ordered are a data race, whatever values they happened to see.
#ifndef PODO_TESTS_MODEL_MEMORY_H_
#define PODO_TESTS_MODEL_MEMORY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace podo::modelcheck {

inline constexpr int kMaxThreads = 6;
using Clock = std::array<uint32_t, kMaxThreads>;

enum class Kind : uint8_t { kLoad, kStore, kExchange, kAdd, kAnd, kOr, kCompareExchange, kWipe };
// Numbered as __ATOMIC_RELAXED and so on.
enum class Order : uint8_t { kRelaxed, kConsume, kAcquire, kRelease, kAcqRel, kSeqCst };

struct Access {
  uintptr_t address;
  uint8_t size;
  Kind kind;
  Order order;
  Order fail_order;  // of a compare-exchange
  bool weak;         // it may fail for no reason
  uint64_t operand;
  uint64_t expected;

  bool Writes() const { return kind != Kind::kLoad; }
};

struct Answer {
  uint64_t value;  // what was read
  bool stored;
};

class Memory {
 public:
  // A range in which plain accesses are checked; one for all executions.
  void Track(void* from, size_t bytes);
  bool Tracks(uintptr_t address) const { return address - tracked_from_ < tracked_bytes_; }

  // Forgets all; writes back what atomics outside the tracked range held at the beginning.
  void Reset(int threads, int spurious_failures);

  // In how many ways the access may go now.
  int Options(int thread, const Access& access);
  Answer Perform(int thread, const Access& access, int option);

  // nullptr, or what is wrong with it.
  const char* Plain(int thread, uintptr_t address, size_t bytes, bool is_write);
  const char* Free(int thread, uintptr_t address, size_t bytes);
  // An atomic object in memory that may have been freed or not been handed over.
  const char* Touch(int thread, const Access& access);
  // The kernel takes a page of the tracked range away and gives one of zeros instead. For each
  // other thread this happens at one moment (it stops for it, or is not running): what it wrote
  // before is gone, nothing old can be read afterwards. A plain access that is not ordered is a
  // race.
  const char* WipePage(int thread, uintptr_t page);

 private:
  using View = std::vector<uint16_t>;  // by object: number of a message
  struct Message {
    uint64_t value;
    View view;  // what an acquire takes over
    Clock clock;
    uint16_t rank;  // place in modification order
    bool seq_cst;
    bool follows;  // a read-modify-write: nothing may come between it and the one before
  };
  struct Object {
    uintptr_t address;
    uint8_t size;
    uint64_t before;  // the execution
    std::vector<Message> messages;
    std::vector<uint16_t> order;  // numbers of messages, by rank
    uint16_t last_seq_cst;        // rank; 0 if none
  };
  struct Option {
    uint16_t message;  // read, or the one a store goes behind
    bool stores;
  };
  struct Shadow {  // of four bytes
    uint32_t execution;
    uint8_t writer;
    bool freed;
    uint32_t write;
    Clock reads;
  };

  int ObjectOf(const Access& access);
  uint16_t Floor(int thread, int object, bool seq_cst);
  void List(int thread, const Access& access, int object);
  void Insert(int thread, const Access& access, int object, uint16_t behind, uint64_t value,
              const Message* source);
  void TakeOver(int thread, const Message& message);
  Shadow* ShadowOf(uintptr_t address);

  uintptr_t tracked_from_ = 0;
  size_t tracked_bytes_ = 0;
  Shadow* shadow_ = nullptr;
  struct Page {
    uint32_t touched, wiped;  // the last execution in which it was
    int wiper;
    uint32_t wipe;  // the wiper's clock
  };
  std::vector<Page> pages_;
  uint32_t execution_ = 0;

  size_t object_count_ = 0;
  std::vector<Object> objects_;
  std::unordered_map<uintptr_t, int> by_address_;
  std::array<View, kMaxThreads> views_;
  std::array<Clock, kMaxThreads> clocks_;
  std::array<int, kMaxThreads> spurious_left_;
  std::vector<Option> options_;
};

}  // namespace podo::modelcheck

#endif  // PODO_TESTS_MODEL_MEMORY_H_
