/* SPDX-License-Identifier: Apache-2.0 */
/* The boundary between libpodo and its network module, libpodo_net.so: C, and nothing else.
 *
 * The module is loaded so that its symbols are its own (RTLD_DEEPBIND), hence the two sides may
 * have different allocators, C++ libraries and versions of Boost. So no C++ object, no exception
 * and no ownership of memory crosses: whoever passes bytes keeps them, for as long as is said here.
 * Both sides come from one build: the version must be equal, and so must the size of the table. */
#ifndef PODO_LIB_NET_NET_ABI_H_
#define PODO_LIB_NET_NET_ABI_H_

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

/* --- The HTTP server (serve/http_server.h) --- */

typedef struct podo_net_server podo_net_server;
/* One request that waits for its answer; valid until it is answered. */
typedef struct podo_net_exchange podo_net_exchange;

/* Valid during `handle` only. */
typedef struct podo_net_http_request {
  size_t size;
  podo_net_text method, target, accept, accept_encoding, body;
} podo_net_http_request;

typedef struct podo_net_http_response {
  size_t size;
  int status;
  podo_net_headers headers; /* beside those that the server sets */
  podo_net_text body;       /* copied */
} podo_net_http_response;

typedef struct podo_net_serve_options {
  size_t size;           /* of this struct */
  int listening;         /* a socket that listens; the server's from now on, also on an error */
  podo_net_text address; /* as PODO_LISTEN has it */
  podo_net_text token;   /* a secret; empty: none is demanded */
  /* Called by `run` for each request that may be answered; returns at once. */
  void (*handle)(void* context, podo_net_exchange* exchange, const podo_net_http_request* request);
  void* context; /* outlives the server */
} podo_net_serve_options;

typedef struct podo_net_serve_counts {
  size_t size; /* set by the caller */
  uint64_t requests, refused, connections;
} podo_net_serve_counts;

typedef struct podo_net_pattern podo_net_pattern;

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
  /* Null if memory or descriptors ran out. */
  podo_net_server* (*serve)(const podo_net_serve_options* options);
  /* The body of the server's thread: returns after `stop`, or when the host has closed the
   * listening socket. */
  void (*run)(podo_net_server* server);
  void (*stop)(podo_net_server* server); /* any thread; not beside `end` */
  void (*end)(podo_net_server* server);  /* after `run` has returned */
  void (*count)(podo_net_server* server, podo_net_serve_counts* counts); /* wait-free */
  /* Any thread, once for each exchange, also after `end`; frees it. Without a response the client's
   * connection is closed. */
  void (*answer)(podo_net_exchange* exchange, const podo_net_http_response* response);
  /* 0: the client is gone. Any thread, before `answer`. */
  int (*is_waiting)(podo_net_exchange* exchange);
  /* A regular expression (RE2) that must match a whole text. Null and a line of at most error_size
   * bytes, NUL included, if it is none. The rest is thread-safe. */
  podo_net_pattern* (*compile)(podo_net_text pattern, char* error, size_t error_size);
  int (*matches)(const podo_net_pattern* pattern, podo_net_text text);
  void (*forget)(podo_net_pattern* pattern);
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

#endif /* PODO_LIB_NET_NET_ABI_H_ */
