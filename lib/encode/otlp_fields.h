// SPDX-License-Identifier: Apache-2.0
// The one table of OTLP profiles: schema version, field numbers, attribute names.
//
// Layout of opentelemetry-proto 1.10.0 (2026-03-09) and 1.11.0, which are the same on the wire.
// Earlier layouts number the same messages differently and there is no negotiation, so what is read
// by the wrong one is lost or refused; who bumps the layout changes this file and nothing else.
#ifndef PODO_LIB_ENCODE_OTLP_FIELDS_H_
#define PODO_LIB_ENCODE_OTLP_FIELDS_H_

#include <cstdint>

namespace podo::encode::otlp {

inline constexpr char kSchemaVersion[] = "1.10";
// Value of the header OTLP-Profiles-Development-Version for this layout.
inline constexpr char kDevelopmentVersion[] = "1";
inline constexpr char kSchemaUrl[] = "https://opentelemetry.io/schemas/1.44.0";
inline constexpr char kScopeName[] = "podo";

namespace request {  // ExportProfilesServiceRequest
inline constexpr uint32_t kResourceProfiles = 1;
inline constexpr uint32_t kDictionary = 2;
}  // namespace request

namespace response {  // ExportProfilesServiceResponse
inline constexpr uint32_t kPartialSuccess = 1;
}  // namespace response

namespace partial_success {
inline constexpr uint32_t kRejectedProfiles = 1;
inline constexpr uint32_t kErrorMessage = 2;
}  // namespace partial_success

namespace rpc_status {  // google.rpc.Status, the body of an error
inline constexpr uint32_t kMessage = 2;
}  // namespace rpc_status

namespace resource_profiles {
inline constexpr uint32_t kResource = 1;
inline constexpr uint32_t kScopeProfiles = 2;
inline constexpr uint32_t kSchemaUrl = 3;
}  // namespace resource_profiles

namespace resource {
inline constexpr uint32_t kAttributes = 1;
}  // namespace resource

namespace key_value {
inline constexpr uint32_t kKey = 1;  // inline; its index form, 3, is not read by all receivers
inline constexpr uint32_t kValue = 2;
}  // namespace key_value

namespace any_value {
inline constexpr uint32_t kString = 1;  // inline; its index form is 8
inline constexpr uint32_t kBool = 2;
inline constexpr uint32_t kInt = 3;
inline constexpr uint32_t kArray = 5;
}  // namespace any_value

namespace array_value {
inline constexpr uint32_t kValues = 1;
}  // namespace array_value

namespace scope_profiles {
inline constexpr uint32_t kScope = 1;
inline constexpr uint32_t kProfiles = 2;
inline constexpr uint32_t kSchemaUrl = 3;
}  // namespace scope_profiles

namespace scope {
inline constexpr uint32_t kName = 1;
inline constexpr uint32_t kVersion = 2;
}  // namespace scope

namespace profile {
inline constexpr uint32_t kSampleType = 1;
inline constexpr uint32_t kSamples = 2;
inline constexpr uint32_t kTimeUnixNano = 3;  // fixed64
inline constexpr uint32_t kDurationNano = 4;
inline constexpr uint32_t kPeriodType = 5;
inline constexpr uint32_t kPeriod = 6;
inline constexpr uint32_t kProfileId = 7;
inline constexpr uint32_t kAttributeIndices = 11;
}  // namespace profile

namespace value_type {
inline constexpr uint32_t kType = 1;
inline constexpr uint32_t kUnit = 2;
}  // namespace value_type

namespace sample {
inline constexpr uint32_t kStackIndex = 1;
inline constexpr uint32_t kAttributeIndices = 2;
inline constexpr uint32_t kLinkIndex = 3;
inline constexpr uint32_t kValues = 4;
}  // namespace sample

namespace dictionary {
inline constexpr uint32_t kMappingTable = 1;
inline constexpr uint32_t kLocationTable = 2;
inline constexpr uint32_t kFunctionTable = 3;
inline constexpr uint32_t kLinkTable = 4;
inline constexpr uint32_t kStringTable = 5;
inline constexpr uint32_t kAttributeTable = 6;
inline constexpr uint32_t kStackTable = 7;
}  // namespace dictionary

namespace mapping {
inline constexpr uint32_t kMemoryStart = 1;
inline constexpr uint32_t kMemoryLimit = 2;
inline constexpr uint32_t kFileOffset = 3;
inline constexpr uint32_t kFilename = 4;
inline constexpr uint32_t kAttributeIndices = 5;
}  // namespace mapping

namespace stack {
inline constexpr uint32_t kLocationIndices = 1;
}  // namespace stack

namespace location {
inline constexpr uint32_t kMappingIndex = 1;
inline constexpr uint32_t kAddress = 2;
inline constexpr uint32_t kLines = 3;
inline constexpr uint32_t kAttributeIndices = 4;
}  // namespace location

namespace line {
inline constexpr uint32_t kFunctionIndex = 1;
inline constexpr uint32_t kLine = 2;
inline constexpr uint32_t kColumn = 3;
}  // namespace line

namespace function {
inline constexpr uint32_t kName = 1;
inline constexpr uint32_t kSystemName = 2;
inline constexpr uint32_t kFilename = 3;
inline constexpr uint32_t kStartLine = 4;
}  // namespace function

namespace link {
inline constexpr uint32_t kTraceId = 1;
inline constexpr uint32_t kSpanId = 2;
}  // namespace link

namespace key_value_and_unit {
inline constexpr uint32_t kKey = 1;
inline constexpr uint32_t kValue = 2;
inline constexpr uint32_t kUnit = 3;
}  // namespace key_value_and_unit

// Semantic conventions 1.44.
inline constexpr char kBuildIdGnu[] = "process.executable.build_id.gnu";
inline constexpr char kBuildIdHtlhash[] = "process.executable.build_id.htlhash";
inline constexpr char kFrameType[] = "profile.frame.type";
inline constexpr char kFrameTypeNative[] = "native";
inline constexpr char kLocationIsFolded[] = "pprof.location.is_folded";
inline constexpr char kProfileComment[] = "pprof.profile.comment";

}  // namespace podo::encode::otlp

#endif  // PODO_LIB_ENCODE_OTLP_FIELDS_H_
