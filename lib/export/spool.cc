// SPDX-License-Identifier: Apache-2.0
#include "export/spool.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/clock.h"

namespace podo::exporting {
namespace {

// However quiet the directory seems: some file systems keep its time in whole seconds.
constexpr int64_t kListingAgeNs = 60'000'000'000;
// Damaged files looked at in one call of Take, each of which may cost a read of 16 MiB.
constexpr int kMaxDamagedAtOnce = 16;

uint64_t PrefixOf(const SpoolKey& key) {
  uint64_t prefix = 0;
  for (size_t i = 0; i < sizeof prefix; ++i) prefix = prefix << 8 | key[i];
  return prefix;
}

uint32_t RandomInstance() {
  uint32_t instance = 0;
  if (getrandom(&instance, sizeof instance, GRND_NONBLOCK) != sizeof instance) {
    instance = static_cast<uint32_t>(base::WallClockNs() ^ (int64_t{getpid()} << 16));
  }
  return instance;
}

// At most `max_bytes`; shorter if the file is, or reading fails, with errno set.
std::string ReadUpTo(int fd, size_t max_bytes) {
  std::string bytes(max_bytes, '\0');
  size_t used = 0;
  errno = 0;
  while (used < max_bytes) {
    const ssize_t got = pread(fd, bytes.data() + used, max_bytes - used, static_cast<off_t>(used));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += static_cast<size_t>(got);
  }
  bytes.resize(used);
  return bytes;
}

// The directory's lock, for a scope.
class Locked {
 public:
  explicit Locked(base::SharedDirectory* directory)
      : directory_(directory), held_(directory->Lock()) {}
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() {
    if (held_) directory_->Unlock();
  }
  bool held() const { return held_; }

