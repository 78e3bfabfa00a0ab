// SPDX-License-Identifier: Apache-2.0
// How many POSIX timers podo may make without harm to the host.
//
// Each holds one of the signals that RLIMIT_SIGPENDING lets the user queue, all processes of the
// user together. With none left, the kernel refuses signals that others rely on: libc's setuid()
// reaches the other threads by one each and passes over those it does not reach, which go on as
// root; pthread_cancel(), sigqueue(), mq_notify() and the host's own timers fail.
#ifndef PODO_LIB_CAPTURE_TIMER_ROOM_H_
#define PODO_LIB_CAPTURE_TIMER_ROOM_H_

#include <cstdint>
#include <string_view>

namespace podo::capture {

// What /proc/self/status says: signals queued and allowed for the user, threads of the process.
struct SignalQueue {
  uint64_t used = 0;
  uint64_t limit = 0;
  uint64_t threads = 0;
};
// False if the text has not all three.
bool ParseSignalQueue(std::string_view status, SignalQueue* queue);

// So many timers may be made: left to the host are a quarter of what is allowed and one for each
// thread (setuid) and 16 more, but at least 64. Negative: so many are to be given back, since less
// than an eighth is left or less than one for each thread: threads, or signals of others, came
// later. In between nothing changes, lest timers come and go.
int64_t TimerRoom(const SignalQueue& queue);

// As of now, for a process that has made `own` timers. Where /proc cannot be read, a quarter of
// what is allowed, less those. Allocates nothing.
int64_t ReadTimerRoom(uint64_t own);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_TIMER_ROOM_H_
