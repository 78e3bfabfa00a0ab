// SPDX-License-Identifier: Apache-2.0
// The sinks that write files: one per window into a directory, or one that holds the whole run.
#ifndef PODO_LIB_EXPORT_FILE_SINK_H_
#define PODO_LIB_EXPORT_FILE_SINK_H_

#include <memory>
#include <string>

#include "export/file_names.h"
#include "export/name_claim.h"
#include "export/sink.h"
#include "export/sink_url.h"

namespace podo::exporting {

// `file:///dir/`: every window becomes a `service-pid-start-seq.pb.gz` there. A file that exists is
// never written over; the name gets a number instead.
class DirectorySink : public Sink {
 public:
  DirectorySink(const SinkSpec& spec, ProcessIdentity process);

  PayloadFormat format() const override { return PayloadFormat::kPprof; }
  PayloadScope scope() const override { return PayloadScope::kWindow; }
  const std::string& name() const override { return name_; }
  SendOutcome Send(const Payload& payload, int64_t timeout_ns) override;

 private:
  std::string name_;
  std::string directory_;  // ends with '/'
  ProcessIdentity process_;
};

// `file:///path/x.html` and the like: the whole run so far, replaced by every Send.
class RunFileSink : public Sink {
 public:
  // With `shares_names` (the preload library) a name without {pid} that another live process writes
  // gets the pid inserted; once it has it, it keeps it. Without, the last writer wins.
  RunFileSink(const SinkSpec& spec, ProcessIdentity process, bool shares_names);

  PayloadFormat format() const override { return format_; }
  PayloadScope scope() const override { return PayloadScope::kRun; }
  const std::string& name() const override { return name_; }
  // Claims the name, so that a process that ends meanwhile does not take it.
  void Prepare() override;
  SendOutcome Send(const Payload& payload, int64_t timeout_ns) override;

  // Where the next Send writes.
  const std::string& path() const { return path_; }

 private:
  std::string name_;
  std::string path_;
  ProcessIdentity process_;
  PayloadFormat format_;
  bool must_claim_;
  NameClaim claim_;
};

// The sink that `spec` describes. Touches no file yet.
std::unique_ptr<Sink> MakeSink(const SinkSpec& spec, const ProcessIdentity& process,
                               bool shares_names);

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_FILE_SINK_H_
