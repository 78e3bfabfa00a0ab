// SPDX-License-Identifier: Apache-2.0
// What an OTLP receiver says in the body of its answer.
#ifndef PODO_LIB_ENCODE_OTLP_RESPONSE_H_
#define PODO_LIB_ENCODE_OTLP_RESPONSE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace podo::encode {

struct OtlpAnswer {
  int64_t rejected_profiles = 0;
  std::string message;  // any bytes
};

// An ExportProfilesServiceResponse, the body of a success; an empty one is a plain success. Takes
// any bytes: an error names what is no protobuf.
base::StatusOr<OtlpAnswer> ReadOtlpResponse(std::string_view body);

// The message of a google.rpc.Status, the body of an error whose type is application/x-protobuf.
base::StatusOr<std::string> ReadRpcStatusMessage(std::string_view body);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_OTLP_RESPONSE_H_
