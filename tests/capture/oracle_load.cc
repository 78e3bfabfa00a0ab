// SPDX-License-Identifier: Apache-2.0
#include "oracle_load.h"

#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#ifdef ORACLE_ZSTD
#include <zstd.h>
#endif
#ifdef ORACLE_SSL
#include <openssl/evp.h>
#endif

namespace {

volatile unsigned g_sink;

void Map() {
  std::map<int, std::string> map;
  for (int i = 0; i < 24; ++i) map[(i * 7919) % 101] = "value " + std::to_string(i);
  for (int i = 0; i < 24; i += 2) map.erase((i * 7919) % 101);
  g_sink = static_cast<unsigned>(map.size());
}

void String() {
  std::string text = "The quick brown fox";
  for (int i = 0; i < 6; ++i) text += text.substr(static_cast<size_t>(i), 9);
  g_sink = static_cast<unsigned>(text.find("zebra") + text.rfind("fox") + text.compare("The"));
}

[[gnu::noinline]] void Throw(int depth) {
  const std::string local(40, 'x');  // a cleanup on the way
  if (depth == 0) throw std::runtime_error(local);
  Throw(depth - 1);
  g_sink = static_cast<unsigned>(local.size());
}

void Exception() {
  try {
    Throw(3);
  } catch (const std::runtime_error& error) {
    g_sink = static_cast<unsigned>(std::strlen(error.what()));
  }
}

int Compare(const void* a, const void* b) {
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

void Sort() {
  int values[64];
  for (int i = 0; i < 64; ++i) values[i] = (i * 7919) % 257;
  std::qsort(values, 64, sizeof values[0], Compare);
  g_sink = static_cast<unsigned>(values[0]);
}

// Each of these is bound at its first call where binding is lazy.
void Bind() {
  static char text[] = "12,34;56 abc", copy[64];
  g_sink = static_cast<unsigned>(std::strtoul(text, nullptr, 10));
  g_sink = static_cast<unsigned>(std::strspn(text, "0123456789"));
  g_sink = static_cast<unsigned>(std::strcspn(text, ";"));
  g_sink = std::strpbrk(text, ";") != nullptr;
  std::strncpy(copy, text, sizeof copy - 1);
  std::strcat(copy, "tail");
  g_sink = static_cast<unsigned>(std::strcoll(copy, text));
  g_sink = std::getenv("PODO_NO_SUCH_VARIABLE") != nullptr;
  g_sink = std::memchr(text, ';', 8) != nullptr;
  g_sink = static_cast<unsigned>(std::atof("3.25"));
  double value = 0;
  g_sink = static_cast<unsigned>(std::sscanf(copy, "%lf", &value));
  g_sink = std::strtok(copy, ",") != nullptr;
  g_sink = static_cast<unsigned>(std::div(17, 5).quot);
}

void Clock() {
  timespec now;
  for (int i = 0; i < 20; ++i) clock_gettime(CLOCK_MONOTONIC, &now);
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  g_sink = static_cast<unsigned>(now.tv_nsec) + static_cast<unsigned>(time(nullptr));
}

void Memory() {
  static char from[5000], to[5000];
  for (size_t size : {1, 7, 16, 33, 64, 129, 300, 1000, 4096}) {
    // Not inlined: the size is not a constant.
    std::memcpy(to + (g_sink & 1), from, size);
    std::memmove(to + 1, to, size);
    std::memset(to, static_cast<int>(size), size);
    g_sink = static_cast<unsigned>(std::memcmp(to, from, size)) & 1;
  }
}

void Format() {
  char line[200];
  std::snprintf(line, sizeof line, "%d %s %08x %#llx %-20s|%c", 42, "text", 31415u, 0x1234abcdULL,
                "left", 'c');
  g_sink = static_cast<unsigned char>(line[3]);
}

// glibc's multi-precision assembly, which has no unwind information at all
// (sysdeps/x86_64/mul_1.S).
void BareAssembly() {
  char line[200];
  std::snprintf(line, sizeof line, "%g %Lf", 1e100 / 3, 2.5L);
  g_sink = static_cast<unsigned char>(line[3]);
}

void Allocate() {
  void* blocks[12];
  for (size_t i = 0; i < 12; ++i) blocks[i] = std::malloc(24u << (i % 10));
  for (size_t i = 0; i < 12; i += 2) std::free(blocks[i]);
  for (size_t i = 1; i < 12; i += 2) std::free(std::realloc(blocks[i], 2000));
}

// --- for the census ---

void Regex() {
  static const std::regex pattern("(\\w+)@(\\w+)\\.(com|org)|([0-9]+)-([a-z]*)");
  const std::string text = "mail to someone@example.org or 12345-abc, else nobody@nowhere.com now";
  std::smatch match;
  std::string rest = text;
  while (std::regex_search(rest, match, pattern)) rest = match.suffix();
}

void Maps() {
  for (int i = 0; i < 20; ++i) Map();
}

void Exceptions() {
  for (int i = 0; i < 20; ++i) Exception();
}

void Prints() {
  for (int i = 0; i < 100; ++i) Format();
}

#ifdef ORACLE_ZSTD
void Zstd() {
  static std::vector<char> from(300'000), to(400'000);
  static unsigned seed = 1;
  for (char& c : from)
    c = static_cast<char>("etaoin shrdlu"[(seed = seed * 1103515245 + 12345) >> 28 & 7]);
  const size_t size = ZSTD_compress(to.data(), to.size(), from.data(), from.size(), 3);
  g_sink = static_cast<unsigned>(ZSTD_decompress(from.data(), from.size(), to.data(), size));
}
#endif

#ifdef ORACLE_SSL
void Crypto() {
  static unsigned char from[65536], to[65536 + 64], digest[64], key[32], iv[16];
  int size = 0;
  unsigned digest_size = 0;
  std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> cipher(EVP_CIPHER_CTX_new(),
                                                                    EVP_CIPHER_CTX_free);
  EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key, iv);
  EVP_EncryptUpdate(cipher.get(), to, &size, from, sizeof from);
  EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_cbc(), nullptr, key, iv);
  EVP_EncryptUpdate(cipher.get(), to, &size, from, sizeof from);
  EVP_EncryptInit_ex(cipher.get(), EVP_chacha20_poly1305(), nullptr, key, iv);
  EVP_EncryptUpdate(cipher.get(), to, &size, from, sizeof from);
  EVP_Digest(from, sizeof from, digest, &digest_size, EVP_sha256(), nullptr);
  EVP_Digest(from, sizeof from, digest, &digest_size, EVP_sha512(), nullptr);
  EVP_Digest(from, sizeof from, digest, &digest_size, EVP_sha3_256(), nullptr);
}
#endif

}  // namespace

const Load kStepLoads[] = {
    {"map", Map},         {"string", String},         {"throw", Exception}, {"qsort", Sort},
    {"bind", Bind},       {"clock_gettime", Clock},   {"memcpy", Memory},   {"snprintf", Format},
    {"malloc", Allocate}, {"throw again", Exception}, {nullptr, nullptr}};

const Load kBareLoads[] = {{"bare assembly", BareAssembly}, {nullptr, nullptr}};

const Load kCensusLoads[] = {{"regex", Regex},      {"map", Maps},
                             {"throw", Exceptions}, {"snprintf", Prints},
#ifdef ORACLE_ZSTD
                             {"zstd", Zstd},
#endif
#ifdef ORACLE_SSL
                             {"evp", Crypto},
#endif
                             {nullptr, nullptr}};
