/* SPDX-License-Identifier: Apache-2.0 */
/* podo's variables as they were before main: later, getenv() on podo's thread would race setenv()
 * of the host, and a program that rewrites its command line may write over them. */
#ifndef PODO_LIB_PRELOAD_ENVIRONMENT_H_
#define PODO_LIB_PRELOAD_ENVIRONMENT_H_

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Copies every PODO_* and OTEL_* variable; NULL without memory. Never freed. */
const char* const* CopyEnvironment(void);

/* False if the environment says, beyond doubt, that podo is off. Doubtful values (garbage, or one
 * variable against the other) are left to the engine, which reports them. */
bool EnvironmentAllowsPodo(void);

/* True if it says PODO_FORK=child. */
bool EnvironmentFollowsForks(const char* const* environment);

/* The signal that PODO_SIGNAL names; SIGPROF without it, or if it names none. */
int EnvironmentSignal(const char* const* environment);

/* True if PODO_LOG lets errors out. */
bool EnvironmentAllowsLog(const char* const* environment);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* PODO_LIB_PRELOAD_ENVIRONMENT_H_ */
