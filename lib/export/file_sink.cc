// SPDX-License-Identifier: Apache-2.0
#include "export/file_sink.h"

#include <sys/stat.h>

#include <utility>

#include "base/atomic_file.h"
#include "base/log.h"

namespace podo::exporting {
namespace {

using base::IfExists;

// Names of windows clash only where pid namespaces share a directory and start in the same
// millisecond; so many of them do not.
constexpr int kNameAttempts = 8;

SendOutcome Outcome(const base::Status& status) {
  SendOutcome outcome;
  outcome.verdict = status.ok()                   ? SendVerdict::kDelivered
                    : base::IsUnavailable(status) ? SendVerdict::kRetry
                                                  : SendVerdict::kRefused;
  outcome.reason = std::string(status.message());
  return outcome;
}

}  // namespace

DirectorySink::DirectorySink(const SinkSpec& spec, ProcessIdentity process)
    : name_(spec.url), directory_(spec.path.Expand(process)), process_(std::move(process)) {}

SendOutcome DirectorySink::Send(const Payload& payload, int64_t) {
  base::Status status;
  for (int attempt = 1; attempt <= kNameAttempts; ++attempt) {
    const std::string name = WindowFileName(process_, payload.window_seq, attempt);
    status = base::WriteFileAtomically(directory_ + name, *payload.bytes, IfExists::kRefuse);
    if (!base::IsAlreadyExists(status)) break;
  }
  return Outcome(status);
}

RunFileSink::RunFileSink(const SinkSpec& spec, ProcessIdentity process, bool shares_names)
    : name_(spec.url),
      path_(spec.path.Expand(process)),
      process_(std::move(process)),
      format_(spec.format),
      must_claim_(shares_names && !spec.path.HasPid()) {}

void RunFileSink::Prepare() {
  if (!must_claim_) return;
  mkdir(base::ParentOf(path_).c_str(), 0700);  // to have something to lock; Send reports a failure
  if (claim_.Claim(path_) != ClaimResult::kTaken) return;
  path_ = InsertPid(path_, process_.pid);
  must_claim_ = false;
  base::Log(base::LogLevel::kInfo,
            name_ + " belongs to another live process; this one writes " + path_);
}

SendOutcome RunFileSink::Send(const Payload& payload, int64_t) {
  Prepare();
  return Outcome(base::WriteFileAtomically(path_, *payload.bytes, IfExists::kReplace));
}

std::unique_ptr<Sink> MakeSink(const SinkSpec& spec, const ProcessIdentity& process,
                               bool shares_names) {
  if (spec.kind == SinkSpec::Kind::kDirectory) {
    return std::make_unique<DirectorySink>(spec, process);
  }
  return std::make_unique<RunFileSink>(spec, process, shares_names);
}

}  // namespace podo::exporting
