// SPDX-License-Identifier: Apache-2.0
#include "export_loop.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "context/label_sets.h"
#include "symbolize/annotate.h"

namespace podo {
namespace {

using aggregate::AssembledProfile;
using exporting::Payload;
using exporting::PayloadFormat;
using exporting::PayloadScope;

const model::Module* ModuleAt(const std::vector<std::shared_ptr<const model::Module>>& modules,
                              model::MappingId id) {
  return model::Index(id) < modules.size() ? modules[model::Index(id)].get() : nullptr;
}

}  // namespace

ExportLoop::ExportLoop(Settings settings, capture::ModuleWatch* modules,
                       symbolize::Symbolizer* symbolizer, SymbolLoop* symbols,
                       std::vector<std::unique_ptr<exporting::Exporter>> exporters)
    : settings_(std::move(settings)),
      modules_(modules),
      symbolizer_(symbolizer),
      symbols_(symbols),
      exporters_(std::move(exporters)) {}

void ExportLoop::Put(WindowBox* box) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(box);
  }
  wakeup_.Post();
}

WindowBox* ExportLoop::Next() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) return nullptr;
  WindowBox* box = queue_.front();
  queue_.pop_front();
  return box;
}

void ExportLoop::Run() {
  constexpr int64_t kIdleNs = 60'000'000'000;
  for (bool last = false; !last && !gave_up();) {
    WindowBox* box = Next();
    if (box == nullptr) {
      wakeup_.WaitFor(kIdleNs);
      continue;
    }
    last = box->last;
    Export(box);
  }
  if (!gave_up()) FinishExporters();
  // Whoever asks for a flush from now on is answered: there is nothing more to send.
  const std::lock_guard lock(mutex_);
  flushed_ = UINT64_MAX;
  flushed_changed_.notify_all();
}

// The box is the drain's again afterwards.
AssembledProfile ExportLoop::Read(WindowBox* box) {
  const std::function<const model::ModuleMap*(uint32_t)> modules_of =
      [this, kept = std::map<uint32_t, std::shared_ptr<const model::ModuleMap>>()](
          uint32_t generation) mutable {
        auto [it, inserted] = kept.try_emplace(generation);
        if (inserted) it->second = modules_->MapOf(generation);
        return it->second.get();
      };
  const auto contested = modules_->ContestedNow();
  const aggregate::Carried carried = {
      context::LabelsOf,
      [&](uint32_t thread) {
        const aggregate::ThreadTable::Thread of = box->threads.Find(thread);
        return aggregate::ThreadLabels{settings_.thread_names ? of.name : "",
                                       settings_.thread_ids ? of.tid : 0};
      },
      [&](uint64_t address) {
        return contested != nullptr &&
               std::any_of(contested->begin(), contested->end(),
                           [address](const auto& range) { return range.Contains(address); });
      },
      settings_.signal};
  AssembledProfile assembled = aggregate::Assemble({&box->stacks, box->residue.get()}, box->totals,
                                                   modules_of, settings_.comments, carried);
  own_ticks_.fetch_add(box->totals.own_ticks, std::memory_order_relaxed);
  misdelivered_.fetch_add(assembled.misdelivered, std::memory_order_relaxed);
  const uint32_t newest = box->newest_generation;
  box->stacks.Clear();
  box->residue->Clear();
  box->threads.Clear();
  context::Recycle();
  SayOfLabels();
  box->maybe_asleep = 0;
  box->free.store(true, std::memory_order_release);  // partner: the drain's NextBox()
  // The next window's stacks are not older than the newest snapshot of the window before this one.
  modules_->ForgetBefore(std::exchange(forget_before_, newest));
  return assembled;
}

void ExportLoop::Export(WindowBox* box) {
  model::WindowTotals totals = box->totals;
  const uint64_t flush_id = box->flush_id;
  const bool is_piece = box->is_piece, is_last = box->last;
  const int64_t begin_ns = box->begin_steady_ns, end_ns = box->end_steady_ns;
  AssembledProfile assembled = Read(box);
  captures_.Add(assembled, totals, begin_ns);
  if (const int64_t next_ns = captures_.NextBoundary(end_ns); next_ns != INT64_MAX) {
    settings_.cut_at(next_ns);
  }
  if (is_piece) {
    pieces_.Add(assembled, totals);
    return FinishCaptures(end_ns);
  }
  if (!pieces_.empty()) {
    pieces_.Add(assembled, totals);
    totals = pieces_.totals();
    assembled = pieces_.Take();
  }
  const double ratio = totals.SamplingRatio();
  if (ratio > 0) sampling_ratio_.store(ratio, std::memory_order_relaxed);
  Payload payload;
  payload.window_seq = totals.sequence;
  payload.start_ns = totals.begin_wall_ns;
  payload.duration_ns = totals.duration_ns;
  payload.is_last = is_last;
  ExportWindow(assembled, payload, is_last || flush_id > flushed_);
  FinishCaptures(is_last ? INT64_MAX : end_ns);
  if (flush_id > flushed_) {  // written by this thread only
    for (const auto& exporter : exporters_) exporter->Hurry();
  }
  const std::lock_guard lock(mutex_);
  flushed_ = std::max(flushed_, flush_id);
  flushed_changed_.notify_all();
}

