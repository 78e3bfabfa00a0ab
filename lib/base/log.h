// SPDX-License-Identifier: Apache-2.0
// podo's log: one line on stderr per event, prefix "podo: ", never a secret.
#ifndef PODO_LIB_BASE_LOG_H_
#define PODO_LIB_BASE_LOG_H_

#include <string_view>

namespace podo::base {

enum class LogLevel { kOff, kError, kWarning, kInfo };  // PODO_LOG

void SetLogLevel(LogLevel level);
LogLevel GetLogLevel();

// Writes "podo: MESSAGE\n" with one write(2); control characters are made spaces, the line is cut
// at 1 KiB. Thread-safe, keeps errno, allocates nothing; not for the signal handler. Never raises
// SIGPIPE's default death for the host: callers are podo's threads (all signals blocked) or
// Start().
void Log(LogLevel level, std::string_view message);

}  // namespace podo::base

#endif  // PODO_LIB_BASE_LOG_H_
