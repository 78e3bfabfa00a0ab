// SPDX-License-Identifier: Apache-2.0
// What went wrong, or nothing: the names and meanings of absl::Status, without the twenty libraries
// that it brings into every service (docs/dependencies.md).
#ifndef PODO_LIB_BASE_STATUS_H_
#define PODO_LIB_BASE_STATUS_H_

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace podo::base {

enum class StatusCode {
  kOk,
  kUnknown,
  kInvalidArgument,
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kResourceExhausted,
  kFailedPrecondition,
  kAborted,
  kUnimplemented,
  kInternal,
  kUnavailable,
  kDataLoss,
};

// Copying neither allocates nor throws, so that an error can be handed on where memory has run out.
class [[nodiscard]] Status {
 public:
  Status() = default;
  // `code` is not kOk.
  Status(StatusCode code, std::string message)
      : error_(std::make_shared<const Error>(Error{code, std::move(message)})) {}

  bool ok() const { return error_ == nullptr; }
  StatusCode code() const { return ok() ? StatusCode::kOk : error_->code; }
  // Empty if ok(); lives as long as any copy of this status.
  const std::string& message() const {
    static const std::string none;
    return ok() ? none : error_->message;
  }

  friend bool operator==(const Status& a, const Status& b) {
    return a.code() == b.code() && a.message() == b.message();
  }

 private:
  struct Error {
    StatusCode code;
    std::string message;
  };
  std::shared_ptr<const Error> error_;
};

inline Status OkStatus() { return {}; }

// XError(message) makes a status of code kX, IsX(status) asks for it.
#define PODO_STATUS_KIND(Kind)                              \
  inline Status Kind##Error(std::string message) {          \
    return Status(StatusCode::k##Kind, std::move(message)); \
  }                                                         \
  inline bool Is##Kind(const Status& status) { return status.code() == StatusCode::k##Kind; }
PODO_STATUS_KIND(Unknown)
PODO_STATUS_KIND(InvalidArgument)
PODO_STATUS_KIND(NotFound)
PODO_STATUS_KIND(AlreadyExists)
PODO_STATUS_KIND(PermissionDenied)
PODO_STATUS_KIND(ResourceExhausted)
PODO_STATUS_KIND(FailedPrecondition)
PODO_STATUS_KIND(Aborted)
PODO_STATUS_KIND(Unimplemented)
PODO_STATUS_KIND(Internal)
PODO_STATUS_KIND(Unavailable)
PODO_STATUS_KIND(DataLoss)
#undef PODO_STATUS_KIND

// A value, or why there is none. Asking an error for its value throws std::bad_optional_access.
template <typename T>
class [[nodiscard]] StatusOr {
 public:
  StatusOr(Status error)
      : error_(error.ok() ? InternalError("no value, and no error either") : std::move(error)) {}
  template <typename U = T>
  requires(std::is_convertible_v<U, T> && !std::is_same_v<std::remove_cvref_t<U>, StatusOr> &&
           !std::is_same_v<std::remove_cvref_t<U>, Status>) StatusOr(U&& value)
      : value_(std::forward<U>(value)) {}

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return error_; }

  T& value() & { return value_.value(); }
  const T& value() const& { return value_.value(); }
  T&& value() && { return std::move(value_).value(); }
  T& operator*() & { return value_.value(); }
  const T& operator*() const& { return value_.value(); }
  T&& operator*() && { return std::move(value_).value(); }
  T* operator->() { return &value_.value(); }
  const T* operator->() const { return &value_.value(); }

  template <typename U>
  T value_or(U&& instead) const& {
    return value_.value_or(std::forward<U>(instead));
  }
  template <typename U>
  T value_or(U&& instead) && {
    return std::move(value_).value_or(std::forward<U>(instead));
  }

 private:
  Status error_;
  std::optional<T> value_;
};

}  // namespace podo::base

#endif  // PODO_LIB_BASE_STATUS_H_
