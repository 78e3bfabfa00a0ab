// SPDX-License-Identifier: Apache-2.0
#include "history/store.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/atomic_file.h"
#include "base/log.h"

namespace podo::history {
namespace {

constexpr int kJournalLevel = 3;  // zstd's; a window at a time

FileId IdOf(const FileName& name) { return {name.run, name.seq}; }

std::vector<FileId> IdsOf(const std::vector<FileName>& names) {
  std::vector<FileId> ids;
  for (const FileName& name : names) ids.push_back(IdOf(name));
  return ids;
}

void SortUnique(std::vector<uint32_t>* ids) {
  std::sort(ids->begin(), ids->end());
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
}

}  // namespace

Store::Store(std::string directory, std::string_view service, uint64_t max_bytes)
    : directory_(std::move(directory)),
      service_(ServiceHash(service)),
      max_bytes_(max_bytes),
      pid_(getpid()) {}

Store::~Store() {
  if (getpid() != pid_) return;
  // Without a lock file the run has ended just as well.
  if (run_ != 0 && directory_.Open().ok() && directory_.IsAtItsName(lock_)) {
    directory_.Remove(lock_.name);
  }
  lock_.Unlock();
}

void Store::Report(const base::Status& status) {
  if (status.ok() || status.message() == reported_) return;
  reported_ = std::string(status.message());
  base::Log(base::LogLevel::kWarning,
            absl::StrCat("history: ", reported_, "; it is kept in memory only"));
}

// The directory is open and the lock of our run is held.
bool Store::IsReady() {
  if (getpid() != pid_) return false;
  base::Status status = directory_.Open();
  if (status.ok() && (run_ == 0 || !directory_.IsAtItsName(lock_))) status = BeginRun();
  Report(status);
  return status.ok();
}

// A number above all others.
base::Status Store::BeginRun() {
  lock_.Unlock();
  journal_.Unlock();
  const base::StatusOr<std::vector<Listed>> listed = List();
  if (!listed.ok()) return listed.status();
  uint32_t run = std::exchange(run_, 0) + 1;
  for (const Listed& file : *listed) run = std::max(run, file.name.run + 1);
  int error = EEXIST;
  constexpr int kTries = 100;  // each is another process that starts just now
  for (int i = 0; i < kTries && (error == EEXIST || error == EWOULDBLOCK); ++i, ++run) {
    error = directory_.Create(FormatFileName({service_, run, 0, FileKind::kLock}), &lock_);
    if (error != 0) continue;
    run_ = run;
    next_seq_ = 1;
    MoveToThisRun(*listed);
    return base::OkStatus();
  }
  return base::FileError("write to directory", directory_.path(), error);
}

// The lock of an earlier run of ours is lost, because the host closed its descriptor or the
// directory is another one: what nobody has taken over meanwhile is ours again.
void Store::MoveToThisRun(const std::vector<Listed>& listed) {
  if (!journal_.name.empty()) stale_.push_back(journal_name_);
  journal_ = {};
  std::set<uint32_t> runs;
  for (const auto& [chapter, file] : files_) runs.insert(file.name.run);
  for (const FileName& name : stale_) runs.insert(name.run);
  const auto move = [&](FileName* name) {
    const FileName now = NextName();
    if (directory_.Rename(FormatFileName(*name), FormatFileName(now)) != 0) return false;
    *name = now;
    return true;
  };
  for (const uint32_t run : runs) {
    base::FileClaim claim;
    const bool is_ours = run != run_ && ClaimRun(run, listed, &claim);
    const auto is_lost = [&](FileName* name) {
      return name->run == run && !(is_ours && move(name));
    };
    for (auto it = files_.begin(); it != files_.end();) {
      it = is_lost(&it->second.name) ? files_.erase(it) : std::next(it);
    }
    std::vector<FileName> stale;
    for (FileName& name : stale_) {
      if (!is_lost(&name)) stale.push_back(name);
    }
    stale_ = std::move(stale);
    if (is_ours) directory_.Remove(claim.name);
    claim.Unlock();
  }
}

base::StatusOr<std::vector<Store::Listed>> Store::List() {
  std::vector<Listed> listed;
  const base::Status status = directory_.List([&](std::string_view text) {
    const std::optional<FileName> name = ParseFileName(text);
    if (name && name->service == service_) listed.push_back({*name, 0});
  });
  if (!status.ok()) return status;
  std::erase_if(listed, [&](Listed& file) {
    struct stat now;
    if (!directory_.StatOwn(FormatFileName(file.name), &now)) return true;
    file.bytes = static_cast<uint64_t>(now.st_size);
    return false;
  });
  std::sort(listed.begin(), listed.end(),
            [](const Listed& a, const Listed& b) { return a.name < b.name; });
  return listed;
}

// The bound is that of all processes of the service. What nobody owns goes first, then our oldest.
base::Status Store::MakeRoom(uint64_t needed) {
  const base::StatusOr<std::vector<Listed>> listed = List();
  if (!listed.ok()) return listed.status();
  uint64_t total = needed;
  for (const Listed& file : *listed) total += file.bytes;
  for (const Listed& file : *listed) {
    if (total <= max_bytes_) return base::OkStatus();
    base::FileClaim claim;
    if (file.name.run == run_ || file.bytes == 0) continue;
    if (!ClaimRun(file.name.run, *listed, &claim)) continue;
    Remove(file.name);
    total -= std::min(total, file.bytes);
    directory_.Remove(claim.name);
    claim.Unlock();
  }
  while (total > max_bytes_ && !files_.empty()) {
    const auto oldest = std::min_element(
        files_.begin(), files_.end(),
        [](const auto& a, const auto& b) { return a.second.order < b.second.order; });
    Remove(oldest->second.name);
    total -= std::min(total, oldest->second.bytes);
    unwritten_.insert(oldest->first);
    files_.erase(oldest);
  }
  if (total <= max_bytes_) return base::OkStatus();
  return base::ResourceExhaustedError(absl::StrCat("no room in directory ", directory_.path(), ": ",
                                                   max_bytes_, " bytes are taken"));
}

base::Status Store::BeginJournal() {
  if (journal_.file.IsOurs() && directory_.IsAtItsName(journal_)) return base::OkStatus();
  if (!journal_.name.empty()) stale_.push_back(journal_name_);
  journal_.Unlock();
  journal_ = {};
  journal_name_ = NextName();
  const int error = directory_.Create(FormatFileName(journal_name_), &journal_);
  if (error != 0) return base::FileError("write to directory", directory_.path(), error);
  written_ = {};
  changed_ = {};
  journal_bytes_ = 0;
  return base::OkStatus();
}

base::Status Store::AppendToJournal(OpenChapter* open) {
  if (base::Status failed = BeginJournal(); !failed.ok()) return failed;
  const base::StatusOr<std::string> packed =
      PackRecord(open->interner.tables(), open->streams, written_, changed_, kJournalLevel);
  if (!packed.ok()) return packed.status();
  std::string bytes;
  if (journal_bytes_ == 0) {
    const uint64_t order = uint64_t{run_} << 32 | journal_name_.seq;
    bytes = EncodeFileHead({.level = 0, .order = order, .replaces = IdsOf(stale_)});
  }
  bytes += EncodeFileRecord(*packed);
  if (base::Status failed = MakeRoom(bytes.size()); !failed.ok()) return failed;
  const int error = base::WriteAll(journal_.file, bytes);
  if (error != 0) {
    // A record that is not whole would hide those after it.
    const auto size = static_cast<off_t>(journal_bytes_);
    if (journal_.file.IsOurs() && (ftruncate(journal_.file.get(), size) != 0 ||
                                   lseek(journal_.file.get(), size, SEEK_SET) != size)) {
      journal_.file.Close();
    }
    return base::FileError("write to directory", directory_.path(), error);
  }
  journal_bytes_ += bytes.size();
  written_ = AllOf(open->interner.tables(), open->streams);
  changed_ = {};
  return base::OkStatus();
}

void Store::Journal(OpenChapter* open) {
  const Interner::Changed changed = open->interner.TakeChanged();
  changed_.locations.insert(changed_.locations.end(), changed.locations.begin(),
                            changed.locations.end());
  changed_.mappings.insert(changed_.mappings.end(), changed.mappings.begin(),
                           changed.mappings.end());
  SortUnique(&changed_.locations);
  SortUnique(&changed_.mappings);
  if (!IsReady()) return;
  Report(AppendToJournal(open));
  CountBytes();
}

base::Status Store::WriteChapter(const KeptChapter& kept, uint64_t order,
                                 const std::vector<FileId>& replaces) {
  const std::string bytes =
      EncodeFileHead({.level = kept.level, .order = order, .replaces = replaces}) +
      EncodeFileRecord(kept.chapter->packed());
  if (base::Status failed = MakeRoom(bytes.size()); !failed.ok()) return failed;
  const FileName name = NextName();
  FileName temporary = name;
  temporary.kind = FileKind::kTemporary;
  base::FileClaim claim;
  int error = directory_.Create(FormatFileName(temporary), &claim);
  if (error == 0) error = base::WriteAll(claim.file, bytes);
  if (error == 0) error = directory_.Rename(FormatFileName(temporary), FormatFileName(name));
  if (error != 0) Remove(temporary);
  claim.Unlock();
  if (error != 0) return base::FileError("write to directory", directory_.path(), error);
  files_[kept.chapter] = {name, order, bytes.size()};
  return base::OkStatus();
}

void Store::RemoveStale(const std::set<const Chapter*>& kept) {
  for (const FileName& name : stale_) Remove(name);
  stale_.clear();
  for (auto it = files_.begin(); it != files_.end();) {
    if (kept.contains(it->first.get())) {
      ++it;
    } else {
      Remove(it->second.name);
      it = files_.erase(it);
    }
  }
}

void Store::Sync(const std::vector<KeptChapter>& chapters) {
  if (!IsReady()) return;
  if (!journal_.name.empty()) stale_.push_back(journal_name_);
  journal_.Unlock();
  journal_ = {};
  journal_bytes_ = 0;
  changed_ = {};
  std::set<const Chapter*> kept;
  for (const KeptChapter& c : chapters) kept.insert(c.chapter.get());
  std::erase_if(unwritten_, [&](const ChapterPtr& c) { return !kept.contains(c.get()); });
  std::vector<FileId> replaces = IdsOf(stale_);
  for (const auto& [chapter, file] : files_) {
    if (!kept.contains(chapter.get())) replaces.push_back(IdOf(file.name));
  }
  base::Status status;
  uint64_t last_order = 0;
  for (size_t i = 0; i < chapters.size() && status.ok(); ++i) {
    const KeptChapter& c = chapters[i];
    if (const auto known = files_.find(c.chapter); known != files_.end()) {
      last_order = known->second.order;
      continue;
    }
    if (unwritten_.contains(c.chapter)) continue;
    // The newest come after everything; others after the one that stands before them.
    const uint64_t newest = uint64_t{run_} << 32 | next_seq_;
    last_order = i + 1 == chapters.size() ? std::max(last_order + 1, newest) : last_order + 1;
    status = WriteChapter(c, last_order, replaces);
    replaces.clear();  // one file that says so is enough
  }
  Report(status);
  // What could not be replaced is better than nothing, after a restart.
  if (status.ok()) RemoveStale(kept);
  CountBytes();
}

void Store::CountBytes() {
  bytes_ = journal_bytes_;
  for (const auto& [chapter, file] : files_) bytes_ += file.bytes;
}

}  // namespace podo::history
