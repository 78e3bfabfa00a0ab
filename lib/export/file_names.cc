// SPDX-License-Identifier: Apache-2.0
#include "export/file_names.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/format.h"
#include "base/parse_value.h"
#include "base/status.h"

namespace podo::exporting {
namespace {

// A file name has 255 bytes on Linux; pid, start, seq and extension need about 60 of them.
constexpr size_t kMaxPartBytes = 100;

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

std::string SanitizeForFileName(std::string_view text) {
  std::string plain(text.substr(0, kMaxPartBytes));
  for (char& c : plain) {
    if (!IsPlain(c)) c = '_';
  }
  if (plain.empty()) return "unknown";
  if (plain.front() == '.') plain.front() = '_';
  return plain;
}

// By hand: gmtime_r takes glibc's time zone lock, which a fork child would inherit locked.
std::string FormatStart(int64_t unix_ns) {
  using std::chrono::days, std::chrono::milliseconds;
  const std::chrono::sys_time<milliseconds> time{
      std::chrono::floor<milliseconds>(std::chrono::nanoseconds(unix_ns))};
  const auto midnight = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date{midnight};
  const std::chrono::hh_mm_ss<milliseconds> clock{time - midnight};
  return base::StrFormat("%04d%02u%02uT%02d%02d%02d.%03dZ", static_cast<int>(date.year()),
                         static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                         clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                         clock.subseconds().count());
}

std::string WindowFileName(const ProcessIdentity& process, uint64_t seq, int attempt) {
  return absl::StrCat(SanitizeForFileName(process.service), "-", process.pid, "-",
                      FormatStart(process.start_ns), "-", absl::Dec(seq, absl::kZeroPad6),
                      attempt > 1 ? absl::StrCat(".", attempt) : "", ".pb.gz");
}

std::string_view KnownExtension(std::string_view path) {
  for (const std::string_view extension : {".pb.gz", ".folded", ".html"}) {
    if (path.ends_with(extension)) return extension;
  }
  return {};
}

std::string InsertPid(const std::string& path, int64_t pid) {
  const size_t stem = path.size() - KnownExtension(path).size();
  return absl::StrCat(path.substr(0, stem), ".", pid, path.substr(stem));
}

base::Status PathTemplate::AddLiteral(std::string_view text) {
  if (text.find('}') != std::string_view::npos) {
    return base::InvalidArgumentError("a path in which a brace is written as %7B or %7D");
  }
  base::StatusOr<std::string> literal = base::PercentDecode(text);
  if (!literal.ok()) return literal.status();
  if (literal->find('\0') != std::string::npos) {
    return base::InvalidArgumentError("a path without a zero byte");
  }
  if (!literal->empty()) parts_.push_back({Kind::kLiteral, *std::move(literal)});
  return base::OkStatus();
}

base::Status PathTemplate::AddPlaceholder(std::string_view text) {
  constexpr std::pair<std::string_view, Kind> kPlaceholders[] = {
      {"{service}", Kind::kService}, {"{pid}", Kind::kPid}, {"{start}", Kind::kStart}};
  for (const auto& [known, kind] : kPlaceholders) {
    if (text != known) continue;
    parts_.push_back({kind, {}});
    return base::OkStatus();
  }
  return base::InvalidArgumentError(
      "a path with no other placeholders than {service}, {pid} and {start}");
}

base::StatusOr<PathTemplate> PathTemplate::Parse(std::string_view text) {
  PathTemplate path;
  while (!text.empty()) {
    const size_t open = std::min(text.find('{'), text.size());
    base::Status status = path.AddLiteral(text.substr(0, open));
    text.remove_prefix(open);
    if (status.ok() && !text.empty()) {
      const size_t end = std::min(text.find('}'), text.size() - 1) + 1;
      status = path.AddPlaceholder(text.substr(0, end));
      text.remove_prefix(end);
    }
    if (!status.ok()) return status;
  }
  return path;
}

std::string PathTemplate::Expand(const ProcessIdentity& process) const {
  std::string path;
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Kind::kLiteral:
        path += part.literal;
        break;
      case Kind::kService:
        path += SanitizeForFileName(process.service);
        break;
      case Kind::kPid:
        absl::StrAppend(&path, process.pid);
        break;
      case Kind::kStart:
        path += FormatStart(process.start_ns);
        break;
    }
  }
  return path;
}

bool PathTemplate::HasPid() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.kind == Kind::kPid; });
}

}  // namespace podo::exporting
