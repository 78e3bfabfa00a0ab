// SPDX-License-Identifier: Apache-2.0
// TLS where podo is built without OpenSSL: there is none, and it says so.
#include "base/status.h"
#include "export/tls.h"

namespace boost::asio::ssl {
class context {};
}  // namespace boost::asio::ssl

namespace podo::exporting {

const char* PrepareTls() { return "podo was built without TLS (meson option tls)"; }

base::StatusOr<std::shared_ptr<TlsContext>> TlsContext::Make(const TlsFiles&) {
  return base::UnimplementedError(PrepareTls());
}

TlsContext::~TlsContext() = default;

bool TlsContext::IsCurrent() const { return true; }

}  // namespace podo::exporting
