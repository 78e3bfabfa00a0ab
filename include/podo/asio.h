// SPDX-License-Identifier: Apache-2.0
// Labels and spans that follow Boost.Asio's operations: what a thread carries when an operation
// starts, its handler carries on whichever thread runs it.
//
//   podo::CarryContext(handler)    one operation: the handler, and the intermediate handlers of
//                                  composed operations (Beast, SSL) that run before it
//   podo::CarryContext(executor)   all operations of what is made with this executor or io_context:
//                                  sockets, timers, post, coroutines of co_spawn
//
// Header only, C++17 (coroutines: C++20), for Boost >= 1.74. Thread-safe as far as what it wraps
// is. Cost: an operation started while labels or a span are in force allocates once, some 60 bytes;
// every hand-over adds a few dozen nanoseconds. See docs/labels.md.
#ifndef PODO_ASIO_H_
#define PODO_ASIO_H_

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/handler_continuation_hook.hpp>
#include <boost/asio/is_executor.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/version.hpp>
#include <memory>
#include <type_traits>
#include <utility>
#if BOOST_ASIO_VERSION >= 102000  // Boost 1.77
#include <boost/asio/associator.hpp>
#endif

#include "podo/context.h"

namespace podo {

template <class Inner>
class ContextExecutor;

namespace asio_internal {

namespace net = boost::asio;

// A function that runs as what was captured. A resumption, not a ScopedContext: the function may go
// on with a coroutine, which leaves scopes it opened before and suspends with scopes open.
template <class Function>
class Carried {
 public:
  template <class F>
  Carried(const Context& context, F&& function)
      : context_(context), function_(std::forward<F>(function)) {}
  void operator()() {
    const ScopedResumption scope(context_);
    std::move(function_)();
  }

 private:
  Context context_;
  Function function_;
};

// A strand's own loop, which runs handlers of many operations: it must carry none of them.
template <class Function>
struct IsStrandLoop : std::false_type {};
template <template <class, class> class Loop, class Inner, class V>
struct IsStrandLoop<Loop<const ContextExecutor<Inner>, V>> : std::true_type {};

template <class T>
inline constexpr bool kIsExecutor =
    net::is_executor<T>::value || net::execution::is_executor<T>::value;

using Tracked = std::decay_t<decltype(net::execution::outstanding_work.tracked)>;
template <class Property>  // polymorphic executors ask by the second name
inline constexpr bool kIsTracked = std::is_same_v<Property, Tracked> ||
                                   std::is_same_v<Property, net::execution::prefer_only<Tracked>>;

template <class Executor, class Function>
void Execute(const Executor& executor, Function&& function) {
#if BOOST_ASIO_VERSION < 102400  // Boost 1.80
  net::execution::execute(executor, std::forward<Function>(function));
#else
  executor.execute(std::forward<Function>(function));
#endif
}

}  // namespace asio_internal

// An executor whose functions run as what was carried when they were submitted, or, for an
// operation that completes later, when it was started. Asio tells the start: it asks for an
// executor that tracks outstanding work. Made by CarryContext(). Models Asio's executors, old and
// new style. Put it around a strand, not a strand around it: a strand runs many operations'
// handlers in one go.
template <class Inner>
class ContextExecutor {
 public:
  using inner_executor_type = Inner;

  // A template, because a polymorphic Inner would otherwise be made of a ContextExecutor.
  template <class Same, std::enable_if_t<std::is_same_v<Same, Inner>, int> = 0>
  explicit ContextExecutor(const Same& inner) noexcept : inner_(inner) {}
  // Everything submitted runs as `context`.
  ContextExecutor(const Inner& inner, Context context) noexcept
      : inner_(inner), context_(std::move(context)), captured_(true) {}
  ContextExecutor(const ContextExecutor&) noexcept = default;
  ContextExecutor(ContextExecutor&&) noexcept = default;
  ContextExecutor& operator=(const ContextExecutor&) noexcept = default;
  ContextExecutor& operator=(ContextExecutor&&) noexcept = default;

  const Inner& get_inner_executor() const noexcept { return inner_; }

  friend bool operator==(const ContextExecutor& a, const ContextExecutor& b) noexcept {
    return a.inner_ == b.inner_ && a.captured_ == b.captured_ &&
           a.context_.c_context() == b.context_.c_context();
  }
  friend bool operator!=(const ContextExecutor& a, const ContextExecutor& b) noexcept {
    return !(a == b);
  }