void ExportLoop::ExportWindow(const AssembledProfile& assembled, const Payload& of_window,
                              bool is_asked_for) {
  const bool is_kept = settings_.kept->wanted();
  const bool wants_window = Wants(PayloadScope::kWindow) || is_kept;
  const bool wants_run = Wants(PayloadScope::kRun);
  if (!wants_window && !wants_run) return;
  std::vector<SymbolJob> jobs;
  AddJobs(assembled.profile, assembled.mapping_modules, &jobs);
  const bool offers_run = wants_run && (is_asked_for || base::SteadyClockNs() >= run_due_ns_);
  if (wants_run) run_.Add(assembled);
  if (offers_run) {
    // Of the whole run: what an earlier window had no time to name is asked for again.
    AddJobs(run_.profile(), run_.modules(), &jobs);
  }
  FindNames(std::move(jobs));
  if (wants_window && !assembled.profile.samples.empty()) {  // else nothing ran: nothing to tell
    model::Profile profile = WithNames(assembled.profile, assembled.mapping_modules);
    profile.comments.push_back(static_cast<model::StringId>(profile.strings.size()));
    profile.strings.push_back(assembled.summary);
    if (is_kept) settings_.kept->Add(profile);
    Offer(profile, PayloadScope::kWindow, of_window);
  }
  if (offers_run) OfferRun(of_window, assembled.summary);
}

bool ExportLoop::Capture(int64_t duration_ns, std::function<bool()> given_up,
                         std::function<void(aggregate::AssembledProfile)> finished) {
  const int64_t now_ns = base::SteadyClockNs();
  if (!captures_.Begin(now_ns, duration_ns, std::move(given_up), std::move(finished))) return false;
  settings_.cut_at(captures_.NextBoundary(now_ns - 1));
  return true;
}

void ExportLoop::FinishCaptures(int64_t now_ns) {
  for (LiveCaptures::Capture& capture : captures_.TakeFinished(now_ns)) {
    if (capture.sum.empty()) {
      capture.sum.Add({.profile = model::Profile::Empty(), .mapping_modules = {nullptr}}, {});
    }
    capture.finished(capture.sum.Take());
  }
}

model::Profile ExportLoop::Named(const AssembledProfile& sum, int64_t limit_ns) const {
  std::vector<SymbolJob> jobs;
  AddJobs(sum.profile, sum.mapping_modules, &jobs);
  if (!jobs.empty()) symbols_->Resolve(std::move(jobs), limit_ns);
  return WithNames(sum.profile, sum.mapping_modules);
}

// Once each: what a service does wrong with labels, it does all the time.
void ExportLoop::SayOfLabels() {
  const context::LabelCounts counts = context::CountLabels();
  if (counts.cut && !std::exchange(said_cut_, true)) {
    base::Log(base::LogLevel::kWarning,
              absl::StrCat("labels were cut or are not UTF-8; accepted: ", PODO_LABEL_COUNT,
                           " labels a scope, keys of ", PODO_LABEL_KEY_BYTES, " and values of ",
                           PODO_LABEL_VALUE_BYTES, " bytes"));
  }
  if (counts.overflow != 0 && !std::exchange(said_overflow_, true)) {
    base::Log(base::LogLevel::kWarning,
              absl::StrCat("more than ", counts.sets, " distinct label sets: new ones become ",
                           context::kOverflow, " (PODO_LABEL_SETS; label by few values)"));
  }
}

bool ExportLoop::WaitFlushed(uint64_t id, int64_t deadline_ns) {
  {
    std::unique_lock lock(mutex_);
    const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
    if (!flushed_changed_.wait_until(lock, deadline, [&] { return flushed_ >= id; })) return false;
  }
  return std::all_of(exporters_.begin(), exporters_.end(),
                     [&](const auto& exporter) { return exporter->WaitSettled(deadline_ns); });
}

void ExportLoop::AddJobs(const model::Profile& profile, const ModuleList& modules,
                         std::vector<SymbolJob>* jobs) const {
  const auto module_of = [&](model::MappingId id) { return ModuleAt(modules, id); };
  for (symbolize::Unresolved& u : symbolize::ListUnresolved(profile, module_of, *symbolizer_)) {
    const auto owner = std::find_if(modules.begin(), modules.end(),
                                    [&](const auto& m) { return m.get() == u.module; });
    jobs->push_back({*owner, std::move(u.vaddrs)});
  }
}

