// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_places.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/shared_directory.h"
#include "config_serve.h"

namespace podo::doctor {
namespace {

bool IsDirectory(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::string ProbeName() { return absl::StrCat(".podo-doctor-", getpid(), ".tmp"); }

// As a file sink writes.
base::Status TryPrivate(const Place& place) {
  if (!place.file.empty() && IsDirectory(place.file)) {
    return base::FailedPreconditionError(
        absl::StrCat("cannot write ", place.file, ": a directory is there"));
  }
  const std::string path = absl::StrCat(place.directory, "/", ProbeName());
  const base::Status written = base::WriteFileAtomically(path, "podo", base::IfExists::kReplace);
  if (written.ok()) unlink(path.c_str());
  return written;
}

// As spool and history do.
base::Status TryShared(const Place& place) {
  base::SharedDirectory directory(place.directory);
  if (base::Status opened = directory.Open(); !opened.ok()) return opened;
  base::FileClaim claim;
  if (const int error = directory.Create(ProbeName(), &claim); error != 0) {
    return base::FileError("write to", place.directory, error);
  }
  const int error = base::WriteAll(claim.file, "podo");
  directory.Remove(claim.name);
  claim.Unlock();
  return error == 0 ? base::OkStatus() : base::FileError("write to", place.directory, error);
}

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string AdviceFor(const PlaceFacts& facts) {
  const std::string& problem = facts.problem;
  if (Contains(problem, std::strerror(EACCES)) || Contains(problem, std::strerror(EPERM))) {
    return "Give the service's user write permission there, or name another directory.";
  }
  if (Contains(problem, std::strerror(EROFS))) {
    return "In a container mount a volume there (emptyDir), or name a directory that is writable.";
  }
  if (Contains(problem, std::strerror(ENOENT))) {
    return "Create it: podo makes the last directory of the path, not those above.";
  }
  if (Contains(problem, std::strerror(ENOSPC)) || Contains(problem, std::strerror(EDQUOT))) {
    return "Make room; until then windows are lost.";
  }
  if (Contains(problem, "a directory is there")) {
    return "End the URL with / to write windows into it, or name a file in it.";
  }
  if (facts.place.is_shared) {
    return "A directory of the service's own, mode 0700, no symbolic link, is wanted.";
  }
  return "Name another directory.";
}

}  // namespace

std::vector<Place> PlacesOf(const Config& config) {
  std::vector<Place> places;
  const exporting::ProcessIdentity process = {config.service_name.value, getpid(),
                                              base::WallClockNs()};
  for (const exporting::SinkSpec& sink : config.sinks.value) {
    if (sink.IsHttp()) continue;
    Place place;
    place.who = absl::StrCat("sink ", sink.url);
    const std::string path = sink.path.Expand(process);
    const bool is_file = sink.kind == exporting::SinkSpec::Kind::kFile;
    place.directory = is_file ? base::ParentOf(path) : path;
    while (place.directory.size() > 1 && place.directory.back() == '/') place.directory.pop_back();
    if (is_file) place.file = path;
    places.push_back(std::move(place));
  }
  if (!config.spool_dir.value.empty()) {
    places.push_back({absl::StrCat("PODO_SPOOL_DIR ", config.spool_dir.value),
                      config.spool_dir.value, "", true, config.spool_bytes.value});
  }
  if (!config.history_dir.value.empty()) {
    places.push_back({absl::StrCat("PODO_HISTORY_DIR ", config.history_dir.value),
                      config.history_dir.value, "", true, HistoryBytes(config)});
  }
  return places;
}

PlaceFacts ProbePlace(const Place& place) {
  PlaceFacts facts;
  facts.place = place;
  const bool was_there = IsDirectory(place.directory);
  const base::Status tried = place.is_shared ? TryShared(place) : TryPrivate(place);
  if (!tried.ok()) facts.problem = std::string(tried.message());
  struct statfs room = {};
  if (statfs(place.directory.c_str(), &room) == 0) {
    facts.free_bytes = static_cast<uint64_t>(room.f_bavail) * static_cast<uint64_t>(room.f_bsize);
    facts.is_temporary = static_cast<uint64_t>(room.f_type) == TMPFS_MAGIC;
  }
  if (!was_there) rmdir(place.directory.c_str());  // fails, as it should, if it is not empty
  return facts;
}

Finding JudgePlace(const PlaceFacts& facts) {
  constexpr uint64_t kLittle = uint64_t{64} << 20;
  const Place& place = facts.place;
  if (!facts.problem.empty()) {
    return {Mark::kProblem, absl::StrCat(place.who, ": ", facts.problem), AdviceFor(facts)};
  }
  const std::string text =
      absl::StrCat(place.who, ": can be written, ", BytesText(facts.free_bytes), " free",
                   facts.is_temporary ? " (in memory: tmpfs)" : "");
  if (facts.free_bytes < place.wanted_bytes) {
    return {Mark::kNote,
            absl::StrCat(text, ", of up to ", BytesText(place.wanted_bytes), " wanted"),
            "Make room, or lower the bound to what there is."};
  }
  if (facts.free_bytes < kLittle) {
    return {Mark::kNote, text, "Make room: windows that do not fit are lost."};
  }
  if (place.is_shared && facts.is_temporary) {
    return {Mark::kNote, text,
            "What lies in memory outlives the process and not the machine, and counts as memory of "
            "the container."};
  }
  return {Mark::kOk, text, ""};
}

}  // namespace podo::doctor
