// SPDX-License-Identifier: Apache-2.0
// The thread that answers HTTP requests: what a query costs is paid here, neither by the server's
// thread, which must see to all its clients, nor by those that profile.
#ifndef PODO_LIB_ANSWER_LOOP_H_
#define PODO_LIB_ANSWER_LOOP_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

#include "base/wakeup.h"

namespace podo {

class AnswerLoop {
 public:
  // Requests that wait; more are refused.
  static constexpr size_t kMaxWaiting = 64;

  // Runs `job` soon; false if too many wait, or the loop has ended. Any thread.
  bool Post(std::function<void()> job);
  // The job under way is finished, those that wait are dropped.
  void Stop();

  // Thread body, at the lowest priority.
  void Run();

 private:
  std::mutex mutex_;
  std::deque<std::function<void()>> jobs_;
  bool stopped_ = false;
  base::Wakeup wakeup_;
};

}  // namespace podo

#endif  // PODO_LIB_ANSWER_LOOP_H_
