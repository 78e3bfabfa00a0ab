/* SPDX-License-Identifier: Apache-2.0 */
/* A tracer that comes by dlopen: its variable is in dynamic thread-local storage. */
__thread const void* otel_thread_ctx_v1;
__thread char room[100000]; /* too much for what the loader keeps free in static storage */
const void** TracerVariable(void);
const void** TracerVariable(void) {
  room[0] = 1;
  return &otel_thread_ctx_v1;
}
