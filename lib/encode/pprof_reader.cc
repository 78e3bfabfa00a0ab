// SPDX-License-Identifier: Apache-2.0
#include "encode/pprof_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/compress.h"
#include "base/hash_map.h"
#include "encode/link_labels.h"
#include "encode/pbf_cursor.h"
#include "encode/pprof_fields.h"
#include "model/profile_builder.h"
#include "model/utf8.h"

namespace podo::encode {
namespace {

using model::LocationId;
using model::StringId;

// File ids of one table -> model indices.
using IdMap = base::HashMap<uint64_t, uint32_t>;

// Names of a message's numeric fields by field number; null where a field is none.
template <size_t N>
using FieldNames = std::array<const char*, N>;
constexpr FieldNames<16> kProfileFields = {
    nullptr,          nullptr, nullptr,       nullptr,       nullptr,
    nullptr,          nullptr, "drop_frames", "keep_frames", "time_nanos",
    "duration_nanos", nullptr, "period",      nullptr,       "default_sample_type",
    "doc_url"};
constexpr FieldNames<3> kValueTypeFields = {nullptr, "type", "unit"};
constexpr FieldNames<11> kMappingFields = {nullptr,
                                           "id",
                                           "memory_start",
                                           "memory_limit",
                                           "file_offset",
                                           "filename",
                                           "build_id",
                                           "has_functions",
                                           "has_filenames",
                                           "has_line_numbers",
                                           "has_inline_frames"};
constexpr FieldNames<6> kFunctionFields = {nullptr,       "id",       "name",
                                           "system_name", "filename", "start_line"};
constexpr FieldNames<6> kLocationFields = {nullptr,   "id",    "mapping_id",
                                           "address", nullptr, "is_folded"};
constexpr FieldNames<4> kLineFields = {nullptr, "function_id", "line", "column"};
constexpr FieldNames<5> kLabelFields = {nullptr, "key", "str", "num", "num_unit"};

// The numeric fields of a message by field number, 0 where absent, the last one where repeated as
// protobuf has it. `other` gets each remaining field and must take or skip it.
template <size_t N, typename Other>
std::array<uint64_t, N> ReadNumbers(PbfCursor& message, const FieldNames<N>& names, Other other) {
  std::array<uint64_t, N> values{};
  while (message.Next()) {
    const uint32_t field = message.field();
    if (field < N && names[field] != nullptr) {
      values[field] = message.Uint(names[field]);
    } else {
      other();
    }
  }
  return values;
}

template <size_t N>
std::array<uint64_t, N> ReadNumbers(PbfCursor& message, const FieldNames<N>& names) {
  return ReadNumbers(message, names, [&] { message.Skip(); });
}

// A message may refer to tables that stand after it in the file. So the file is walked once a
// table, in the order of their dependence; walking skips over messages and costs next to nothing.
class PprofReader {
 public:
  PprofReader(std::string_view bytes, const PprofLimits& limits) : bytes_(bytes), limits_(limits) {}

  base::StatusOr<model::Profile> Read() {
    ReadTop();
    if (!error_.ok()) {
      return base::InvalidArgumentError(
          absl::StrCat("not a pprof profile: ", std::string(error_.message()),
                       "; accepted: profile.proto, bare, gzip or zstd"));
    }
    ReadStrings();
    ReadProfileFields();
    Each(pprof::profile::kSampleType, "sample_type", &PprofReader::ReadSampleType);
    Each(pprof::profile::kPeriodType, "period_type", &PprofReader::ReadPeriodType);
    Each(pprof::profile::kMapping, "mapping", &PprofReader::ReadMapping);
    Each(pprof::profile::kFunction, "function", &PprofReader::ReadFunction);
    Each(pprof::profile::kLocation, "location", &PprofReader::ReadLocation);
    if (error_.ok() && profile_.sample_types.empty()) {
      Cursor().Fail("no sample_type; accepted: at least one, such as samples/count");
    }
    Each(pprof::profile::kSample, "sample", &PprofReader::ReadSample);
    if (!error_.ok()) return error_;
    return tables_.Take();
  }

 private:
  PbfCursor Cursor() { return PbfCursor(bytes_, "profile", 0, &error_); }

