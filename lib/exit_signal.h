// SPDX-License-Identifier: Apache-2.0
// PODO_FLUSH_ON_SIGTERM: the open window is sent before SIGTERM ends the process.
#ifndef PODO_LIB_EXIT_SIGNAL_H_
#define PODO_LIB_EXIT_SIGNAL_H_

#include <functional>

namespace podo {

// Takes SIGTERM if its disposition is SIG_DFL and the process is not PID 1 (there SIG_DFL means
// "ignored"); otherwise says so and does nothing. At the signal a thread of podo runs `flush`, puts
// SIG_DFL back if the handler is still podo's, and raises it again, so that the parent sees a death
// by SIGTERM. A second SIGTERM ends the process at once. Call once a process.
void FlushOnSigterm(std::function<void()> flush);

// In the child of a fork, which may ask for the same anew.
void ForgetSigtermInForkChild();

// Ends that thread, when podo's threads are the last ones alive. Wait-free.
void StopWaitingForSigterm();

}  // namespace podo

#endif  // PODO_LIB_EXIT_SIGNAL_H_