  template <class Property>
  std::enable_if_t<boost::asio::can_query<const Inner&, Property>::value,
                   typename boost::asio::query_result<const Inner&, Property>::type>
  query(const Property& property) const
      noexcept(boost::asio::is_nothrow_query<const Inner&, Property>::value) {
    return boost::asio::query(inner_, property);
  }
  template <class Property>
  std::enable_if_t<boost::asio::can_require<const Inner&, Property>::value,
                   ContextExecutor<std::decay_t<
                       typename boost::asio::require_result<const Inner&, Property>::type>>>
  require(const Property& property) const {
    return With<Property>(boost::asio::require(inner_, property));
  }
  template <class Property>
  std::enable_if_t<boost::asio::can_prefer<const Inner&, Property>::value,
                   ContextExecutor<std::decay_t<
                       typename boost::asio::prefer_result<const Inner&, Property>::type>>>
  prefer(const Property& property) const {
    return With<Property>(boost::asio::prefer(inner_, property));
  }

  template <class Function>
  std::enable_if_t<std::is_invocable_v<std::decay_t<Function>&>> execute(
      Function&& function) const {
    if constexpr (asio_internal::IsStrandLoop<std::decay_t<Function>>::value) {
      asio_internal::Execute(inner_, std::forward<Function>(function));
    } else {
      asio_internal::Execute(inner_, Carry(std::forward<Function>(function)));
    }
  }

#if !defined(BOOST_ASIO_NO_TS_EXECUTORS)
  boost::asio::execution_context& context() const noexcept {
    return boost::asio::query(inner_, boost::asio::execution::context);
  }
  void on_work_started() const noexcept { inner_.on_work_started(); }
  void on_work_finished() const noexcept { inner_.on_work_finished(); }
  template <class Function, class Allocator>
  void dispatch(Function&& function, const Allocator& allocator) const {
    inner_.dispatch(Carry(std::forward<Function>(function)), allocator);
  }
  template <class Function, class Allocator>
  void post(Function&& function, const Allocator& allocator) const {
    inner_.post(Carry(std::forward<Function>(function)), allocator);
  }
  template <class Function, class Allocator>
  void defer(Function&& function, const Allocator& allocator) const {
    inner_.defer(Carry(std::forward<Function>(function)), allocator);
  }
#endif

 private:
  template <class Property, class NewInner>
  ContextExecutor<std::decay_t<NewInner>> With(NewInner&& inner) const {
    using Result = ContextExecutor<std::decay_t<NewInner>>;
    if (captured_) return Result(std::forward<NewInner>(inner), context_);
    if (asio_internal::kIsTracked<Property>) {
      return Result(std::forward<NewInner>(inner), Context::Capture());
    }
    return Result(std::forward<NewInner>(inner));
  }

  template <class Function>
  asio_internal::Carried<std::decay_t<Function>> Carry(Function&& function) const {
    return {captured_ ? context_ : Context::Capture(), std::forward<Function>(function)};
  }

  Inner inner_;
  Context context_;
  bool captured_ = false;
};

// A handler, or a completion token for one, and what was carried when it was made. Its associated
// executor is the handler's own, carrying the same; so is everything else associated with it.
template <class Target>
class ContextBinder {
 public:
  using target_type = Target;

  template <class T>
  ContextBinder(Context context, T&& target)
      : context_(std::move(context)), target_(std::forward<T>(target)) {}

  Target& get() noexcept { return target_; }
  const Target& get() const noexcept { return target_; }
  const Context& carried() const noexcept { return context_; }

  template <class... Args>
  auto operator()(Args&&... args) -> decltype(std::declval<Target>()(std::forward<Args>(args)...)) {
    const ScopedResumption scope(context_);
    return std::move(target_)(std::forward<Args>(args)...);
  }
  template <class... Args>
  auto operator()(Args&&... args) const
      -> decltype(std::declval<const Target&>()(std::forward<Args>(args)...)) {
    const ScopedResumption scope(context_);
    return target_(std::forward<Args>(args)...);
  }

  friend bool asio_handler_is_continuation(ContextBinder* binder) {
    using boost::asio::asio_handler_is_continuation;
    return asio_handler_is_continuation(std::addressof(binder->target_));
  }