 private:
  base::SharedDirectory* const directory_;
  const bool held_;
};

}  // namespace

Spool::Spool(std::string directory, uint64_t max_bytes, const SpoolKey& key, int64_t lock_wait_ns)
    : directory_(std::move(directory), lock_wait_ns),
      max_bytes_(max_bytes),
      key_(key),
      key_prefix_(PrefixOf(key)),
      instance_(RandomInstance()) {}

uint64_t Spool::BytesOf(const SpoolName& name) const {
  struct stat status;
  if (!directory_.StatOwn(FormatSpoolName(name), &status)) return 0;
  // An empty one takes its place among the files, if none on the disk.
  return SpoolBytesOnDisk(std::max<uint64_t>(1, static_cast<uint64_t>(status.st_size)));
}

base::Status Spool::Refresh() {
  const int64_t now_ns = base::SteadyClockNs();
  const uint64_t listed_generation = std::exchange(generation_, directory_.generation());
  const bool is_another = listed_generation != generation_;
  if (is_another) listing_.Clear();
  if (!is_another && directory_.IsAsSeen() && now_ns - listed_ns_ < kListingAgeNs) {
    return base::OkStatus();
  }
  ++listings_;
  directory_.MarkSeen();
  listing_.Begin();
  const base::Status listed = directory_.List([this](std::string_view text) {
    const std::optional<SpoolName> name = ParseSpoolName(text);
    if (name) listing_.See(*name, [this](const SpoolName& n) { return BytesOf(n); });
  });
  listing_.Finish();
  if (!listed.ok()) generation_ = 0;  // so that the next call lists again
  listed_ns_ = now_ns;
  return listed;
}

// Removes a file that nobody is writing or sending. True if it is no longer to be counted;
// `was_ours` if it was removed here and held something of podo's.
bool Spool::RemoveUnclaimed(const SpoolName& name, bool* was_ours) {
  *was_ours = false;
  base::FileClaim claim;
  const base::FileClaimResult result = directory_.Claim(FormatSpoolName(name), &claim);
  if (result != base::FileClaimResult::kOurs) return result == base::FileClaimResult::kGone;
  const bool is_podos = IsSpoolFile(ReadUpTo(claim.file.get(), 8));
  bool is_gone = true;
  if (is_podos) {
    is_gone = directory_.Remove(claim.name) == 0;
    *was_ours = is_gone;
  } else {
    directory_.Rename(claim.name, claim.name + ".foreign");
  }
  claim.Unlock();
  return is_gone;
}

// Under the directory's lock nobody writes, so a temporary file that nobody holds has no writer.
void Spool::RemoveDeadTemporaries() {
  listing_.RemoveIf([this](const SpoolEntry& entry) {
    bool was_ours;
    return entry.name.kind == SpoolKind::kTemporary && RemoveUnclaimed(entry.name, &was_ours);
  });
}

void Spool::LimitSetAside(size_t at_most) {
  const auto& entries = listing_.entries();
  auto surplus = std::count_if(entries.begin(), entries.end(), [](const SpoolEntry& entry) {
    return entry.name.kind == SpoolKind::kSetAside;
  });
  surplus -= static_cast<ptrdiff_t>(at_most);
  if (surplus <= 0) return;
  listing_.RemoveIf([&](const SpoolEntry& entry) {
    bool was_ours;
    return entry.name.kind == SpoolKind::kSetAside && surplus-- > 0 &&
           RemoveUnclaimed(entry.name, &was_ours);
  });
}

bool Spool::MakeRoom(uint64_t needed) {
  const auto is_full = [&] { return listing_.total_bytes() + needed > max_bytes_; };
  if (is_full()) LimitSetAside(0);
  if (is_full()) {
    listing_.RemoveIf([&](const SpoolEntry& entry) {
      if (!is_full() || entry.name.kind != SpoolKind::kPayload) return false;
      bool was_ours;
      const bool is_gone = RemoveUnclaimed(entry.name, &was_ours);
      if (was_ours) ++dropped_;
      return is_gone;
    });
  }
  return !is_full();
}

base::Status Spool::Write(const SpoolName& name, const std::string& bytes, base::FileClaim* claim) {
  SpoolName temporary = name;
  temporary.kind = SpoolKind::kTemporary;
  // First of all, because it shows whether the directory takes files at all: nothing is dropped to
  // make room for what cannot be stored.
  if (const int error = directory_.Create(FormatSpoolName(temporary), claim); error != 0) {
    return base::FileError("create a file in", directory_.path(), error);
  }
  if (!MakeRoom(SpoolBytesOnDisk(bytes.size()))) {
    return base::UnavailableError(
        absl::StrCat("cannot make room in ", directory_.path(), ": what is there is being sent"));
  }
  const int write_error = base::WriteAll(claim->file, bytes);
  const int close_error = claim->file.Close();  // the disk's last word; ends our claim
  const int error = write_error != 0 ? write_error : close_error;
  if (error != 0) return base::FileError("write a file in", directory_.path(), error);
  const int rename_error = directory_.Rename(claim->name, FormatSpoolName(name));
  if (rename_error == 0) return base::OkStatus();
  return base::FileError("rename a file in", directory_.path(), rename_error);
}

base::Status Spool::Store(const SpoolName& name, const std::string& bytes) {
  const Locked lock(&directory_);
  if (base::Status listed = Refresh(); !listed.ok()) return listed;
  const bool is_as_seen = directory_.IsAsSeen();
  if (lock.held()) RemoveDeadTemporaries();
  LimitSetAside(kMaxSetAside);

  base::FileClaim claim;
  const base::Status written = Write(name, bytes, &claim);
  if (written.ok()) {
    listing_.Add({.name = name, .bytes = SpoolBytesOnDisk(bytes.size())});
  } else if (!claim.name.empty()) {
    directory_.Remove(claim.name);
    claim.Unlock();
  }
  if (lock.held() && is_as_seen) directory_.MarkOwnChange();
  return written;
}

base::Status Spool::Put(const Payload& payload) {
  const base::StatusOr<std::string> file = EncodeSpoolFile(key_, payload);
  if (!file.ok()) return file.status();
  if (SpoolBytesOnDisk(file->size()) > max_bytes_) {
    return base::ResourceExhaustedError(absl::StrCat(
        "cannot spool a payload larger than all of the spool (", max_bytes_, " bytes)"));
  }
  if (base::Status opened = directory_.Open(); !opened.ok()) return opened;
  SpoolName name;
  name.start_ns = static_cast<uint64_t>(std::max<int64_t>(0, payload.start_ns));
  name.key = key_prefix_;
  name.instance = instance_;
  name.seq = next_seq_++ % kSpoolSeqEnd;
  return Store(name, *file);
}

// `fault`: why there is none.
std::optional<Payload> Spool::Read(const base::FileClaim& claim, base::Status* fault) const {
  const auto size = static_cast<uint64_t>(claim.status.st_size);
  const std::string bytes =
      ReadUpTo(claim.file.get(), static_cast<size_t>(std::min<uint64_t>(size, kMaxSpoolFileBytes)));
  if (bytes.size() < size && errno != 0) {
    *fault = base::FileError("read a file in", directory_.path(), errno);
    return std::nullopt;
  }
  base::StatusOr<SpoolFile> file = DecodeSpoolFile(bytes);
  if (!file.ok()) {
    *fault = file.status();
    return std::nullopt;
  }
  if (file->key == key_) return std::move(file->payload);
  *fault = base::UnimplementedError("spool file of another sink");
  return std::nullopt;
}

// Renames a file that is of no use, so that it is not looked at again.
void Spool::SetAside(size_t index, base::FileClaim* claim, bool is_podos) {
  SpoolEntry aside = listing_.entries()[index];
  const SpoolName name = aside.name;
  aside.name.kind = SpoolKind::kSetAside;
  const std::string to = is_podos ? FormatSpoolName(aside.name) : claim->name + ".foreign";
  const int error = directory_.Rename(claim->name, to);
  claim->Unlock();
  if (error != 0) return listing_.SetUnusable(index);
  ++set_aside_;
  if (is_podos) ++dropped_;
  listing_.Remove(name);
  if (is_podos) listing_.Add(aside);
}

std::optional<Payload> Spool::Take(End end) {
  if (is_claimed_ && !(is_delivered_ && RemoveDelivered())) return std::nullopt;
  if (!directory_.Open().ok() || !Refresh().ok()) return std::nullopt;
  int damaged = 0;
  for (size_t seen = 0; seen < listing_.entries().size();) {
    const size_t i = end == End::kOldest ? seen : listing_.entries().size() - 1 - seen;
    const SpoolEntry entry = listing_.entries()[i];
    ++seen;
    if (entry.name.kind != SpoolKind::kPayload || entry.name.key != key_prefix_ ||
        !entry.is_usable) {
      continue;
    }
    base::FileClaim claim;
    const base::FileClaimResult result = directory_.Claim(FormatSpoolName(entry.name), &claim);
    if (result == base::FileClaimResult::kRefused && (errno == EMFILE || errno == ENFILE)) break;
    if (result != base::FileClaimResult::kOurs) continue;
    base::Status fault;
    std::optional<Payload> payload = Read(claim, &fault);
    if (payload) {
      claim_ = std::move(claim);
      claimed_ = entry.name;
      is_claimed_ = true;
      return payload;
    }
    if (base::IsUnimplemented(fault)) listing_.SetUnusable(i);
    if (!base::IsDataLoss(fault) && !base::IsInvalidArgument(fault)) {
      claim.Unlock();
      continue;
    }
    SetAside(i, &claim, base::IsDataLoss(fault));
    seen = 0;  // the listing has changed under us
    if (++damaged == kMaxDamagedAtOnce) break;
  }
  return std::nullopt;
}

bool Spool::RemoveDelivered() {
  if (directory_.IsAtItsName(claim_)) {
    const Locked lock(&directory_);
    const bool is_as_seen = directory_.IsAsSeen();
    const int error = directory_.Remove(claim_.name);
    if (error != 0 && error != ENOENT) return false;
    if (lock.held() && is_as_seen) directory_.MarkOwnChange();
  }
  listing_.Remove(claimed_);
  claim_.Unlock();
  is_claimed_ = is_delivered_ = false;
  return true;
}

void Spool::Release(bool done) {
  if (!is_claimed_ || is_delivered_) return;
  if (done) {
    is_delivered_ = true;
    RemoveDelivered();
    return;
  }
  claim_.Unlock();
  is_claimed_ = false;
}

}  // namespace podo::exporting