  // Calls `read` for each message of a repeated field of the profile.
  void Each(uint32_t field, const char* name, void (PprofReader::*read)(PbfCursor&)) {
    PbfCursor top = Cursor();
    size_t number = 0;
    while (top.Next()) {
      if (top.field() != field) {
        top.Skip();
        continue;
      }
      PbfCursor message(top.Bytes(name), name, ++number, &error_);
      if (number > limits_.max_table_entries) {
        message.Fail(absl::StrCat("accepted: at most ", limits_.max_table_entries));
      }
      (this->*read)(message);
    }
  }

  void ReadTop();
  void ReadStrings();
  void ReadProfileFields();
  model::ValueType ReadValueType(PbfCursor& message);
  void ReadSampleType(PbfCursor& message) {
    profile_.sample_types.push_back(ReadValueType(message));
  }
  void ReadPeriodType(PbfCursor& message) { profile_.period_type = ReadValueType(message); }
  void ReadMapping(PbfCursor& message);
  void ReadFunction(PbfCursor& message);
  void ReadLocation(PbfCursor& message);
  model::Line ReadLine(PbfCursor& message);
  void ReadSample(PbfCursor& message);
  model::Label ReadLabel(PbfCursor& message);
  void AddSample(PbfCursor& message, model::LabelSet labels);

  // A string of the table by its index.
  StringId String(PbfCursor& message, const char* name, uint64_t index);
  // Notes the id of a table's new entry.
  void AddId(PbfCursor& message, IdMap* ids, uint64_t id, size_t index);
  // The index of what `id` refers to; 0 for none.
  uint32_t Find(PbfCursor& message, const IdMap& ids, const char* name, uint64_t id);

