// SPDX-License-Identifier: Apache-2.0
// Whose CPU it is: labels, spans and pauses of the calling thread, and how they travel.
//
//   podo::ScopedLabels scope{{"endpoint", "/pay"}, {"tenant", tenant}};
//
// C++17, standard headers only; wrappers over context_c.h, whose comments hold for them too. Every
// function is noexcept and thread-safe; a scope belongs to the thread that opened it.
#ifndef PODO_CONTEXT_H_
#define PODO_CONTEXT_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <type_traits>
#include <utility>

#include "podo/context_c.h"

namespace podo {

// A key and a value. Points at the caller's text, which must live as long as the call.
struct Label : podo_label {
  Label(std::string_view key_text, std::string_view value_text) noexcept
      : podo_label{key_text.data(), key_text.size(), value_text.data(), value_text.size()} {}
};

// Labels prepared once, so that entering them is one pointer swap. Usually a static or a member
// that lives as long as what it names.
class Labels {
 public:
  Labels(std::initializer_list<Label> labels) noexcept : Labels(labels.begin(), labels.size()) {}
  Labels(const Label* labels, std::size_t count) noexcept
      : labels_(podo_labels_create(labels, count)) {}
  Labels(Labels&& other) noexcept : labels_(std::exchange(other.labels_, nullptr)) {}
  Labels& operator=(Labels&& other) noexcept {
    std::swap(labels_, other.labels_);
    return *this;
  }
  ~Labels() { podo_labels_destroy(labels_); }

  const podo_labels* c_labels() const noexcept { return labels_; }

 private:
  podo_labels* labels_;
};

// Base of all scopes: what was entered is left at the end of the block. Never moved, never copied:
// on a heap or in a container it would end out of turn.
class ScopeBase {
 public:
  ScopeBase(const ScopeBase&) = delete;
  ScopeBase& operator=(const ScopeBase&) = delete;

 protected:
  ScopeBase() noexcept {}  // the one below enters
  ~ScopeBase() { podo_scope_leave(&scope_); }
  podo_scope scope_;
};

// Adds labels to the calling thread's; of equal keys the innermost wins. Samples taken until the
// end of the scope carry them. Keys name a dimension of few values ("endpoint", "tenant"): beyond
// PODO_LABEL_SETS distinct sets (default 10000) new ones are counted as `__overflow__`.
class [[nodiscard]] ScopedLabels : ScopeBase {
 public:
  // A few nanoseconds, no lock, no allocation; async-signal-safe after the thread's first scope.
  [[nodiscard]] explicit ScopedLabels(const Labels& labels) noexcept {
    podo_labels_enter(&scope_, labels.c_labels());
  }
  // A hash look-up; a lock and an allocation for labels not seen before.
  [[nodiscard]] ScopedLabels(std::initializer_list<Label> labels) noexcept {
    podo_labels_enter_new(&scope_, labels.begin(), labels.size());
  }
  [[nodiscard]] ScopedLabels(const Label* labels, std::size_t count) noexcept {
    podo_labels_enter_new(&scope_, labels, count);
  }
};

// The calling thread works for this span; its samples carry the link. `trace_id` is 16 bytes,
// `span_id` 8 bytes. The name, if any, becomes the label span_name.
class [[nodiscard]] ScopedSpan : ScopeBase {
 public:
  [[nodiscard]] ScopedSpan(const std::uint8_t* trace_id, const std::uint8_t* span_id,
                           std::string_view name = {}) noexcept {
    podo_span_enter(&scope_, trace_id, span_id, name.data(), name.size());
  }
};

// The calling thread is not sampled: for code that a signal must not interrupt often, or whose time
// is not of interest. The ticks are counted and shown as [paused].
class [[nodiscard]] ScopedPause : ScopeBase {
 public:
  [[nodiscard]] ScopedPause() noexcept { podo_pause_enter(&scope_); }
};

// A copy of what a thread carries, to be resumed on another one. Copying shares it.
class Context {
 public:
  Context() noexcept : context_(nullptr) {}  // nothing
  // What the calling thread carries now.
  static Context Capture() noexcept { return Context(podo_context_capture()); }
  Context(const Context& other) noexcept : context_(other.context_) {
    podo_context_retain(context_);
  }
  Context(Context&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
  Context& operator=(Context other) noexcept {
    std::swap(context_, other.context_);
    return *this;
  }
  ~Context() { podo_context_release(context_); }

  explicit operator bool() const noexcept { return context_ != nullptr; }
  const podo_context* c_context() const noexcept { return context_; }

 private:
  explicit Context(podo_context* context) noexcept : context_(context) {}
  podo_context* context_;
};

// The calling thread carries what was captured, and nothing else, until the end of the scope:
//   pool.submit([context = podo::Context::Capture()] { podo::ScopedContext scope(context); ... });
class [[nodiscard]] ScopedContext : ScopeBase {
 public:
  [[nodiscard]] explicit ScopedContext(const Context& context) noexcept {
    podo_context_enter(&scope_, context.c_context());
  }
};

// The calling thread goes on where the capture was made, until the end of the block: scopes that
// were open then may be left in it, and scopes opened in it may be left after the next capture and
// resumption. What podo/asio.h puts around handlers; for executors of your own that resume
// coroutines.
class [[nodiscard]] ScopedResumption {
 public:
  [[nodiscard]] explicit ScopedResumption(const Context& context) noexcept {
    podo_context_resume(&scope_, context.c_context());
  }
  ~ScopedResumption() { podo_context_suspend(&scope_); }
  ScopedResumption(const ScopedResumption&) = delete;
  ScopedResumption& operator=(const ScopedResumption&) = delete;

