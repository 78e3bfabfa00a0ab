// SPDX-License-Identifier: Apache-2.0
#include "export/tls_verify.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "export/send_outcome.h"

namespace podo::exporting {
namespace {

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, BioDeleter>;

std::string TextOf(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return PrintableWords(std::string_view(text, size > 0 ? static_cast<size_t>(size) : 0));
}

std::string NameText(const X509_NAME* name) {
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  const std::string text = TextOf(bio.get());
  return text.empty() ? "(no name)" : text;
}

std::string TimeText(const ASN1_TIME* time) {
  const Bio bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  return TextOf(bio.get());
}

// "a.example, 10.0.0.1": whom the certificate is for.
std::string AlternativeNames(X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::string text;
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && i < 4; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    const ASN1_STRING* string = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    const auto* bytes = ASN1_STRING_get0_data(string);
    const int size = ASN1_STRING_length(string);
    std::string one(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    if (name->type == GEN_IPADD) {
      char address[INET6_ADDRSTRLEN] = "?";
      if (size == 4 || size == 16) {
        inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, address, sizeof address);
      }
      one = address;
    }
    absl::StrAppend(&text, text.empty() ? "" : ", ", one);
  }
  GENERAL_NAMES_free(names);
  return PrintableWords(text.empty() ? "no name at all" : text);
}

std::string Describe(X509_STORE_CTX* store, const std::string& host) {
  const int error = X509_STORE_CTX_get_error(store);
  X509* certificate = X509_STORE_CTX_get_current_cert(store);
  if (certificate == nullptr) return X509_verify_cert_error_string(error);
  std::string text = absl::StrCat("certificate ", NameText(X509_get_subject_name(certificate)),
                                  " (issued by ", NameText(X509_get_issuer_name(certificate)),
                                  "): ", X509_verify_cert_error_string(error));
  if (error == X509_V_ERR_CERT_HAS_EXPIRED) {
    absl::StrAppend(&text, ", at ", TimeText(X509_get0_notAfter(certificate)));
  } else if (error == X509_V_ERR_CERT_NOT_YET_VALID) {
    absl::StrAppend(&text, " until ", TimeText(X509_get0_notBefore(certificate)));
  } else if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    absl::StrAppend(&text, ": it is for ", AlternativeNames(certificate), ", not for ", host);
  }
  return text;
}

// What the callback needs, hung onto the SSL object.
struct Expectation {
  std::string host;
  std::string* problem;
};

void FreeExpectation(void*, void* expectation, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Expectation*>(expectation);
}

int ExpectationIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, FreeExpectation);
  return index;
}

int OnVerify(int verified, X509_STORE_CTX* store) {
  if (verified == 1) return 1;
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* expectation =
      static_cast<const Expectation*>(SSL_get_ex_data(ssl, ExpectationIndex()));
  *expectation->problem = Describe(store, expectation->host);
  return 0;
}

}  // namespace

std::string ExpectHost(ssl_st* ssl, const std::string& host, std::string* problem) {
  auto expectation = std::make_unique<Expectation>(Expectation{host, problem});
  if (SSL_set_ex_data(ssl, ExpectationIndex(), expectation.get()) != 1) return "out of memory";
  static_cast<void>(expectation.release());  // freed with `ssl`
  SSL_set_verify(ssl, SSL_VERIFY_PEER, OnVerify);
  unsigned char bytes[sizeof(in6_addr)];
  const bool is_address =
      inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
  if (is_address) {
    const bool set = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    return set ? "" : "an address that cannot be verified";
  }
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool set =
      SSL_set_tlsext_host_name(ssl, host.c_str()) == 1 && SSL_set1_host(ssl, host.c_str()) == 1;
  return set ? "" : "a name that cannot be verified";
}

}  // namespace podo::exporting
