// SPDX-License-Identifier: Apache-2.0
#include "encode/otlp_response.h"

#include "encode/otlp_fields.h"
#include "encode/pbf_cursor.h"

namespace podo::encode {

base::StatusOr<OtlpAnswer> ReadOtlpResponse(std::string_view body) {
  OtlpAnswer answer;
  base::Status error;
  PbfCursor response(body, "response", 0, &error);
  while (response.Next()) {
    if (response.field() != otlp::response::kPartialSuccess) {
      response.Skip();
      continue;
    }
    PbfCursor partial(response.Bytes("partial_success"), "partial_success", 0, &error);
    while (partial.Next()) {
      if (partial.field() == otlp::partial_success::kRejectedProfiles) {
        answer.rejected_profiles = static_cast<int64_t>(partial.Uint("rejected_profiles"));
      } else if (partial.field() == otlp::partial_success::kErrorMessage) {
        answer.message = std::string(partial.Bytes("error_message"));
      } else {
        partial.Skip();
      }
    }
  }
  if (!error.ok()) return error;
  return answer;
}

base::StatusOr<std::string> ReadRpcStatusMessage(std::string_view body) {
  std::string message;
  base::Status error;
  PbfCursor status(body, "status", 0, &error);
  while (status.Next()) {
    if (status.field() == otlp::rpc_status::kMessage) {
      message = std::string(status.Bytes("message"));
    } else {
      status.Skip();
    }
  }
  if (!error.ok()) return error;
  return message;
}

}  // namespace podo::encode
