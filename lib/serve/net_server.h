// SPDX-License-Identifier: Apache-2.0
// The functions of net_abi.h that serve. In libpodo_net.so.
#ifndef PODO_LIB_SERVE_NET_SERVER_H_
#define PODO_LIB_SERVE_NET_SERVER_H_

#include <cstddef>

#include "net/net_abi.h"

namespace podo::serve {

podo_net_server* Serve(const podo_net_serve_options* options);
void RunServer(podo_net_server* server);
void StopServer(podo_net_server* server);
void EndServer(podo_net_server* server);
void CountServer(podo_net_server* server, podo_net_serve_counts* counts);
void AnswerExchange(podo_net_exchange* exchange, const podo_net_http_response* response);
int IsWaiting(podo_net_exchange* exchange);
podo_net_pattern* CompilePattern(podo_net_text pattern, char* error, size_t error_size);
int Matches(const podo_net_pattern* pattern, podo_net_text text);
void ForgetPattern(podo_net_pattern* pattern);

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_NET_SERVER_H_
