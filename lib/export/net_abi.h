/* SPDX-License-Identifier: Apache-2.0 */
/* The boundary between libpodo and its network module, libpodo_net.so: C, and nothing else.
 *
 * The module is loaded so that its symbols are its own (RTLD_DEEPBIND), hence the two sides may
 * have different allocators, C++ libraries and versions of Boost. So no C++ object, no exception
 * and no ownership of memory crosses: whoever passes bytes keeps them, for as long as is said here.
 * Both sides come from one build: the version must be equal, and so must the size of the table. */
#ifndef PODO_LIB_EXPORT_NET_ABI_H_
#define PODO_LIB_EXPORT_NET_ABI_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Any bytes; no NUL at the end. */
typedef struct podo_net_text {
  const char* data;
  size_t size;
} podo_net_text;

typedef struct podo_net_header {
  podo_net_text name;
  podo_net_text value;
} podo_net_header;

typedef struct podo_net_headers {
  const podo_net_header* first;
  size_t count;
} podo_net_headers;

/* HttpTarget of http_target.h. */
typedef struct podo_net_target {
  podo_net_text host;
  podo_net_text unix_path;
  podo_net_text path;
  podo_net_text user; /* a secret */
  uint16_t port;
  uint8_t tls;
} podo_net_target;

/* HttpClientOptions of http_client.h. All of it is copied by `open`. */
typedef struct podo_net_options {
  size_t size; /* of this struct */
  podo_net_target target;
  podo_net_text https_proxy, http_proxy, no_proxy;
  podo_net_text ca, client_certificate, client_key; /* paths */
  podo_net_headers headers;
  size_t max_response_bytes;
  /* Starts a thread that runs body(argument): one of podo's, with all signals blocked. Nobody waits
   * for it, and it may outlive the client. 0, or why not, as errno. Called within `post`. */
  int (*start_thread)(void* context, const char* name, void (*body)(void*), void* argument);
  void* start_thread_context; /* outlives the client */
} podo_net_options;

typedef struct podo_net_request {
  size_t size;
  podo_net_headers headers;
  podo_net_text path; /* empty: the target's */
  podo_net_text body; /* not copied */
  int64_t timeout_ns;
} podo_net_request;

/* HttpResult of send_outcome.h. The bytes belong to the client until its next call. */
typedef struct podo_net_result {
  size_t size; /* set by the caller */
  int status;  /* 0: no answer was read, `error` says why */
  uint8_t body_complete;
  podo_net_text body, retry_after, content_type, error;
  uint64_t connections; /* opened so far */
} podo_net_result;

typedef struct podo_net_client podo_net_client;

typedef struct podo_net_api {
  size_t size;
  const char* version; /* podo's */
  /* What may touch the loader or read OpenSSL's configuration, so that it happens on the thread
   * that calls Start(). For targets with TLS. 0, or what is wrong as a line that stays. */
  const char* (*prepare_tls)(void);
  /* Opens nothing yet. Null if memory ran out. */
  podo_net_client* (*open)(const podo_net_options* options);
  /* Blocks until there is an answer, an error, or the time is over. One thread at a time. */
  void (*post)(podo_net_client* client, const podo_net_request* request, podo_net_result* result);
  /* Ends the `post` under way, if any, with an error. From any thread, but not beside `close`. */
  void (*interrupt)(podo_net_client* client);
  void (*close)(podo_net_client* client);
  /* In the child of a fork: closes what the module has open and what is certain to be its own.
   * Async-signal-safe. No client may be used in that process afterwards. */
  void (*close_in_fork_child)(void);
} podo_net_api;

/* The one function that libpodo_net.so gives to others. Linked in (libpodo_net.a) it is used
 * directly. */
__attribute__((visibility("default"))) const podo_net_api* podo_net_module(void);

#ifdef __cplusplus
}
#endif

#endif /* PODO_LIB_EXPORT_NET_ABI_H_ */