 private:
  podo_scope scope_;
};

// `function`, to be called on another thread as what the calling thread carries now:
//   pool.submit(podo::WithContext([request] { Handle(request); }));
template <class Function>
auto WithContext(Function&& function) {
  return [context = Context::Capture(),
          call = std::decay_t<Function>(std::forward<Function>(function))](
             auto&&... arguments) mutable -> decltype(auto) {
    const ScopedContext scope(context);
    return call(std::forward<decltype(arguments)>(arguments)...);
  };
}

// Labels and span of something that moves between threads and opens scopes of its own: a fiber, a
// coroutine. Begins with what the creating thread carries.
class Carrier {
 public:
  Carrier() noexcept : carrier_(podo_carrier_create()) {}
  Carrier(Carrier&& other) noexcept : carrier_(std::exchange(other.carrier_, nullptr)) {}
  Carrier& operator=(Carrier&& other) noexcept {
    std::swap(carrier_, other.carrier_);
    return *this;
  }
  ~Carrier() { podo_carrier_destroy(carrier_); }

  // The fiber's stack, so that its samples hold all of it.
  void SetStack(const void* lowest, std::size_t bytes) noexcept {
    podo_carrier_set_stack(carrier_, lowest, bytes);
  }
  podo_carrier* c_carrier() const noexcept { return carrier_; }

 private:
  podo_carrier* carrier_;
};

// The calling thread goes on as the carrier until the end of this block. Put it around the call
// that switches to the fiber or resumes the coroutine.
class [[nodiscard]] ScopedCarrier {
 public:
  [[nodiscard]] explicit ScopedCarrier(Carrier& carrier) noexcept
      : carrier_(carrier.c_carrier()), mounted_(podo_carrier_mount(&scope_, carrier_) != 0) {}
  ~ScopedCarrier() {
    if (mounted_) podo_carrier_unmount(&scope_, carrier_);
  }
  ScopedCarrier(const ScopedCarrier&) = delete;
  ScopedCarrier& operator=(const ScopedCarrier&) = delete;

  // False: it is mounted on another thread, or there was no memory for it.
  bool mounted() const noexcept { return mounted_; }

 private:
  podo_scope scope_;
  podo_carrier* carrier_;
  bool mounted_;
};

}  // namespace podo

#endif  // PODO_CONTEXT_H_
