// SPDX-License-Identifier: Apache-2.0
#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace podo::modelcheck {
namespace {

constexpr size_t kGranule = 4;
constexpr size_t kPage = 4096;

bool Acquires(Order order) {
  return order == Order::kAcquire || order == Order::kConsume || order == Order::kAcqRel ||
         order == Order::kSeqCst;
}
bool Releases(Order order) {
  return order == Order::kRelease || order == Order::kAcqRel || order == Order::kSeqCst;
}

uint64_t ReadMemory(uintptr_t address, uint8_t size) {
  uint64_t value = 0;
  std::memcpy(&value, reinterpret_cast<const void*>(address), size);
  return value;
}
void WriteMemory(uintptr_t address, uint8_t size, uint64_t value) {
  std::memcpy(reinterpret_cast<void*>(address), &value, size);
}

uint64_t NewValue(const Access& access, uint64_t old) {
  switch (access.kind) {
    case Kind::kAdd: {
      const uint64_t sum = old + access.operand;
      return access.size == 8 ? sum : sum & ((uint64_t{1} << (8 * access.size)) - 1);
    }
    case Kind::kAnd:
      return old & access.operand;
    case Kind::kOr:
      return old | access.operand;
    default:
      return access.operand;
  }
}

void Join(Clock* clock, const Clock& other) {
  for (int i = 0; i < kMaxThreads; ++i) (*clock)[i] = std::max((*clock)[i], other[i]);
}

}  // namespace