  const std::string_view bytes_;
  const PprofLimits& limits_;
  base::Status error_;
  model::ProfileBuilder tables_{absl::Span<const std::pair<std::string_view, std::string_view>>()};
  model::Profile& profile_ = tables_.profile();
  IdMap mapping_ids_;
  IdMap function_ids_;
  IdMap location_ids_;
  std::array<uint64_t, 16> top_{};  // numeric fields of the profile itself, strings unresolved
  std::vector<uint64_t> comments_;
  // Of one sample.
  std::vector<uint64_t> location_refs_;
  std::vector<uint64_t> values_;
  std::vector<LocationId> stack_;
  // Used up so far.
  size_t frames_ = 0;
  size_t labels_ = 0;
};

void PprofReader::ReadTop() {
  PbfCursor top = Cursor();
  top_ = ReadNumbers(top, kProfileFields, [&] {
    if (top.field() == pprof::profile::kComment) {
      top.Uints("comment", limits_.max_table_entries, &comments_);
    } else if (top.field() <= pprof::profile::kDocUrl) {
      top.Bytes("a table's entry");  // read in its turn; here the wire type is checked
    } else {
      top.Skip();
    }
  });
}

void PprofReader::ReadStrings() {
  profile_.strings.clear();
  PbfCursor top = Cursor();
  while (top.Next()) {
    if (top.field() != pprof::profile::kStringTable) {
      top.Skip();
      continue;
    }
    profile_.strings.push_back(model::ToValidUtf8(top.Bytes("string_table")));
    if (profile_.strings.size() > limits_.max_table_entries) {
      top.Fail(
          absl::StrCat("string_table: accepted: at most ", limits_.max_table_entries, " strings"));
    }
  }
  if (profile_.strings.empty() || !profile_.strings[0].empty()) {
    top.Fail("string_table: accepted: a table whose first string is empty");
  }
}

void PprofReader::ReadProfileFields() {
  namespace field = pprof::profile;
  PbfCursor top = Cursor();
  profile_.time_ns = static_cast<int64_t>(top_[field::kTimeNanos]);
  profile_.duration_ns = static_cast<int64_t>(top_[field::kDurationNanos]);
  profile_.period = static_cast<int64_t>(top_[field::kPeriod]);
  profile_.drop_frames = String(top, "drop_frames", top_[field::kDropFrames]);
  profile_.keep_frames = String(top, "keep_frames", top_[field::kKeepFrames]);
  profile_.default_sample_type =
      String(top, "default_sample_type", top_[field::kDefaultSampleType]);
  profile_.doc_url = String(top, "doc_url", top_[field::kDocUrl]);
  for (const uint64_t comment : comments_) {
    profile_.comments.push_back(String(top, "comment", comment));
  }
}

StringId PprofReader::String(PbfCursor& message, const char* name, uint64_t index) {
  if (index < profile_.strings.size()) return static_cast<StringId>(index);
  message.Fail(absl::StrCat(name, " ", index, "; accepted: an index of the string table, 0 to ",
                            profile_.strings.size() - 1));
  return {};
}

void PprofReader::AddId(PbfCursor& message, IdMap* ids, uint64_t id, size_t index) {
  if (id == 0) {
    message.Fail("id 0 or none; accepted: from 1");
  } else if (!ids->try_emplace(id, static_cast<uint32_t>(index)).second) {
    message.Fail(absl::StrCat("id ", id, " is given twice; accepted: one entry an id"));
  }
}

uint32_t PprofReader::Find(PbfCursor& message, const IdMap& ids, const char* name, uint64_t id) {
  if (id == 0) return 0;
  if (const auto it = ids.find(id); it != ids.end()) return it->second;
  message.Fail(absl::StrCat(name, " ", id, " is not in the file; accepted: an id of its table"));
  return 0;
}

model::ValueType PprofReader::ReadValueType(PbfCursor& message) {
  const auto values = ReadNumbers(message, kValueTypeFields);
  return {.type = String(message, "type", values[pprof::value_type::kType]),
          .unit = String(message, "unit", values[pprof::value_type::kUnit])};
}

void PprofReader::ReadMapping(PbfCursor& message) {
  namespace field = pprof::mapping;
  const auto values = ReadNumbers(message, kMappingFields);
  AddId(message, &mapping_ids_, values[field::kId], profile_.mappings.size());
  profile_.mappings.push_back({
      .start = values[field::kMemoryStart],
      .limit = values[field::kMemoryLimit],
      .file_offset = values[field::kFileOffset],
      .filename = String(message, "filename", values[field::kFilename]),
      .build_id = String(message, "build_id", values[field::kBuildId]),
      .has_functions = values[field::kHasFunctions] != 0,
      .has_filenames = values[field::kHasFilenames] != 0,
      .has_line_numbers = values[field::kHasLineNumbers] != 0,
      .has_inline_frames = values[field::kHasInlineFrames] != 0,
  });
}

void PprofReader::ReadFunction(PbfCursor& message) {
  namespace field = pprof::function;
  const auto values = ReadNumbers(message, kFunctionFields);
  AddId(message, &function_ids_, values[field::kId], profile_.functions.size());
  profile_.functions.push_back({
      .name = String(message, "name", values[field::kName]),
      .system_name = String(message, "system_name", values[field::kSystemName]),
      .filename = String(message, "filename", values[field::kFilename]),
      .start_line = static_cast<int64_t>(values[field::kStartLine]),
  });
}

void PprofReader::ReadLocation(PbfCursor& message) {
  namespace field = pprof::location;
  model::Location location;
  const auto values = ReadNumbers(message, kLocationFields, [&] {
    if (message.field() != field::kLine) return message.Skip();
    PbfCursor line(message.Bytes("line"), "line of a location", 0, &error_);
    location.lines.push_back(ReadLine(line));
  });
  AddId(message, &location_ids_, values[field::kId], profile_.locations.size());
  location.mapping = static_cast<model::MappingId>(
      Find(message, mapping_ids_, "mapping_id", values[field::kMappingId]));
  location.address = values[field::kAddress];
  location.is_folded = values[field::kIsFolded] != 0;
  profile_.locations.push_back(std::move(location));
}

model::Line PprofReader::ReadLine(PbfCursor& message) {
  const auto values = ReadNumbers(message, kLineFields);
  return {.function = static_cast<model::FunctionId>(
              Find(message, function_ids_, "function_id", values[pprof::line::kFunctionId])),
          .line = static_cast<int64_t>(values[pprof::line::kLine]),
          .column = static_cast<int64_t>(values[pprof::line::kColumn])};
}

void PprofReader::ReadSample(PbfCursor& message) {
  location_refs_.clear();
  values_.clear();
  model::LabelSet labels;
  while (message.Next()) {
    switch (message.field()) {
      case pprof::sample::kLocationId:
        message.Uints("location_id", limits_.max_frames, &location_refs_);
        break;
      case pprof::sample::kValue:
        message.Uints("value", profile_.sample_types.size(), &values_);
        break;
      case pprof::sample::kLabel: {
        PbfCursor label(message.Bytes("label"), "label of a sample", 0, &error_);
        labels.labels.push_back(ReadLabel(label));
        if (++labels_ > limits_.max_labels) {
          message.Fail(absl::StrCat("accepted: at most ", limits_.max_labels, " labels in all"));
        }
        break;
      }
      default:
        message.Skip();
    }
  }
  AddSample(message, std::move(labels));
}

model::Label PprofReader::ReadLabel(PbfCursor& message) {
  const auto values = ReadNumbers(message, kLabelFields);
  return {.key = String(message, "key", values[pprof::label::kKey]),
          .string = String(message, "str", values[pprof::label::kStr]),
          .number = static_cast<int64_t>(values[pprof::label::kNum]),
          .number_unit = String(message, "num_unit", values[pprof::label::kNumUnit])};
}

void PprofReader::AddSample(PbfCursor& message, model::LabelSet labels) {
  if (values_.size() != profile_.sample_types.size()) {
    message.Fail(absl::StrCat(values_.size(), " values; accepted: ", profile_.sample_types.size(),
                              ", one per sample_type"));
  }
  if (profile_.values.size() + values_.size() > limits_.max_values) {
    message.Fail(absl::StrCat("accepted: at most ", limits_.max_values, " values in all"));
  }
  stack_.clear();
  for (const uint64_t id : location_refs_) {
    if (id == 0) message.Fail("location_id 0; accepted: an id of its table");
    const uint32_t index = Find(message, location_ids_, "location_id", id);
    frames_ += std::max<size_t>(1, profile_.locations[index].lines.size());
    stack_.push_back(static_cast<LocationId>(index));
  }
  if (frames_ > limits_.max_frames) {
    message.Fail(absl::StrCat("accepted: at most ", limits_.max_frames, " frames in all"));
  }
  if (!error_.ok()) return;
  const model::LinkId link = tables_.AddLink(TakeLink(profile_, &labels));
  profile_.samples.push_back(
      {tables_.AddStack(stack_), tables_.AddLabelSet(std::move(labels)), link});
  for (const uint64_t value : values_) profile_.values.push_back(static_cast<int64_t>(value));
}

// A gperftools CPU profile: words 0, 3, 0, period, in the machine's byte order.
bool IsGperftoolsCpu(std::string_view bytes) {
  constexpr char kHeader[24] = {0, 0, 0, 0, 0, 0, 0, 0, 3};
  return bytes.substr(0, sizeof kHeader) == std::string_view(kHeader, sizeof kHeader);
}

}  // namespace

base::StatusOr<model::Profile> ReadPprof(std::string_view file, const PprofLimits& limits) {
  if (file.empty()) {
    return base::InvalidArgumentError("empty; accepted: profile.proto, bare, gzip or zstd");
  }
  std::string unpacked;
  if (base::IsGzip(file) || base::IsZstd(file)) {
    auto bytes = base::IsGzip(file) ? base::GzipDecompress(file, limits.max_bytes)
                                    : base::ZstdDecompress(file, limits.max_bytes);
    if (!bytes.ok()) return bytes.status();
    unpacked = *std::move(bytes);
    file = unpacked;
  }
  if (file.size() > limits.max_bytes) {
    return base::ResourceExhaustedError(
        absl::StrCat("a profile of ", file.size(), " bytes; accepted: at most ", limits.max_bytes));
  }
  if (IsGperftoolsCpu(file)) {
    return base::InvalidArgumentError(
        "a gperftools CPU profile, not pprof; `pprof -proto PROGRAM FILE` converts it");
  }
  return PprofReader(file, limits).Read();
}

}  // namespace podo::encode
