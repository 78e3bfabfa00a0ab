// SPDX-License-Identifier: Apache-2.0
// A host with a TLS library and an allocator of its own, both exported: every call of one of these
// functions by podo's OpenSSL would be a crash in a real service.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#define HOST_FUNCTION(name)                                              \
  extern "C" __attribute__((visibility("default"))) void* name() {       \
    static const char kText[] = "the host's own " #name " was called\n"; \
    static_cast<void>(!write(STDERR_FILENO, kText, sizeof kText - 1));   \
    std::abort();                                                        \
  }

HOST_FUNCTION(OPENSSL_init_ssl)
HOST_FUNCTION(OPENSSL_init_crypto)
HOST_FUNCTION(SSL_CTX_new)
HOST_FUNCTION(SSL_CTX_free)
HOST_FUNCTION(SSL_CTX_set_verify)
HOST_FUNCTION(SSL_new)
HOST_FUNCTION(SSL_free)
HOST_FUNCTION(SSL_connect)
HOST_FUNCTION(SSL_read)
HOST_FUNCTION(SSL_write)
HOST_FUNCTION(TLS_client_method)
HOST_FUNCTION(BIO_new)
HOST_FUNCTION(BIO_read)
HOST_FUNCTION(BIO_write)
HOST_FUNCTION(ERR_clear_error)
HOST_FUNCTION(ERR_peek_error)
HOST_FUNCTION(CRYPTO_malloc)
HOST_FUNCTION(CRYPTO_free)
HOST_FUNCTION(EVP_DigestInit_ex)
HOST_FUNCTION(X509_free)
HOST_FUNCTION(X509_verify_cert)

// Memory with a mark in front of it: what comes from malloc, or goes to free, is found out.
namespace {
constexpr uint64_t kMark = 0x706f646f'6d61726b;
constexpr size_t kFront = 16;

void Refuse() {
  static const char kText[] = "memory that the host's operator new has not given\n";
  static_cast<void>(!write(STDERR_FILENO, kText, sizeof kText - 1));
  std::abort();
}
}  // namespace

__attribute__((visibility("default"))) void* operator new(size_t size) {
  auto* block = static_cast<char*>(std::malloc(size + kFront));
  if (block == nullptr) throw std::bad_alloc();
  std::memcpy(block, &kMark, sizeof kMark);
  return block + kFront;
}

__attribute__((visibility("default"))) void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  char* block = static_cast<char*>(memory) - kFront;
  if (std::memcmp(block, &kMark, sizeof kMark) != 0) Refuse();
  std::memset(block, 0, sizeof kMark);
  std::free(block);
}

__attribute__((visibility("default"))) void operator delete(void* memory, size_t) noexcept {
  operator delete(memory);
}
