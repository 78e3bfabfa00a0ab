// SPDX-License-Identifier: Apache-2.0
// The payload of OTEP 4719: what a process is, for eBPF profilers that read its memory.
#ifndef PODO_LIB_ENCODE_PROCESS_CONTEXT_ENCODER_H_
#define PODO_LIB_ENCODE_PROCESS_CONTEXT_ENCODER_H_

#include <string>
#include <utility>
#include <vector>

namespace podo::encode {

// ProcessContext of opentelemetry-proto 1.11: resource attributes, and by their place in
// `record_keys` the keys that thread records name by number. Valid UTF-8 in, protobuf out. Pure.
std::string EncodeProcessContext(const std::vector<std::pair<std::string, std::string>>& resource,
                                 const std::vector<std::string>& record_keys);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_PROCESS_CONTEXT_ENCODER_H_
