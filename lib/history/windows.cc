// SPDX-License-Identifier: Apache-2.0
#include "history/windows.h"

#include <algorithm>

namespace podo::history {
namespace {

constexpr uint64_t kFolded = 1, kHasCpus = 2;

// Wraps around where a signed product would be undefined; reading wraps back.
int64_t Times(int64_t count, int64_t ns) {
  return static_cast<int64_t>(static_cast<uint64_t>(count) * static_cast<uint64_t>(ns));
}
int64_t Plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t Minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

int64_t MeanOf(absl::Span<const WindowSample> samples) {
  int64_t count = 0, cpu_ns = 0;
  for (const WindowSample& s : samples) {
    count = Plus(count, s.count);
    cpu_ns = Plus(cpu_ns, s.cpu_ns);
  }
  return count > 0 ? cpu_ns / count : 0;
}

}  // namespace

void Streams::Append(const WindowHead& head, absl::Span<const WindowSample> samples) {
  const bool has_cpus = std::any_of(samples.begin(), samples.end(), [&](const WindowSample& s) {
    return s.cpu_ns != Times(s.count, head.period_ns);
  });
  const int64_t mean_ns = has_cpus ? MeanOf(samples) : head.period_ns;
  PutVarint(&heads, (head.is_folded ? kFolded : 0) | (has_cpus ? kHasCpus : 0));
  PutSigned(&heads, Minus(head.begin_ns, last_end_ns));
  PutSigned(&heads, head.duration_ns);
  PutSigned(&heads, Minus(Minus(head.end_ns, head.begin_ns), head.duration_ns));
  PutSigned(&heads, head.period_ns);
  if (has_cpus) PutSigned(&heads, mean_ns);
  PutVarint(&heads, head.covered);
  PutVarint(&heads, samples.size());
  PutVarint(&heads, head.comments.size());
  for (const uint32_t comment : head.comments) PutVarint(&heads, comment);
  uint32_t last = 0;
  for (const WindowSample& s : samples) {
    PutVarint(&keys, s.key - last);
    last = s.key;
    PutSigned(&counts, s.count);
    if (has_cpus) PutSigned(&cpus, Minus(s.cpu_ns, Times(s.count, mean_ns)));
  }
  last_end_ns = head.end_ns;
  ++windows;
}

bool WindowReader::Next(WindowHead* head) {
  if (heads_.empty() || !ok()) return false;
  const uint64_t flags = heads_.Varint();
  head->is_folded = (flags & kFolded) != 0;
  has_cpus_ = (flags & kHasCpus) != 0;
  head->begin_ns = Plus(last_end_ns_, heads_.Signed());
  head->duration_ns = heads_.Signed();
  head->end_ns = Plus(Plus(head->begin_ns, head->duration_ns), heads_.Signed());
  head->period_ns = heads_.Signed();
  mean_ns_ = has_cpus_ ? heads_.Signed() : head->period_ns;
  head->covered = heads_.Varint();
  head->samples = heads_.Below(uint64_t{1} << 32);
  head->comments.resize(heads_.Count());
  for (uint32_t& comment : head->comments) comment = heads_.Below(uint64_t{1} << 32);
  last_end_ns_ = head->end_ns;
  return ok();
}

void WindowReader::Samples(const WindowHead& head, base::PageVector<WindowSample>* samples) {
  samples->clear();
  uint64_t key = 0;
  for (uint32_t i = 0; i < head.samples && ok(); ++i) {
    key += keys_.Below(key_limit_ - key);
    const int64_t count = counts_.Signed();
    const int64_t cpu_ns = Times(count, mean_ns_);
    samples->push_back(
        {static_cast<uint32_t>(key), count, has_cpus_ ? Plus(cpu_ns, cpus_.Signed()) : cpu_ns});
  }
  if (!ok()) samples->clear();
}

void WindowReader::Check(const WindowHead& head) {
  uint64_t key = 0;
  for (uint32_t i = 0; i < head.samples && keys_.ok(); ++i) key += keys_.Below(key_limit_ - key);
  counts_.SkipVarints(head.samples);
  if (has_cpus_) cpus_.SkipVarints(head.samples);
}

void WindowReader::Skip(const WindowHead& head) {
  keys_.SkipVarints(head.samples);
  counts_.SkipVarints(head.samples);
  if (has_cpus_) cpus_.SkipVarints(head.samples);
}

}  // namespace podo::history
