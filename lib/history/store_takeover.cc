// SPDX-License-Identifier: Apache-2.0
// What earlier runs left: read, and made ours.
#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "history/store.h"

namespace podo::history {
namespace {

constexpr size_t kMaxSetAside = 4;  // for a look, in all

// Nothing if it cannot be read.
std::optional<std::string> ReadAll(int file, uint64_t size) {
  if (size > kMaxFileBytes) return std::nullopt;
  std::string bytes(size, '\0');
  size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t got = pread(file, bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    at += static_cast<size_t>(got);
  }
  bytes.resize(at);
  return bytes;
}

}  // namespace

// True if nobody owns the run any more, and we do for as long as `claim` is held. A run that ended
// in an orderly way has left no lock file: whoever makes one owns it.
bool Store::ClaimRun(uint32_t run, const std::vector<Listed>& listed, base::FileClaim* claim) {
  if (run == run_) return false;
  const FileName lock = {service_, run, 0, FileKind::kLock};
  const bool has_lock = std::any_of(listed.begin(), listed.end(),
                                    [&](const Listed& file) { return file.name == lock; });
  const std::string name = FormatFileName(lock);
  if (!has_lock) return directory_.Create(name, claim) == 0;
  return directory_.Claim(name, claim) == base::FileClaimResult::kOurs;
}

bool Store::ReadChapter(const Listed& listed, Read* read, Found* found) {
  base::FileClaim claim;
  const std::string name = FormatFileName(listed.name);
  if (directory_.Claim(name, &claim) != base::FileClaimResult::kOurs) return false;
  const std::optional<std::string> bytes =
      ReadAll(claim.file.get(), static_cast<uint64_t>(claim.status.st_size));
  claim.Unlock();
  if (bytes && bytes->empty()) {  // its process died before the first record
    Remove(listed.name);
    return false;
  }
  base::StatusOr<ChapterFile> file = base::DataLossError("cannot be read");
  if (bytes) file = DecodeChapterFile(*bytes);
  if (base::IsUnimplemented(file.status())) return false;  // a later version's, and left to it
  const bool is_damaged = !file.ok() || file->is_damaged;
  if (is_damaged) {
    ++found->dropped;
    base::Log(base::LogLevel::kWarning,
              absl::StrCat("history: ", directory_.path(), "/", name, " is damaged",
                           file.ok() && file->chapter != nullptr ? "; kept is what comes before"
                                                                 : "; set aside"));
  }
  if (!file.ok() || (is_damaged && file->chapter == nullptr)) {
    FileName aside = listed.name;
    aside.kind = FileKind::kSetAside;
    directory_.Rename(name, FormatFileName(aside));
    return false;
  }
  read->file = {listed.name, file->head.order, listed.bytes};
  read->replaces = file->head.replaces;
  read->kept = {file->chapter, std::min(file->head.level, kLevels - 1)};
  return true;
}

// `claim` of the run is held meanwhile.
void Store::ReadRun(uint32_t run, const std::vector<Listed>& listed, std::vector<Read>* read,
                    Found* found) {
  for (const Listed& file : listed) {
    if (file.name.run != run) continue;
    if (file.name.kind == FileKind::kTemporary) Remove(file.name);
    Read chapter;
    if (file.name.kind == FileKind::kChapter && ReadChapter(file, &chapter, found)) {
      read->push_back(std::move(chapter));
    }
  }
}

// Under our run's name it is ours as long as we live.
void Store::Adopt(Read* read) {
  const FileName name = NextName();
  if (directory_.Rename(FormatFileName(read->file.name), FormatFileName(name)) != 0) return;
  read->file.name = name;
  files_[read->kept.chapter] = read->file;
}

Store::Found Store::TakeOver(uint64_t take_bytes) {
  Found found;
  if (!IsReady()) return found;
  const base::StatusOr<std::vector<Listed>> listed = List();
  if (!listed.ok()) return found;
  std::set<uint32_t> runs;
  for (const Listed& file : *listed) runs.insert(file.name.run);
  std::vector<Read> read;
  std::vector<base::FileClaim> claims;
  for (const uint32_t run : runs) {
    base::FileClaim claim;
    if (!ClaimRun(run, *listed, &claim)) continue;
    ReadRun(run, *listed, &read, &found);
    claims.push_back(std::move(claim));
  }
  std::set<FileId> replaced;
  for (const Read& r : read) replaced.insert(r.replaces.begin(), r.replaces.end());
  std::sort(read.begin(), read.end(), [](const Read& a, const Read& b) {
    return std::tie(a.file.order, a.file.name) > std::tie(b.file.order, b.file.name);
  });
  uint64_t taken = 0;
  for (Read& r : read) {  // newest first
    if (r.kept.chapter == nullptr || replaced.contains({r.file.name.run, r.file.name.seq})) {
      Remove(r.file.name);
    } else if (taken + r.kept.chapter->bytes() > take_bytes) {
      found.dropped += r.kept.chapter->summary().covered;
      Remove(r.file.name);
    } else {
      taken += r.kept.chapter->bytes();
      Adopt(&r);
      found.chapters.push_back(r.kept);
    }
  }
  std::reverse(found.chapters.begin(), found.chapters.end());
  for (base::FileClaim& claim : claims) {
    Remove(*ParseFileName(claim.name));
    claim.Unlock();
  }
  size_t set_aside = 0;
  for (auto it = listed->rbegin(); it != listed->rend(); ++it) {
    if (it->name.kind == FileKind::kSetAside && ++set_aside > kMaxSetAside) Remove(it->name);
  }
  CountBytes();
  return found;
}

}  // namespace podo::history