// A window waits at most one interval for names, a caller's flush half of its time; then it goes
// out with the names found, addresses and build ids.
void ExportLoop::FindNames(std::vector<SymbolJob> jobs) {
  if (jobs.empty()) return;
  symbols_->SetWork(std::move(jobs), &names_found_);
  const int64_t begin_ns = base::SteadyClockNs();
  for (;;) {
    const int64_t now_ns = base::SteadyClockNs();
    const int64_t stop_ns = stop_deadline_ns_.load(std::memory_order_relaxed);
    if (stop_ns != 0 && stop_ns <= now_ns) return;
    const int64_t asked_ns =
        stop_ns != 0 ? stop_ns : flush_deadline_ns_.load(std::memory_order_relaxed);
    int64_t until_ns = begin_ns + settings_.window_ns;
    if (asked_ns > begin_ns) until_ns = std::min(until_ns, begin_ns + (asked_ns - begin_ns) / 2);
    if (symbols_->idle() || now_ns >= until_ns) return;
    // In slices, because a flush may shorten the wait that is under way.
    constexpr int64_t kSliceNs = 50'000'000;
    names_found_.WaitFor(std::min(kSliceNs, until_ns - now_ns));
  }
}

bool ExportLoop::Wants(PayloadScope scope) const {
  return std::any_of(exporters_.begin(), exporters_.end(),
                     [&](const auto& e) { return e->sink().scope() == scope; });
}

void ExportLoop::Offer(const model::Profile& profile, PayloadScope scope,
                       const Payload& of_window) {
  std::map<std::pair<PayloadFormat, exporting::PayloadCoding>, std::vector<Payload>> encoded;
  for (const auto& exporter : exporters_) {
    if (exporter->sink().scope() != scope) continue;
    const PayloadFormat format = exporter->sink().format();
    const exporting::PayloadCoding coding = exporter->sink().coding();
    auto [it, inserted] = encoded.try_emplace({format, coding});
    if (inserted) {
      base::StatusOr<std::vector<Payload>> payloads =
          EncodePayloads(profile, format, coding, settings_.payloads, of_window);
      if (!payloads.ok()) {
        base::Log(base::LogLevel::kError, payloads.status().message());
        continue;
      }
      it->second = *std::move(payloads);
    }
    exporter->Offer(it->second);
  }
}

model::Profile ExportLoop::WithNames(const model::Profile& profile,
                                     const ModuleList& modules) const {
  const auto module_of = [&](model::MappingId id) { return ModuleAt(modules, id); };
  return symbolize::Annotate(profile, module_of, *symbolizer_);
}

void ExportLoop::GiveUp() {
  gave_up_.store(true, std::memory_order_release);
  SetStopDeadline(base::SteadyClockNs());
  wakeup_.Post();
  for (const auto& exporter : exporters_) exporter->GiveUp();
  const std::lock_guard lock(mutex_);
  flushed_ = UINT64_MAX;
  flushed_changed_.notify_all();
}

// They end on time: a margin is for what comes after the last answer.
void ExportLoop::FinishExporters() {
  const int64_t now_ns = base::SteadyClockNs();
  const int64_t stop_ns = stop_deadline_ns_.load(std::memory_order_relaxed);
  const int64_t left_ns =
      stop_ns != 0 ? std::max(int64_t{0}, stop_ns - now_ns) : settings_.exit_timeout_ns;
  constexpr int64_t kMarginNs = 50'000'000;
  const int64_t margin_ns = std::min(kMarginNs, left_ns / 4);
  for (const auto& exporter : exporters_) exporter->Finish(now_ns + left_ns - margin_ns);
  // An attempt that was under way has as long as one that begins now, and with a sink that works
  // all the time there is; then what waits behind it goes to the spool.
  const int64_t patience_ns = std::min(exporting::Delivery::kExitAttemptNs, left_ns / 2);
  for (const bool also_working : {false, true}) {
    const int64_t until_ns = now_ns + (also_working ? left_ns - margin_ns : patience_ns);
    for (const auto& exporter : exporters_) {
      if (!exporter->WaitSettled(until_ns)) exporter->Interrupt(also_working);
    }
  }
}

void ExportLoop::OfferRun(const Payload& of_window, const std::string& summary) {
  // A file of a long run may take long to make. It is made so seldom that this stays small.
  constexpr int64_t kFreeNs = 10'000'000;
  constexpr int64_t kRarer = 200;
  const int64_t begin_ns = base::ReadClockNs(CLOCK_THREAD_CPUTIME_ID);
  model::Profile profile = WithNames(run_.profile(), run_.modules());
  profile.comments.push_back(static_cast<model::StringId>(profile.strings.size()));
  profile.strings.push_back(summary);
  Offer(profile, PayloadScope::kRun, of_window);
  const int64_t took_ns = base::ReadClockNs(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
  run_due_ns_ = base::SteadyClockNs() + kRarer * std::max(took_ns - kFreeNs, int64_t{0});
}

}  // namespace podo
