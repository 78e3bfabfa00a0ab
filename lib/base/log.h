// SPDX-License-Identifier: Apache-2.0
// podo's log: one line on stderr per event, prefix "podo: ", never a secret.
#ifndef PODO_LIB_BASE_LOG_H_
#define PODO_LIB_BASE_LOG_H_

#include <sys/types.h>

#include <string_view>

namespace podo::base {

enum class LogLevel { kOff, kError, kWarning, kInfo };  // PODO_LOG

void SetLogLevel(LogLevel level);
LogLevel GetLogLevel();

// The file that was stderr when the process began, before the host could open others. Without this
// call: when this library was loaded. A process without stderr has none ever after.
void SetFirstStderr(bool open, dev_t device, ino_t inode);

// Writes "podo: MESSAGE\n" with one write(2); control characters are made spaces, the line is cut
// at 1 KiB. Thread-safe, keeps errno, allocates nothing; not for the signal handler. May be called
// on threads of the host: raises no signal (SIGPIPE, SIGXFSZ, SIGTTOU), does not wait for a reader,
// and does not write to a file that is not the host's stderr; the line is dropped instead.
void Log(LogLevel level, std::string_view message);

}  // namespace podo::base

#endif  // PODO_LIB_BASE_LOG_H_
