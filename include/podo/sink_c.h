/* SPDX-License-Identifier: Apache-2.0 */
/* A transport of one's own: podo encodes, queues, retries and spools; the service sends. */
#ifndef PODO_SINK_C_H_
#define PODO_SINK_C_H_

#include <stddef.h>
#include <stdint.h>

#include "podo/podo_c.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One message to send. Valid during the call. The bytes and the id are the same in every attempt.
 */
typedef struct podo_payload {
  size_t size; /* of this struct */
  const void* bytes;
  size_t byte_count;
  const char* content_type;     /* "application/x-protobuf", "application/octet-stream" */
  const char* content_encoding; /* "gzip", "zstd", or "" */
  uint8_t id[16];               /* the profile's id: by it a receiver knows duplicates */
  int64_t start_ns;             /* begin of what it covers, Unix epoch */
  int64_t duration_ns;
  uint64_t timeout_ns; /* time for this attempt; at exit podo does not wait longer */
} podo_payload;

enum podo_send_outcome {
  PODO_SEND_DELIVERED = 0,
  PODO_SEND_LATER = 1,  /* may succeed later: queued, or spooled, and sent again */
  PODO_SEND_REFUSED = 2 /* cannot succeed: lost, counted, logged */
};

/* Zeroed before the call, but for the size: that is PODO_SEND_DELIVERED. */
typedef struct podo_send_result {
  size_t size;             /* of this struct, set by podo: fields beyond it do not exist */
  int32_t outcome;         /* enum podo_send_outcome; anything else counts as refused */
  uint64_t retry_after_ns; /* PODO_SEND_LATER: not before; 0: podo's own backoff */
  char message[192];       /* why not, one line for the log; equal causes have equal messages */
} podo_send_result;

typedef struct podo_sink {
  size_t size;        /* sizeof(podo_sink) */
  const char* name;   /* names it in the log and in the spool; not empty */
  const char* format; /* "otlp": ExportProfilesServiceRequest; "pprof": gzip-compressed pprof */
  void* user;         /* passed to the functions */
  /* Sends one payload and blocks until the answer is known. Called on a thread of podo that belongs
   * to this sink alone and blocks all signals; never two at a time. Must not throw. */
  void (*send)(void* user, const podo_payload* payload, podo_send_result* result);
  /* Called once, when the last call of send has returned. May be NULL. Neither function may call
   * podo_start, podo_stop or podo_flush; from send the last two are refused. */
  void (*release)(void* user);
} podo_sink;

/* Adds a sink to the next podo_start, beside those of PODO_EXPORT; together at most 8. It belongs
 * to that run: podo_stop releases it when its thread has ended, an exiting process does not.
 * PODO_INVALID_ARGUMENT says what is wrong; then nothing was taken over. Thread-safe; not
 * async-signal-safe. */
PODO_API podo_status podo_add_sink(const podo_sink* sink);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* PODO_SINK_C_H_ */
