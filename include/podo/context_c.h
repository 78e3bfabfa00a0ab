/* SPDX-License-Identifier: Apache-2.0 */
/* Whose CPU it is: labels, spans and pauses of the calling thread, for C and other languages.
 *
 * A scope is storage of the caller's: enter it, and leave it on the same thread, the innermost
 * first. What is open when a sample is taken is what the sample carries. Everything works before
 * podo_start, after podo_stop and in fork children, where it costs the same and shows nowhere.
 * Nothing here fails visibly: without memory a scope labels nothing. */
#ifndef PODO_CONTEXT_C_H_
#define PODO_CONTEXT_C_H_

#include <stddef.h>
#include <stdint.h>

#include "podo/podo_c.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Longer keys and values are cut, labels beyond the count are left out; said once in the log. */
#define PODO_LABEL_KEY_BYTES 128
#define PODO_LABEL_VALUE_BYTES 256
#define PODO_LABEL_COUNT 32

/* A key and its value, UTF-8; need not end with NUL. Bytes that are not UTF-8 become U+FFFD. */
typedef struct podo_label {
  const char* key;
  size_t key_size;
  const char* value;
  size_t value_size;
} podo_label;

/* Labels prepared once, to be entered often. */
typedef struct podo_labels podo_labels;

/* A copy of what a thread carries: labels and span. NULL stands for nothing. */
typedef struct podo_context podo_context;

/* Labels and span of something that moves between threads: a fiber, a coroutine. */
typedef struct podo_carrier podo_carrier;

/* Storage of an open scope. Its contents are podo's; it must not move while it is open. */
typedef struct podo_scope {
  uint64_t words[10];
} podo_scope;

/* Prepares labels. NULL if there is no memory; every function takes NULL as no labels. Takes a
 * lock; costs about a microsecond. Thread-safe. */
PODO_API podo_labels* podo_labels_create(const podo_label* labels, size_t count);
/* Scopes that are open go on. Thread-safe. */
PODO_API void podo_labels_destroy(podo_labels* labels);

/* Adds labels to those of the calling thread; on equal keys the innermost wins. Prepared ones cost
 * a few stores, no lock and no allocation; async-signal-safe after the thread's first scope.
 * The other kind costs a hash look-up, and a lock and an allocation for labels not seen before. */
PODO_API void podo_labels_enter(podo_scope* scope, const podo_labels* labels);
PODO_API void podo_labels_enter_new(podo_scope* scope, const podo_label* labels, size_t count);

/* The calling thread works for this span: 16 bytes of trace id and 8 of span id, as tracers have
 * them. The name is optional and becomes the label span_name: few distinct ones, please. */
PODO_API void podo_span_enter(podo_scope* scope, const uint8_t* trace_id, const uint8_t* span_id,
                              const char* name, size_t name_size);

/* The calling thread is not sampled; its ticks are counted as paused. */
PODO_API void podo_pause_enter(podo_scope* scope);

/* Ends any scope. On another thread than the one it was entered on, or out of turn, it restores
 * nothing there, is counted (podo_stats.misplaced_scopes), and its labels count no more. */
PODO_API void podo_scope_leave(podo_scope* scope);

/* What the calling thread carries now; NULL if nothing, which costs nothing. Thread-safe. */
PODO_API podo_context* podo_context_capture(void);
PODO_API void podo_context_retain(podo_context* context);
PODO_API void podo_context_release(podo_context* context);
/* The calling thread carries what was captured, and nothing else, until the scope is left. */
PODO_API void podo_context_enter(podo_scope* scope, const podo_context* context);
/* The calling thread goes on where the capture was made, until podo_context_suspend: scopes that
 * were open then may be left here, and those open at the end are left where it goes on next. For
 * executors that resume coroutines. May be done on several threads at once; what each of them
 * leaves is its own affair. Suspend on the same thread; it brings back what the thread carried
 * before. */
PODO_API void podo_context_resume(podo_scope* scope, const podo_context* context);
PODO_API void podo_context_suspend(podo_scope* scope);

/* A carrier that begins with what the calling thread carries now. NULL without memory. */
PODO_API podo_carrier* podo_carrier_create(void);
/* Must not be mounted. Thread-safe. */
PODO_API void podo_carrier_destroy(podo_carrier* carrier);
/* The stack a fiber runs on, so that its samples hold all of it: `bytes` from `lowest` up. Stays
 * until it is changed; 0 bytes: unknown. Not while the carrier is mounted. */
PODO_API void podo_carrier_set_stack(podo_carrier* carrier, const void* lowest, size_t bytes);
/* The calling thread goes on as the carrier: scopes opened on one thread may now be left on
 * another. What the thread carried itself comes back with the unmount, on the same thread. A
 * carrier that is mounted on another thread already is not mounted twice: then the scope changes
 * nothing and 0 is returned. Cost: a few dozen nanoseconds, no lock. */
PODO_API int podo_carrier_mount(podo_scope* scope, podo_carrier* carrier);
PODO_API void podo_carrier_unmount(podo_scope* scope, podo_carrier* carrier);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* PODO_CONTEXT_C_H_ */