 private:
  Context context_;
  Target target_;
};

// Of an executor or an execution context (an io_context, a thread_pool): an executor that carries
// what each operation started with. Of anything else: that handler or completion token, carrying
// what the calling thread carries now.
template <class T>
auto CarryContext(T&& target) {
  using Target = std::decay_t<T>;
  if constexpr (asio_internal::kIsExecutor<Target>) {
    return ContextExecutor<Target>(std::forward<T>(target));
  } else if constexpr (std::is_convertible_v<T&&, boost::asio::execution_context&>) {
    return ContextExecutor<typename Target::executor_type>(target.get_executor());
  } else {
    return ContextBinder<Target>(Context::Capture(), std::forward<T>(target));
  }
}

namespace asio_internal {

// Starts an operation with the handler that the inner token made, and what is to be carried.
template <class Initiation>
struct CarryingInitiation : Initiation {
  explicit CarryingInitiation(Initiation initiation) : Initiation(std::move(initiation)) {}

  template <class Handler, class... Args>
  void operator()(Handler&& handler, Context context, Args&&... args) {
    using Bound = ContextBinder<std::decay_t<Handler>>;
    static_cast<Initiation&&> (*this)(Bound(std::move(context), std::forward<Handler>(handler)),
                                      std::forward<Args>(args)...);
  }
  template <class Handler, class... Args>
  void operator()(Handler&& handler, Context context, Args&&... args) const {
    using Bound = ContextBinder<std::decay_t<Handler>>;
    static_cast<const Initiation&> (*this)(
        Bound(std::move(context), std::forward<Handler>(handler)), std::forward<Args>(args)...);
  }
};

// Members that code of Asio's first years asks for, if the inner token has them.
template <class Result, class = void>
struct HandlerType {};
template <class Result>
struct HandlerType<Result, std::void_t<typename Result::completion_handler_type>> {
  using completion_handler_type = ContextBinder<typename Result::completion_handler_type>;
};
template <class Result, class = void>
struct ReturnType {};
template <class Result>
struct ReturnType<Result, std::void_t<typename Result::return_type>> {
  using return_type = typename Result::return_type;
};

}  // namespace asio_internal
}  // namespace podo

namespace boost {
namespace asio {

template <class T, class Signature>
class async_result<podo::ContextBinder<T>, Signature>
    : public podo::asio_internal::HandlerType<async_result<T, Signature>>,
      public podo::asio_internal::ReturnType<async_result<T, Signature>> {
 public:
  template <class Initiation, class Token, class... Args>
  static auto initiate(Initiation&& initiation, Token&& token, Args&&... args) {
    using Target = std::conditional_t<std::is_lvalue_reference_v<Token>, const T&, T&&>;
    T target(static_cast<Target>(token.get()));
    return async_initiate<T, Signature>(
        podo::asio_internal::CarryingInitiation<std::decay_t<Initiation>>(
            std::forward<Initiation>(initiation)),
        target, token.carried(), std::forward<Args>(args)...);
  }
};

template <class T, class Candidate>
struct associated_executor<podo::ContextBinder<T>, Candidate> {
  using type =
      podo::ContextExecutor<std::decay_t<typename associated_executor<T, Candidate>::type>>;
  static type get(const podo::ContextBinder<T>& binder,
                  const Candidate& candidate = Candidate()) noexcept {
    return type(associated_executor<T, Candidate>::get(binder.get(), candidate), binder.carried());
  }
};

#if BOOST_ASIO_VERSION >= 102000
template <template <class, class> class Associator, class T, class Candidate>
struct associator<Associator, podo::ContextBinder<T>, Candidate> : Associator<T, Candidate> {
  static auto get(const podo::ContextBinder<T>& binder) noexcept {
    return Associator<T, Candidate>::get(binder.get());
  }
  static auto get(const podo::ContextBinder<T>& binder, const Candidate& candidate) noexcept
      -> decltype(Associator<T, Candidate>::get(binder.get(), candidate)) {
    return Associator<T, Candidate>::get(binder.get(), candidate);
  }
};
#else
template <class T, class Candidate>
struct associated_allocator<podo::ContextBinder<T>, Candidate> {
  using type = typename associated_allocator<T, Candidate>::type;
  static type get(const podo::ContextBinder<T>& binder,
                  const Candidate& candidate = Candidate()) noexcept {
    return associated_allocator<T, Candidate>::get(binder.get(), candidate);
  }
};
#endif

}  // namespace asio
}  // namespace boost

#endif  // PODO_ASIO_H_
