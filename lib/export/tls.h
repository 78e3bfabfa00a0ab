// SPDX-License-Identifier: Apache-2.0
// TLS for the HTTP client: what is trusted, what is shown, and words for what goes wrong.
//
// Certificates are always verified, against the system's authorities or the given file, and so is
// the host's name or address; nothing below TLS 1.2 is spoken. Built without OpenSSL (meson option
// tls), TlsContext::Make says so.
#ifndef PODO_LIB_EXPORT_TLS_H_
#define PODO_LIB_EXPORT_TLS_H_

#include <memory>
#include <string>

#include "base/status.h"

namespace boost::asio::ssl {
class context;
}

namespace podo::exporting {

// Paths of PEM files; empty: none.
struct TlsFiles {
  std::string ca;                  // trusted instead of the system's authorities
  std::string client_certificate;  // with its chain
  std::string client_key;
  bool operator==(const TlsFiles&) const = default;
};

// Initialises OpenSSL, which reads its configuration and may load what that names: on a thread that
// may use the loader. Without an exit handler of OpenSSL's if nobody in the process has done it
// yet: one would tear it down under the last upload. Null, or what is wrong, as text that stays.
const char* PrepareTls();

class TlsContext {
 public:
  // Reads the files, after PrepareTls(). The error is one line that names the file and what is
  // wrong with it.
  static base::StatusOr<std::shared_ptr<TlsContext>> Make(const TlsFiles& files);
  ~TlsContext();

  boost::asio::ssl::context& ssl() { return *ssl_; }
  // False once one of the files was replaced: certificates are renewed while services run.
  bool IsCurrent() const;

 private:
  TlsContext() = default;

  TlsFiles files_;
  std::string versions_;  // of the files when they were read
  std::unique_ptr<boost::asio::ssl::context> ssl_;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_TLS_H_
