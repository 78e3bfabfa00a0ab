/* SPDX-License-Identifier: Apache-2.0 */
/* libpodo.so as the stub sees it: the one the program links, else the one beside this library. */
#ifndef PODO_LIB_PRELOAD_ENGINE_H_
#define PODO_LIB_PRELOAD_ENGINE_H_

#include <stdbool.h>

/* Before main: notes the environment and greets an engine that the program itself links. */
void EnginePrepare(const char* const* environment);

/* Finds or loads the engine and starts it; what goes wrong is one line on stderr. Not for the
 * host's threads: it takes the loader's lock and some 10 ms. */
void EngineLoadAndStart(void);

/* Writes "podo: WHAT DETAIL" as PODO_LOG allows. */
void EngineLog(const char* what, const char* detail);

#endif /* PODO_LIB_PRELOAD_ENGINE_H_ */