void Memory::Track(void* from, size_t bytes) {
  tracked_from_ = reinterpret_cast<uintptr_t>(from);
  tracked_bytes_ = bytes;
  void* shadow = mmap(nullptr, bytes / kGranule * sizeof(Shadow), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (shadow == MAP_FAILED) std::abort();
  shadow_ = static_cast<Shadow*>(shadow);
  pages_.assign(bytes / kPage, {});
}

void Memory::Reset(int threads, int spurious_failures) {
  for (size_t i = 0; i < object_count_; ++i) {
    if (Tracks(objects_[i].address)) continue;
    WriteMemory(objects_[i].address, objects_[i].size, objects_[i].before);
  }
  object_count_ = 0;
  by_address_.clear();
  ++execution_;
  spurious_left_.fill(spurious_failures);
  for (int t = 0; t < threads; ++t) {
    views_[t].clear();
    clocks_[t].fill(0);
    clocks_[t][t] = 1;
  }
}

int Memory::ObjectOf(const Access& access) {
  const auto [it, is_new] =
      by_address_.try_emplace(access.address, static_cast<int>(object_count_));
  if (!is_new) {
    if (objects_[it->second].size != access.size) std::abort();
    return it->second;
  }
  if (object_count_ == objects_.size()) objects_.emplace_back();
  Object& object = objects_[object_count_++];
  object.address = access.address;
  object.size = access.size;
  object.before = ReadMemory(access.address, access.size);
  object.messages.clear();
  object.messages.push_back({object.before, {}, {}, 0, false, false});
  object.order.assign(1, 0);
  object.last_seq_cst = 0;
  return it->second;
}

// The rank of the oldest value that the thread may read, or write behind.
uint16_t Memory::Floor(int thread, int object, bool seq_cst) {
  const size_t index = static_cast<size_t>(object);
  View& view = views_[thread];
  if (view.size() <= index) view.resize(index + 1);
  const uint16_t seen = objects_[index].messages[view[index]].rank;
  return seq_cst ? std::max(seen, objects_[index].last_seq_cst) : seen;
}

void Memory::List(int thread, const Access& access, int index) {
  options_.clear();
  const Object& object = objects_[index];
  const uint16_t floor = Floor(thread, index, access.order == Order::kSeqCst);
  const uint16_t fail_floor = Floor(thread, index, access.fail_order == Order::kSeqCst);
  // The newest first: the first execution is the one that a simple machine would show.
  for (int rank = static_cast<int>(object.order.size()) - 1; rank >= 0; --rank) {
    const uint16_t message = object.order[rank];
    const bool taken = static_cast<size_t>(rank) + 1 < object.order.size() &&
                       object.messages[object.order[rank + 1]].follows;
    if (access.kind == Kind::kCompareExchange) {
      const bool equal = object.messages[message].value == access.expected;
      if (equal && !taken && rank >= floor) options_.push_back({message, true});
      if (rank < fail_floor) continue;
      if (!equal || (access.weak && spurious_left_[thread] > 0)) {
        options_.push_back({message, false});
      }
    } else if (rank >= floor && !(access.Writes() && taken)) {
      options_.push_back({message, access.Writes()});
    }
  }
}

int Memory::Options(int thread, const Access& access) {
  if (access.kind == Kind::kWipe) return 1;
  List(thread, access, ObjectOf(access));
  return static_cast<int>(options_.size());
}

void Memory::TakeOver(int thread, const Message& message) {
  View& view = views_[thread];
  if (view.size() < message.view.size()) view.resize(message.view.size());
  for (size_t i = 0; i < message.view.size(); ++i) {
    const std::vector<Message>& messages = objects_[i].messages;
    if (messages[message.view[i]].rank > messages[view[i]].rank) view[i] = message.view[i];
  }
  Join(&clocks_[thread], message.clock);
}

void Memory::Insert(int thread, const Access& access, int index, uint16_t behind, uint64_t value,
                    const Message* source) {
  Object& object = objects_[index];
  const uint16_t number = static_cast<uint16_t>(object.messages.size());
  const uint16_t rank = static_cast<uint16_t>(object.messages[behind].rank + 1);
  Message message = {value, {}, {}, rank, access.order == Order::kSeqCst, source != nullptr};
  if (source != nullptr) {  // a read-modify-write goes on with the release sequence
    message.view = source->view;
    message.clock = source->clock;
  }
  object.order.insert(object.order.begin() + rank, number);
  object.messages.push_back(std::move(message));
  for (size_t r = rank; r < object.order.size(); ++r) {
    object.messages[object.order[r]].rank = static_cast<uint16_t>(r);
  }
  if (object.last_seq_cst >= rank) ++object.last_seq_cst;
  if (access.order == Order::kSeqCst) object.last_seq_cst = std::max(object.last_seq_cst, rank);
  View& view = views_[thread];
  view[index] = number;
  if (Releases(access.order)) {
    Message& stored = object.messages[number];
    if (stored.view.size() < view.size()) stored.view.resize(view.size());
    for (size_t i = 0; i < view.size(); ++i) {
      const std::vector<Message>& messages = objects_[i].messages;
      if (messages[view[i]].rank > messages[stored.view[i]].rank) stored.view[i] = view[i];
    }
    Join(&stored.clock, clocks_[thread]);
  }
  WriteMemory(object.address, object.size, object.messages[object.order.back()].value);
}

Answer Memory::Perform(int thread, const Access& access, int option) {
  const int index = ObjectOf(access);
  List(thread, access, index);
  const Option chosen = options_[option];
  Answer answer = {0, chosen.stores};
  if (access.kind == Kind::kStore) {
    Insert(thread, access, index, chosen.message, access.operand, nullptr);
  } else {
    const Message read = objects_[index].messages[chosen.message];
    answer.value = read.value;
    views_[thread][index] = chosen.message;
    const bool failed = access.kind == Kind::kCompareExchange && !chosen.stores;
    if (failed && read.value == access.expected) --spurious_left_[thread];
    if (Acquires(failed ? access.fail_order : access.order)) TakeOver(thread, read);
    if (chosen.stores) {
      Insert(thread, access, index, chosen.message, NewValue(access, read.value), &read);
    }
  }
  ++clocks_[thread][thread];
  return answer;
}

Memory::Shadow* Memory::ShadowOf(uintptr_t address) {
  Shadow* shadow = &shadow_[(address - tracked_from_) / kGranule];
  pages_[(address - tracked_from_) / kPage].touched = execution_;
  if (shadow->execution != execution_) {
    *shadow = {};
    shadow->execution = execution_;
  }
  return shadow;
}

const char* Memory::Plain(int thread, uintptr_t address, size_t bytes, bool is_write) {
  if (!Tracks(address)) return nullptr;
  const Clock& clock = clocks_[thread];
  const Page& page = pages_[(address - tracked_from_) / kPage];
  if (page.wiped == execution_ && page.wipe > clock[page.wiper]) {
    return "data race: a plain access beside a wipe";
  }
  for (uintptr_t at = address & ~(kGranule - 1); at < address + bytes; at += kGranule) {
    Shadow* shadow = ShadowOf(at);
    if (shadow->freed) return "memory is used after it was freed";
    if (shadow->write > clock[shadow->writer]) {
      return is_write ? "data race: two plain writes" : "data race: a plain read beside a write";
    }
    if (!is_write) {
      shadow->reads[thread] = clock[thread];
      continue;
    }
    for (int t = 0; t < kMaxThreads; ++t) {
      if (t != thread && shadow->reads[t] > clock[t]) {
        return "data race: a plain write beside a read";
      }
    }
    shadow->writer = static_cast<uint8_t>(thread);
    shadow->write = clock[thread];
  }
  return nullptr;
}

const char* Memory::Free(int thread, uintptr_t address, size_t bytes) {
  if (Plain(thread, address, bytes, true) != nullptr) {
    return "memory is freed while another thread may use it";
  }
  for (uintptr_t at = address; at < address + bytes; at += kGranule) ShadowOf(at)->freed = true;
  return nullptr;
}

const char* Memory::Touch(int thread, const Access& access) {
  if (!Tracks(access.address)) return nullptr;
  // A page that was wiped keeps its atomics.
  if (pages_[(access.address - tracked_from_) / kPage].wiped == execution_) return nullptr;
  return Plain(thread, access.address, access.size, false);
}

const char* Memory::WipePage(int thread, uintptr_t at) {
  Page& page = pages_[(at - tracked_from_) / kPage];
  std::vector<bool> is_atomic(kPage / kGranule);
  for (size_t i = 0; i < object_count_; ++i) {
    Object& object = objects_[i];
    if (object.address - at >= kPage) continue;
    for (size_t byte = 0; byte < object.size; byte += kGranule) {
      is_atomic[(object.address - at + byte) / kGranule] = true;
    }
    const uint16_t rank = static_cast<uint16_t>(object.order.size());
    const uint16_t number = static_cast<uint16_t>(object.messages.size());
    object.messages.push_back({0, {}, {}, rank, false, false});
    object.order.push_back(number);
    for (View& view : views_) {
      if (view.size() <= i) view.resize(i + 1);
      view[i] = number;
    }
  }
  for (size_t i = 0; page.touched == execution_ && i < is_atomic.size(); ++i) {
    if (is_atomic[i]) continue;
    if (Plain(thread, at + i * kGranule, kGranule, true) != nullptr) {
      return "data race: a wipe beside a plain access";
    }
  }
  std::memset(reinterpret_cast<void*>(at), 0, kPage);
  page.wiped = execution_;
  page.wiper = thread;
  page.wipe = clocks_[thread][thread];
  ++clocks_[thread][thread];
  return nullptr;
}

}  // namespace podo::modelcheck
