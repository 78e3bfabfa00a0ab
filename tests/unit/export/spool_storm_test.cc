// SPDX-License-Identifier: Apache-2.0
// Processes that put, take and are killed at any moment, on one directory.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "../scratch_directory.h"
#include "export/spool.h"
#include "spool_payload.h"

namespace podo::exporting {
namespace {

using podo::test::ScratchDirectory;
using test::Key;
using test::MakePayload;
using test::Noise;

constexpr uint64_t kRoomForAll = 64 << 20;
constexpr uint32_t kProcesses = 3;
constexpr uint32_t kKills = 120;
constexpr uint32_t kMaxPayloads = 100'000;

// What the processes did, in memory they share. A number is a payload's; each is put once.
struct Ledger {
  std::atomic<uint32_t> next;
  struct Fate {
    std::atomic<uint8_t> asked;    // Put was called
    std::atomic<uint8_t> put;      // and said yes
    std::atomic<uint32_t> holder;  // between TakeOldest and Release: which process, from 1
    std::atomic<uint8_t> done;     // Release(true) was called
    std::atomic<uint8_t> gone;     // and came back
  } fates[kMaxPayloads];
  std::atomic<uint8_t> doomed[kKills + 1];  // by process: about to be killed
  std::atomic<uint32_t> broken;
};

std::string BytesOf(uint32_t number) {
  return std::to_string(number) + ":" + Noise(200 + number % 7 * 900, number);
}

void TakeOne(Spool* spool, Ledger* ledger, uint32_t self, uint32_t* chance) {
  const std::optional<Payload> payload = spool->TakeOldest();
  if (!payload) return;
  const auto number = static_cast<uint32_t>(strtoul(payload->bytes->c_str(), nullptr, 10));
  if (number >= kMaxPayloads || *payload->bytes != BytesOf(number)) {
    ++ledger->broken;
    _exit(1);
  }
  Ledger::Fate& fate = ledger->fates[number];
  // Somebody alive has it, or had done with it.
  const uint32_t before = fate.holder.exchange(self);
  if (before != 0 && ledger->doomed[before].load() == 0) ++ledger->broken;
  if (fate.gone.load() != 0) ++ledger->broken;
  *chance = *chance * 1664525 + 1013904223;
  const bool done = (*chance >> 16) % 4 != 0;
  if (done) fate.done.store(1);
  fate.holder.store(0);
  spool->Release(done);
  if (done) fate.gone.store(1);
}

[[noreturn]] void Hammer(const std::string& path, Ledger* ledger, uint32_t self) {
  Spool spool(path, kRoomForAll, Key(1));
  uint32_t chance = self;
  while (true) {
    const uint32_t number = ledger->next.fetch_add(1);
    if (number >= kMaxPayloads) _exit(0);
    ledger->fates[number].asked.store(1);
    if (spool.Put(MakePayload(BytesOf(number), number)).ok()) ledger->fates[number].put.store(1);
    TakeOne(&spool, ledger, self, &chance);
  }
}

TEST_CASE("processes killed at any moment lose nothing, spoil nothing and send nothing twice") {
  ScratchDirectory dir;
  void* shared =
      mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(shared != MAP_FAILED);
  auto* ledger = static_cast<Ledger*>(shared);
  std::vector<pid_t> hammers(kProcesses, 0);
  uint32_t chance = 1;
  for (uint32_t self = 1; self <= kKills; ++self) {
    pid_t& hammer = hammers[self % kProcesses];
    if (hammer != 0) {
      ledger->doomed[self - kProcesses].store(1);
      kill(hammer, SIGKILL);
      waitpid(hammer, nullptr, 0);
    }
    hammer = fork();
    if (hammer == 0) Hammer(dir.path(), ledger, self);
    chance = chance * 1664525 + 1013904223;
    const timespec pause = {.tv_sec = 0, .tv_nsec = 2'000'000 + (chance >> 10) % 8'000'000};
    nanosleep(&pause, nullptr);  // so that the kill meets it at work, at another point each time
  }
  for (std::atomic<uint8_t>& doomed : ledger->doomed) doomed.store(1);
  for (const pid_t hammer : hammers) {
    kill(hammer, SIGKILL);
    waitpid(hammer, nullptr, 0);
  }

  const uint32_t asked = std::min(ledger->next.load(), kMaxPayloads);
  std::map<uint32_t, int> left;
  Spool spool(dir.path(), kRoomForAll, Key(1));
  while (const std::optional<Payload> payload = spool.TakeOldest()) {
    const auto number = static_cast<uint32_t>(strtoul(payload->bytes->c_str(), nullptr, 10));
    CHECK((*payload->bytes == BytesOf(number)));
    ++left[number];
    spool.Release(true);
  }
  uint32_t stored = 0, done = 0, lost = 0, doubled = 0;
  for (uint32_t number = 0; number < asked; ++number) {
    const Ledger::Fate& fate = ledger->fates[number];
    stored += fate.put.load();
    done += fate.gone.load();
    // A yes of Put means: done with, or there. Only who died in Release may leave it either way.
    if (fate.put.load() != 0 && fate.done.load() == 0 && left[number] != 1) ++lost;
    if (left[number] > 1 || (fate.gone.load() != 0 && left[number] != 0)) ++doubled;
  }
  MESSAGE(stored << " stored, " << done << " done with, " << kKills << " kills");
  CHECK(stored > kKills);
  CHECK(done > kKills);
  CHECK(lost == 0);
  CHECK(doubled == 0);
  CHECK(ledger->broken.load() == 0);
  CHECK(spool.dropped() == 0);
  CHECK(spool.set_aside() == 0);
  REQUIRE(spool.Put(MakePayload("last")).ok());  // sweeps up after the dead
  CHECK(dir.Names().size() == 1);
  munmap(shared, sizeof(Ledger));
}

// However crowded the machine: who does not get the lock goes on without, beyond the bound.
constexpr int64_t kPatienceNs = 60'000'000'000;

// What lies in `path` while nobody is writing: names and sizes are not read at one moment.
uint64_t BytesAtRest(const std::string& path) {
  base::SharedDirectory watch(path, kPatienceNs);
  if (!watch.Open().ok() || !watch.Lock()) return UINT64_MAX;
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    bytes += SpoolBytesOnDisk(entry.file_size());
  }
  watch.Unlock();
  return bytes;
}

TEST_CASE("the bound holds over all processes and sinks, at every step of each") {
  constexpr uint64_t kMaxBytes = 128 << 10;
  ScratchDirectory dir;
  std::vector<pid_t> writers;
  for (uint8_t writer = 0; writer < 3; ++writer) {
    writers.push_back(fork());
    if (writers.back() != 0) continue;
    Spool spool(dir.path(), kMaxBytes, Key(writer), kPatienceNs);
    uint64_t most = 0;
    for (uint32_t i = 0; i < 300; ++i) {
      if (!spool.Put(MakePayload(Noise(1'000 + i * 10 % 9'000, i), i)).ok()) _exit(1);
      most = std::max(most, BytesAtRest(dir.path()));
    }
    _exit(most > kMaxBytes ? 2 : most < kMaxBytes / 2 ? 3 : 0);
  }
  for (const pid_t writer : writers) {
    int status = 0;
    waitpid(writer, &status, 0);
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(WIFEXITED(status));
  }
}

}  // namespace
}  // namespace podo::exporting
