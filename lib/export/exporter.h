// SPDX-License-Identifier: Apache-2.0
// Gets payloads to one sink: a thread of its own, so that a sink that hangs holds up nobody else.
#ifndef PODO_LIB_EXPORT_EXPORTER_H_
#define PODO_LIB_EXPORT_EXPORTER_H_

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/wakeup.h"
#include "export/delivery.h"
#include "export/failure_log.h"
#include "export/last_words.h"
#include "export/payload_store.h"
#include "export/sink.h"

namespace podo::exporting {

// DeliveryCounts for readers that must not wait. Relaxed: each counter is read for itself.
class SharedCounts {
 public:
  void Store(const DeliveryCounts& counts);
  DeliveryCounts Load() const;

 private:
  std::array<std::atomic<uint64_t>, sizeof(DeliveryCounts) / sizeof(uint64_t)> counts_{};
};

// Clocks and the log, as arguments.
struct ExporterSurroundings {
  std::function<int64_t()> steady_ns;
  std::function<int64_t()> wall_ns;
  std::function<void(const std::string&)> warn;  // takes a line; any thread
};

class Exporter {
 public:
  using StoreMaker = std::function<std::unique_ptr<PayloadStore>()>;

  // `settings`: manners and scope are the sink's. `make_store`, which may be null, is called on the
  // exporter's thread: it may touch a slow disk.
  Exporter(std::unique_ptr<Sink> sink, DeliverySettings settings, StoreMaker make_store,
           ExporterSurroundings surroundings);

  const Sink& sink() const { return *sink_; }

  // Thread body: ends when all that was offered before Finish is sent, stored or lost.
  void Run();

  // The payloads of a window. Any thread, never blocks.
  void Offer(std::vector<Payload> window);
  // Nothing is offered any more; what is left has time until `deadline_ns` (steady). Any thread.
  void Finish(int64_t deadline_ns);

  // Gives up an attempt that was begun before Finish and hangs, so that what waits behind it can be
  // stored; of a sink that has always said yes only if `also_working`. Any thread.
  void Interrupt(bool also_working);
  // Other threads of podo are gone: ends as soon as it can, and nobody waits for it any more. The
  // window under way, which never came, counts as lost. Any thread.
  void GiveUp();

  // All offered so far is due now. WaitSettled then blocks until it is sent, stored or lost, or
  // until `deadline_ns`; false on timeout. Any thread.
  void Hurry();
  bool WaitSettled(int64_t deadline_ns);

  // Wait-free.
  DeliveryCounts counts() const;
  // Why the last attempt that failed did, in the collector's own words (cut, printable), and when
  // (steady, 0: never). Wait-free.
  void CopyLastError(char* to, size_t size) const { last_error_.CopyTo(to, size); }
  int64_t last_error_ns() const { return last_error_.at_ns(); }

 private:
  // What other threads have put in, taken over by Run at once.
  struct Inbox {
    std::deque<std::vector<Payload>> windows;
    size_t bytes = 0;
    uint64_t dropped = 0;  // payloads before them that found no room
    bool hurry = false;
    std::optional<int64_t> finish_by_ns;
  };
  void TakeInbox(Delivery* delivery);
  void Attempt(Delivery* delivery, const Delivery::Attempt& attempt);
  void Say(const SendOutcome& outcome);
  void MakeRoom();
  void Publish(Delivery* delivery);

  const std::unique_ptr<Sink> sink_;
  const DeliverySettings settings_;
  const StoreMaker make_store_;
  const ExporterSurroundings surroundings_;
  FailureLog failures_;  // of the exporter's thread
  SharedCounts counts_;
  std::atomic<uint64_t> dropped_{0};  // relaxed, a counter
  // What the exporter's thread is in. Relaxed: an interrupt that comes too late or too early meets
  // an attempt with a deadline.
  enum class Sending { kNo, kDoubtful, kWorking };
  std::atomic<Sending> sending_{Sending::kNo};
  LastWords last_error_;
  base::Wakeup wakeup_;

  mutable std::mutex mutex_;  // of what follows; held for moments only
  Inbox inbox_;
  uint64_t offered_ = 0;
  uint64_t settled_ = 0;
  bool gave_up_ = false;
  std::condition_variable settled_changed_;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_EXPORTER_H_
