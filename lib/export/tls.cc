// SPDX-License-Identifier: Apache-2.0
#include "export/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/detail/openssl_init.hpp>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace podo::exporting {
namespace {

// Size, time and inode of each file: changes when a file is replaced or written.
std::string VersionsOf(const TlsFiles& files) {
  std::string versions;
  for (const std::string& path : {files.ca, files.client_certificate, files.client_key}) {
    struct stat status = {};
    if (!path.empty() && stat(path.c_str(), &status) != 0) status = {};
    absl::StrAppend(&versions, status.st_ino, ":", status.st_size, ":", status.st_mtim.tv_sec, ".",
                    status.st_mtim.tv_nsec, " ");
  }
  return versions;
}

// OpenSSL's own reason, and the queue emptied: a leftover would show up in the host's calls, were
// they on this thread.
std::string TakeReason() {
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason != nullptr ? reason : "unusable";
  if (ERR_SYSTEM_ERROR(code)) text = strerror(ERR_GET_REASON(code));
  ERR_clear_error();
  return text;
}

base::Status FileError(const char* what, const std::string& path) {
  return base::FailedPreconditionError(absl::StrCat(what, " ", path, ": ", TakeReason()));
}

base::Status LoadFiles(SSL_CTX* ssl, const TlsFiles& files) {
  ERR_clear_error();
  if (files.ca.empty()) {
    if (SSL_CTX_set_default_verify_paths(ssl) != 1) {
      return FileError("the system's certificate authorities", "");
    }
  } else if (SSL_CTX_load_verify_locations(ssl, files.ca.c_str(), nullptr) != 1) {
    return FileError("CA certificate file", files.ca);
  }
  if (files.client_certificate.empty() != files.client_key.empty()) {
    return base::FailedPreconditionError(files.client_key.empty()
                                             ? "a client certificate is given but no client key"
                                             : "a client key is given but no client certificate");
  }
  if (files.client_certificate.empty()) return base::OkStatus();
  if (SSL_CTX_use_certificate_chain_file(ssl, files.client_certificate.c_str()) != 1) {
    return FileError("client certificate file", files.client_certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(ssl, files.client_key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return FileError("client key file", files.client_key);
  }
  if (SSL_CTX_check_private_key(ssl) != 1) {
    ERR_clear_error();
    return base::FailedPreconditionError(absl::StrCat("the client key ", files.client_key,
                                                      " does not belong to the certificate ",
                                                      files.client_certificate));
  }
  return base::OkStatus();
}

// An encrypted key must not ask on the service's terminal.
int NoPassword(char*, int, int, void*) { return 0; }

}  // namespace

const char* PrepareTls() {
  // Asio counts its users of OpenSSL; one that never goes keeps the count from zero when static
  // destructors have run, for the last upload comes after them.
  [[maybe_unused]] static const auto* const for_good = new boost::asio::ssl::detail::openssl_init<>;
  const bool ready = OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr) == 1;
  return ready ? nullptr : "OpenSSL cannot be used (has exit cleaned it up?)";
}

base::StatusOr<std::shared_ptr<TlsContext>> TlsContext::Make(const TlsFiles& files) {
  if (const char* problem = PrepareTls()) return base::FailedPreconditionError(problem);
  SSL_CTX* ssl = SSL_CTX_new(TLS_client_method());
  if (ssl == nullptr) {
    return base::FailedPreconditionError(absl::StrCat("OpenSSL: ", TakeReason()));
  }
  const std::shared_ptr<TlsContext> context(new TlsContext);
  context->ssl_ = std::make_unique<boost::asio::ssl::context>(ssl);  // owns it from here on
  context->files_ = files;
  context->versions_ = VersionsOf(files);
  SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_default_passwd_cb(ssl, NoPassword);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);  // 34 KiB an idle connection
  const base::Status status = LoadFiles(ssl, files);
  if (!status.ok()) return status;
  return context;
}

TlsContext::~TlsContext() = default;

bool TlsContext::IsCurrent() const { return VersionsOf(files_) == versions_; }

}  // namespace podo::exporting
