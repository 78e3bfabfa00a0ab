// SPDX-License-Identifier: Apache-2.0
#include "aggregate/stack_table.h"

#include <algorithm>
#include <cstring>

namespace podo::aggregate {
namespace {

__extension__ typedef unsigned __int128 Uint128;

// 64x64 -> 128 multiply and fold: every input bit reaches every output bit.
uint64_t Mix(uint64_t a, uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a ^ 0x9E3779B97F4A7C15) *
                          (b ^ 0xD6E8FEB86659FD93);  // odd, high-entropy constants
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// What a sample is told apart by, beside its header: the span's ids and the frames.
uint32_t BodyWords(const model::RawHeader& h) { return model::SpanWordsOf(h.flags) + h.frames; }
const uint64_t* Body(const model::RawSample& s) {
  return s.frames - model::SpanWordsOf(s.header.flags);
}

uint64_t Hash(const model::RawSample& sample) {
  const model::RawHeader& header = sample.header;
  uint64_t h = Mix(header.generation | uint64_t{sample.thread} << 32,
                   uint64_t{header.label_set} << 32 | uint64_t{header.flags} << 16 | header.frames);
  const uint64_t* body = Body(sample);
  for (uint32_t i = 0; i < BodyWords(header); ++i) h = Mix(h, body[i]);
  return h;
}

}  // namespace

bool StackTable::Rehash(size_t slots) {
  if (slots_.data() != nullptr) slots_.Clear(slot_count_);
  if (!slots_.Reserve(slots)) return false;
  slot_count_ = slots;
  for (size_t i = 0; i < size_; ++i) {
    size_t slot = entries_[i].hash & (slots - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots - 1);
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
  return true;
}

bool StackTable::Grow(uint32_t new_words) {
  const size_t need = (size_ + 1) * (sizeof(Entry) + 2 * sizeof(uint32_t)) +
                      (words_used_ + new_words) * sizeof(uint64_t);
  if (need > cap_bytes_) return false;
  if (size_ == entries_.capacity() && !entries_.Reserve(std::max<size_t>(256, size_ * 2))) {
    return false;
  }
  if (words_used_ + new_words > words_.capacity() &&
      !words_.Reserve(std::max<size_t>(8192, (words_used_ + new_words) * 2))) {
    return false;
  }
  return (size_ + 1) * 2 <= slot_count_ || Rehash(std::max<size_t>(1024, slot_count_ * 2));
}

void StackTable::Add(const model::RawSample& sample) {
  const model::RawHeader& h = sample.header;
  const uint64_t periods = uint64_t{h.overruns} + 1;
  total_ += periods;
  const uint64_t hash = Hash(sample);
  const uint64_t* body = Body(sample);
  const uint32_t body_words = BodyWords(h);
  if (slot_count_ != 0) {
    for (size_t slot = hash & (slot_count_ - 1); slots_[slot] != 0;
         slot = (slot + 1) & (slot_count_ - 1)) {
      Entry& e = entries_[slots_[slot] - 1];
      if (e.hash == hash && e.frames == h.frames && e.generation == h.generation &&
          e.flags == h.flags && e.label_set == h.label_set && e.thread == sample.thread &&
          std::equal(body, body + body_words, words_.data() + e.first_word)) {
        e.count += static_cast<uint32_t>(periods);
        return;
      }
    }
  }
  if (!Grow(body_words)) {
    overflow_ += periods;
    return;
  }
  size_t slot = hash & (slot_count_ - 1);
  while (slots_[slot] != 0) slot = (slot + 1) & (slot_count_ - 1);
  entries_[size_] = {hash,         words_used_, static_cast<uint32_t>(periods),
                     h.generation, h.label_set, sample.thread,
                     h.frames,     h.flags};
  std::copy_n(body, body_words, words_.data() + words_used_);  // may be none
  words_used_ += body_words;
  slots_[slot] = static_cast<uint32_t>(++size_);
}

void StackTable::Clear() {
  if (slots_.data() != nullptr) slots_.Clear(slot_count_);
  if (entries_.data() != nullptr) entries_.Clear(size_);
  if (words_.data() != nullptr) words_.Clear(words_used_);
  size_ = words_used_ = 0;
  overflow_ = total_ = 0;
}

}  // namespace podo::aggregate
