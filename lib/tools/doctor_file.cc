// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/owned_fd.h"

namespace podo::doctor {

base::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const base::OwnedFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return base::NotFoundError(std::strerror(errno));
  std::string bytes;
  char piece[64 << 10];
  for (;;) {
    const ssize_t size = read(file.get(), piece, sizeof piece);
    if (size == 0) return bytes;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return base::UnavailableError(std::strerror(errno));
    bytes.append(piece, static_cast<size_t>(size));
    if (bytes.size() > max_bytes) {
      return base::ResourceExhaustedError(
          absl::StrCat("too large; accepted: at most ", max_bytes, " bytes"));
    }
  }
}

std::string ReadSmallFile(const std::string& path) {
  return ReadFile(path, size_t{1} << 20).value_or("");
}

}  // namespace podo::doctor
