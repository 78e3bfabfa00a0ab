// SPDX-License-Identifier: Apache-2.0
// Names of the files that file sinks write. Pure functions.
#ifndef PODO_LIB_EXPORT_FILE_NAMES_H_
#define PODO_LIB_EXPORT_FILE_NAMES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace podo::exporting {

// What the placeholders {service} {pid} {start} stand for.
struct ProcessIdentity {
  std::string service;
  int64_t pid = 0;
  int64_t start_ns = 0;  // of the profiling, Unix epoch
};

// `text` as a part of a file name: letters, digits, '.', '_', '-'; all else becomes '_', as does a
// leading '.' (no hidden files, no ".."); at most 100 bytes; "unknown" if nothing is left.
std::string SanitizeForFileName(std::string_view text);

// UTC, sortable, to the millisecond: a program that execs another keeps its pid, and both may start
// within one second. "20261122T154456.123Z"
std::string FormatStart(int64_t unix_ns);

// "service-pid-start-seq.pb.gz", seq with six digits or more. `attempt` > 1 is put in if that name
// is taken: "…-000001.2.pb.gz".
std::string WindowFileName(const ProcessIdentity& process, uint64_t seq, int attempt);

// "/x/prof.html" -> "/x/prof.4711.html"; ".pb.gz" counts as one extension.
std::string InsertPid(const std::string& path, int64_t pid);

// The ending by which a file sink chooses its format: ".pb.gz", ".folded", ".html"; "" if none.
std::string_view KnownExtension(std::string_view path);

// A path with placeholders.
class PathTemplate {
 public:
  // `text` is the path of a URL: %XX is decoded, braces are placeholders unless written %7B, %7D.
  static base::StatusOr<PathTemplate> Parse(std::string_view text);

  std::string Expand(const ProcessIdentity& process) const;
  // True if processes that live at the same time never get the same path.
  bool HasPid() const;
  bool operator==(const PathTemplate&) const = default;

 private:
  enum class Kind { kLiteral, kService, kPid, kStart };
  struct Part {
    Kind kind;
    std::string literal;
    bool operator==(const Part&) const = default;
  };
  base::Status AddLiteral(std::string_view text);
  base::Status AddPlaceholder(std::string_view text);

  std::vector<Part> parts_;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_FILE_NAMES_H_
