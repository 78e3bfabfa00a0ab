// SPDX-License-Identifier: Apache-2.0
// The history on disk: a file a chapter, and a journal of the one in the making, which survive the
// process however it ends.
//
// Each process is a run with a number of its own and holds the lock of the run's lock file; files
// of runs that nobody holds are taken over. What fails is one line in the log, and is tried again.
#ifndef PODO_LIB_HISTORY_STORE_H_
#define PODO_LIB_HISTORY_STORE_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/shared_directory.h"
#include "base/status.h"
#include "history/chapter_codec.h"
#include "history/chapter_file.h"
#include "history/file_name.h"
#include "history/open_chapter.h"
#include "history/ring.h"

namespace podo::history {

// Not thread-safe. Does nothing in a fork child.
class Store {
 public:
  // Touches nothing yet. `max_bytes` bounds the files of the service in the directory.
  Store(std::string directory, std::string_view service, uint64_t max_bytes);
  ~Store();

  // Takes over what runs that have ended left of this service, in the order of recording: the
  // newest of it that fit into `take_bytes`; the rest is removed.
  struct Found {
    std::vector<KeptChapter> chapters;
    uint64_t dropped = 0;  // windows beyond `take_bytes`; and each file that could not be read
  };
  Found TakeOver(uint64_t take_bytes);

  // Writes what was recorded in `open` since the last call.
  void Journal(OpenChapter* open);
  // `chapters` are all there are now, and none is in the making: writes those that are new, removes
  // the files of others.
  void Sync(const std::vector<KeptChapter>& chapters);

  // Of our files.
  uint64_t bytes() const { return bytes_; }

 private:
  struct OwnFile {
    FileName name;
    uint64_t order = 0;
    uint64_t bytes = 0;
  };
  struct Listed {
    FileName name;
    uint64_t bytes = 0;
  };
  struct Read {
    OwnFile file;
    std::vector<FileId> replaces;
    KeptChapter kept;
  };

  bool IsReady();
  base::Status BeginRun();
  void MoveToThisRun(const std::vector<Listed>& listed);
  base::StatusOr<std::vector<Listed>> List();
  bool ClaimRun(uint32_t run, const std::vector<Listed>& listed, base::FileClaim* claim);
  void ReadRun(uint32_t run, const std::vector<Listed>& listed, std::vector<Read>* read,
               Found* found);
  bool ReadChapter(const Listed& listed, Read* read, Found* found);
  void Adopt(Read* read);

  FileName NextName() { return {service_, run_, next_seq_++, FileKind::kChapter}; }
  base::Status MakeRoom(uint64_t needed);
  base::Status BeginJournal();
  base::Status AppendToJournal(OpenChapter* open);
  base::Status WriteChapter(const KeptChapter& kept, uint64_t order,
                            const std::vector<FileId>& replaces);
  void RemoveStale(const std::set<const Chapter*>& kept);
  void Remove(const FileName& name) { directory_.Remove(FormatFileName(name)); }
  void CountBytes();
  void Report(const base::Status& status);

  base::SharedDirectory directory_;
  const uint64_t service_;
  const uint64_t max_bytes_;
  const pid_t pid_;

  uint32_t run_ = 0;
  uint32_t next_seq_ = 1;
  base::FileClaim lock_;
  std::map<ChapterPtr, OwnFile> files_;
  std::set<ChapterPtr> unwritten_;  // had to make room on the disk; they stay in memory
  std::vector<FileName> stale_;     // journals of chapters that are made

  base::FileClaim journal_;
  FileName journal_name_;
  uint64_t journal_bytes_ = 0;
  Written written_;
  Interner::Changed changed_;

  uint64_t bytes_ = 0;
  std::string reported_;
};

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_STORE_H_
