// SPDX-License-Identifier: Apache-2.0
// Writes the known profile for other programs' readers:
// podo_write_known_profile before|after FILE [raw]
#include <cstdio>
#include <string>
#include <string_view>

#include "encode/pprof_encoder.h"
#include "known_profile.h"

int main(int argc, char** argv) {
  const std::string_view which = argc >= 3 ? argv[1] : "";
  if (which != "before" && which != "after") {
    std::fprintf(stderr, "usage: %s before|after FILE [raw]\n", argv[0]);
    return 2;
  }
  const podo::model::Profile profile =
      which == "before" ? podo::encode::KnownProfile() : podo::encode::KnownProfileAfter();
  const std::string bytes =
      argc > 3 ? podo::encode::EncodePprof(profile) : podo::encode::EncodePprofGz(profile).value();
  std::FILE* file = std::fopen(argv[2], "wb");
  if (file == nullptr || std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size() ||
      std::fclose(file) != 0) {
    std::perror(argv[2]);
    return 1;
  }
  return 0;
}
