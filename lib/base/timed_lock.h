// SPDX-License-Identifier: Apache-2.0
// A lock that is given up after a while: for fork and exit, which must not wait for ever.
#ifndef PODO_LIB_BASE_TIMED_LOCK_H_
#define PODO_LIB_BASE_TIMED_LOCK_H_

#include <pthread.h>
#include <time.h>

#include <cstdint>
#include <mutex>

namespace podo::base {

// False if it was not to be had in `limit_ns` (less than a second).
inline bool LockWithin(pthread_mutex_t* mutex, int64_t limit_ns) {
  if (limit_ns == 0) return pthread_mutex_trylock(mutex) == 0;
  timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += static_cast<long>(limit_ns);
  if (until.tv_nsec >= 1'000'000'000) {
    until.tv_nsec -= 1'000'000'000;
    ++until.tv_sec;
  }
  return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until) == 0;
}

class TimedLock {
 public:
  TimedLock(std::mutex* mutex, int64_t limit_ns)
      : mutex_(mutex), owns_(LockWithin(mutex->native_handle(), limit_ns)) {}
  ~TimedLock() {
    if (owns_) mutex_->unlock();
  }
  TimedLock(const TimedLock&) = delete;
  TimedLock& operator=(const TimedLock&) = delete;
  bool owns_lock() const { return owns_; }

 private:
  std::mutex* const mutex_;
  const bool owns_;
};

}  // namespace podo::base

#endif  // PODO_LIB_BASE_TIMED_LOCK_H_
