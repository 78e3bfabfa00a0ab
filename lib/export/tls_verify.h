// SPDX-License-Identifier: Apache-2.0
// Whom a TLS connection must turn out to lead to, and which certificate stood in the way.
#ifndef PODO_LIB_EXPORT_TLS_VERIFY_H_
#define PODO_LIB_EXPORT_TLS_VERIFY_H_

#include <string>

struct ssl_st;  // OpenSSL's SSL

namespace podo::exporting {

// Before the handshake: the certificate must be for `host`, a name (sent along, SNI) or an address.
// If verification fails, one line on which certificate and why is written to `*problem`, which must
// outlive the handshake. Returns an error, "" if all is well.
std::string ExpectHost(ssl_st* ssl, const std::string& host, std::string* problem);

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_TLS_VERIFY_H_
