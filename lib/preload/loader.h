/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that waits to load the engine, and how it steps aside. */
#ifndef PODO_LIB_PRELOAD_LOADER_H_
#define PODO_LIB_PRELOAD_LOADER_H_

#include <signal.h>
#include <stdbool.h>

/* The scope of a host call that a second thread would spoil. If the loader thread still sleeps it
 * ends before the call, and another one with the caller's credentials takes its place after it.
 * Does nothing once the engine is loaded, and in children. */
typedef struct AloneScope {
  sigset_t mask;
  int cancel_state;
  bool left;
} AloneScope;
AloneScope LoaderBeginAlone(void);
/* Keeps errno. */
void LoaderEndAlone(const AloneScope* scope);

#endif /* PODO_LIB_PRELOAD_LOADER_H_ */
