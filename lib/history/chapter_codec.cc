// SPDX-License-Identifier: Apache-2.0
#include "history/chapter_codec.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/compress.h"
#include "history/varint.h"

namespace podo::history {
namespace {

constexpr uint64_t kAny = uint64_t{1} << 32;

// Each table is written column by column: numbers of one kind stand together and compress better.
class Packer {
 public:
  explicit Packer(base::PageString* out) : out_(*out) {}

  template <typename Rows, typename Get>
  void Column(const Rows& rows, size_t from, Get get) {
    for (size_t i = from; i < rows.size(); ++i) PutVarint(&out_, get(rows[i]));
  }
  template <typename Rows, typename Get>
  void SignedColumn(const Rows& rows, size_t from, Get get) {
    for (size_t i = from; i < rows.size(); ++i) PutSigned(&out_, get(rows[i]));
  }
  void Strings(const Tables& t, uint32_t from) {
    PutVarint(&out_, t.string_ends.size() - from);
    for (uint32_t i = from; i < t.string_ends.size(); ++i) PutVarint(&out_, t.String(i).size());
    out_.append(t.text, t.string_ends[from - 1], std::string::npos);
  }
  void Functions(const base::PageVector<FunctionRow>& rows, uint32_t from) {
    PutVarint(&out_, rows.size() - from);
    Column(rows, from, [](const FunctionRow& r) { return r.name; });
    // As a difference: the two names stand beside one another in the table of strings.
    SignedColumn(rows, from,
                 [](const FunctionRow& r) { return int64_t{r.system_name} - int64_t{r.name}; });
    Column(rows, from, [](const FunctionRow& r) { return r.filename; });
    SignedColumn(rows, from, [](const FunctionRow& r) { return r.start_line; });
  }
  void Mapping(const MappingRow& r) {
    for (const uint64_t n : {uint64_t{r.filename}, uint64_t{r.build_id}, r.file_offset, r.bytes,
                             r.start, uint64_t{r.htlhash}, uint64_t{r.flags}}) {
      PutVarint(&out_, n);
    }
  }
  void Lines(const Tables& t, const LocationRow& row) {
    PutVarint(&out_, row.lines);
    for (uint32_t i = row.first_line; i < row.first_line + row.lines; ++i) {
      PutVarint(&out_, t.lines[i].function);
      PutSigned(&out_, t.lines[i].line);
      PutSigned(&out_, t.lines[i].column);
    }
  }
  void Locations(const Tables& t, uint32_t from) {
    const auto& rows = t.locations;
    PutVarint(&out_, rows.size() - from);
    Column(rows, from, [](const LocationRow& r) { return r.mapping * uint64_t{2} + r.is_folded; });
    uint64_t last = 0;
    for (size_t i = from; i < rows.size(); ++i) {
      PutSigned(&out_, static_cast<int64_t>(rows[i].offset - last));
      last = rows[i].offset;
    }
    for (size_t i = from; i < rows.size(); ++i) Lines(t, rows[i]);
  }
  void Nodes(const base::PageVector<NodeRow>& rows, uint32_t from) {
    PutVarint(&out_, rows.size() - from);
    for (uint32_t i = from; i < rows.size(); ++i) PutVarint(&out_, i - rows[i].parent);
    Column(rows, from, [](const NodeRow& r) { return r.location; });
  }
  void LabelSets(const Tables& t, uint32_t from) {
    PutVarint(&out_, t.label_set_ends.size() - from);
    for (uint32_t i = from; i < t.label_set_ends.size(); ++i) {
      PutVarint(&out_, t.label_set_ends[i] - t.LabelsBegin(i));
    }
    const size_t first = t.label_set_ends[from - 1];
    Column(t.labels, first, [](const LabelRow& r) { return r.key; });
    Column(t.labels, first, [](const LabelRow& r) { return r.string; });
    Column(t.labels, first, [](const LabelRow& r) { return r.unit; });
    SignedColumn(t.labels, first, [](const LabelRow& r) { return r.number; });
  }
  void Keys(const base::PageVector<KeyRow>& rows, uint32_t from) {
    PutVarint(&out_, rows.size() - from);
    int64_t last = 0;
    for (uint32_t i = from; i < rows.size(); ++i) {
      PutSigned(&out_, int64_t{rows[i].node} - last);
      last = rows[i].node;
    }
    Column(rows, from, [](const KeyRow& r) { return r.label_set; });
  }
  void Stream(const base::PageString& stream, size_t from) {
    PutVarint(&out_, stream.size() - from);
    out_.append(stream, from, std::string::npos);
  }

 private:
  base::PageString& out_;
};

class Unpacker {
 public:
  Unpacker(std::string_view bytes, Contents* contents)
      : in_(bytes), t_(contents->tables), s_(contents->streams) {}

  bool All() {
    Strings();
    Functions();
    Mappings();
    Locations();
    Nodes();
    LabelSets();
    Keys();
    ChangedNames();
    Windows();
    return in_.ok() && in_.empty() && References();
  }

 private:
  void Strings() {
    const uint32_t count = in_.Count();
    uint64_t total = 0;
    for (uint32_t i = 0; i < count && in_.ok(); ++i) {
      total += in_.Below(kMaxUnpackedBytes);
      if (t_.text.size() + total >= kAny) return Refuse();
      t_.string_ends.push_back(static_cast<uint32_t>(t_.text.size() + total));
    }
    const std::string_view text = in_.Bytes(total);
    if (in_.ok()) t_.text.append(text);
  }
  uint32_t String() { return in_.Below(t_.string_ends.size()); }

  void Functions() {
    const size_t from = t_.functions.size();
    t_.functions.resize(from + in_.Count(4));
    const auto rows = absl::MakeSpan(t_.functions).subspan(from);
    for (FunctionRow& r : rows) r.name = String();
    for (FunctionRow& r : rows) {
      const int64_t id = int64_t{r.name} + in_.Signed() % int64_t{kAny};
      if (id < 0 || id >= static_cast<int64_t>(t_.string_ends.size())) return Refuse();
      r.system_name = static_cast<uint32_t>(id);
    }
    for (FunctionRow& r : rows) r.filename = String();
    for (FunctionRow& r : rows) r.start_line = in_.Signed();
  }
  MappingRow Mapping() {
    MappingRow r;
    r.filename = String();
    r.build_id = String();
    r.file_offset = in_.Varint();
    r.bytes = in_.Varint();
    r.start = in_.Varint();
    r.htlhash = String();
    r.flags = in_.Below(kAny);
    return r;
  }
  void Mappings() {
    for (uint32_t left = in_.Count(); left > 0 && in_.ok(); --left) {
      t_.mappings.push_back(Mapping());
    }
  }
  void Lines(LocationRow* row) {
    row->first_line = static_cast<uint32_t>(t_.lines.size());
    row->lines = in_.Count();
    for (uint32_t i = 0; i < row->lines && in_.ok(); ++i) {
      LineRow line;
      line.function = in_.Below(t_.functions.size());
      line.line = in_.Signed();
      line.column = in_.Signed();
      t_.lines.push_back(line);
    }
    if (!in_.ok()) row->lines = 0;
  }
  void Locations() {
    const size_t from = t_.locations.size();
    t_.locations.resize(from + in_.Count(3));
    const auto rows = absl::MakeSpan(t_.locations).subspan(from);
    for (LocationRow& r : rows) {
      const uint32_t both = in_.Below(t_.mappings.size() * uint64_t{2});
      r.mapping = both / 2;
      r.is_folded = both % 2 != 0;
    }
    uint64_t last = 0;
    for (LocationRow& r : rows) r.offset = last += static_cast<uint64_t>(in_.Signed());
    for (LocationRow& r : rows) Lines(&r);
  }
  void Nodes() {
    const size_t from = t_.nodes.size();
    t_.nodes.resize(from + in_.Count(2));
    for (size_t i = from; i < t_.nodes.size(); ++i) {
      const uint32_t back = in_.Below(i + 1);
      if (back == 0) return Refuse();  // a node is not its own parent
      t_.nodes[i].parent = static_cast<uint32_t>(i - back);
    }
    for (size_t i = from; i < t_.nodes.size(); ++i) {
      t_.nodes[i].location = in_.Below(t_.locations.size());
    }
  }
  void LabelSets() {
    const uint32_t count = in_.Count();
    const size_t from = t_.labels.size();
    uint64_t total = 0;
    for (uint32_t i = 0; i < count && in_.ok(); ++i) {
      total += in_.Count();
      if (from + total >= kMaxUnpackedBytes) return Refuse();
      t_.label_set_ends.push_back(static_cast<uint32_t>(from + total));
    }
    if (!in_.ok()) return;
    t_.labels.resize(from + total);
    const auto rows = absl::MakeSpan(t_.labels).subspan(from);
    for (LabelRow& r : rows) r.key = String();
    for (LabelRow& r : rows) r.string = String();
    for (LabelRow& r : rows) r.unit = String();
    for (LabelRow& r : rows) r.number = in_.Signed();
  }
  void Keys() {
    const size_t from = t_.keys.size();
    t_.keys.resize(from + in_.Count(2));
    int64_t last = 0;
    for (size_t i = from; i < t_.keys.size(); ++i) {
      last += in_.Signed() % int64_t{kAny};
      if (last < 0 || last >= static_cast<int64_t>(t_.nodes.size())) return Refuse();
      t_.keys[i].node = static_cast<uint32_t>(last);
    }
    for (size_t i = from; i < t_.keys.size(); ++i) {
      t_.keys[i].label_set = in_.Below(t_.label_set_ends.size());
    }
  }
  void ChangedNames() {
    for (uint32_t left = in_.Count(); left > 0 && in_.ok(); --left) {
      const uint32_t id = in_.Below(t_.mappings.size());
      const MappingRow row = Mapping();
      if (id == 0 || !in_.ok()) return Refuse();
      t_.mappings[id] = row;
    }
    for (uint32_t left = in_.Count(); left > 0 && in_.ok(); --left) {
      const uint32_t id = in_.Below(t_.locations.size());
      if (id == 0) return Refuse();
      Lines(&t_.locations[id]);
    }
  }
  void Windows() {
    s_.windows += in_.Below(kAny);
    for (base::PageString* stream : {&s_.heads, &s_.keys, &s_.counts, &s_.cpus}) {
      stream->append(in_.Bytes(in_.Varint()));
    }
  }
  // The windows hold what they say, and nothing else.
  bool References() {
    WindowReader reader(s_, t_.keys.size());
    WindowHead head;
    uint32_t windows = 0;
    while (reader.Next(&head)) {
      for (const uint32_t comment : head.comments) {
        if (comment >= t_.string_ends.size()) return false;
      }
      if (head.span_ns() < 0 || head.duration_ns < 0) return false;
      reader.Check(head);
      s_.last_end_ns = head.end_ns;
      ++windows;
    }
    return reader.ok() && reader.AtEnd() && windows == s_.windows;
  }
  void Refuse() { in_.Refuse(); }

  ByteReader in_;
  Tables& t_;
  Streams& s_;
};

}  // namespace

Written AllOf(const Tables& t, const Streams& s) {
  const auto of = [](const auto& rows) { return static_cast<uint32_t>(rows.size()); };
  return {.marks = {.strings = of(t.string_ends),
                    .functions = of(t.functions),
                    .mappings = of(t.mappings),
                    .locations = of(t.locations),
                    .nodes = of(t.nodes),
                    .label_sets = of(t.label_set_ends),
                    .keys = of(t.keys)},
          .windows = s.windows,
          .heads = s.heads.size(),
          .keys = s.keys.size(),
          .counts = s.counts.size(),
          .cpus = s.cpus.size()};
}

base::StatusOr<std::string> PackRecord(const Tables& tables, const Streams& streams,
                                       const Written& written, const Interner::Changed& changed,
                                       int level) {
  base::PageString raw;
  Packer packer(&raw);
  const Interner::Marks& from = written.marks;
  packer.Strings(tables, from.strings);
  packer.Functions(tables.functions, from.functions);
  PutVarint(&raw, tables.mappings.size() - from.mappings);
  for (size_t i = from.mappings; i < tables.mappings.size(); ++i) {
    packer.Mapping(tables.mappings[i]);
  }
  packer.Locations(tables, from.locations);
  packer.Nodes(tables.nodes, from.nodes);
  packer.LabelSets(tables, from.label_sets);
  packer.Keys(tables.keys, from.keys);
  // What is new anyway was written above as it is now.
  std::vector<uint32_t> mappings, locations;
  for (const uint32_t id : changed.mappings) {
    if (id < from.mappings) mappings.push_back(id);
  }
  for (const uint32_t id : changed.locations) {
    if (id < from.locations) locations.push_back(id);
  }
  PutVarint(&raw, mappings.size());
  for (const uint32_t id : mappings) {
    PutVarint(&raw, id);
    packer.Mapping(tables.mappings[id]);
  }
  PutVarint(&raw, locations.size());
  for (const uint32_t id : locations) {
    PutVarint(&raw, id);
    packer.Lines(tables, tables.locations[id]);
  }
  PutVarint(&raw, streams.windows - written.windows);
  packer.Stream(streams.heads, written.heads);
  packer.Stream(streams.keys, written.keys);
  packer.Stream(streams.counts, written.counts);
  packer.Stream(streams.cpus, written.cpus);
  return base::ZstdCompress(raw, level);
}

base::Status UnpackRecord(std::string_view packed, Contents* contents) {
  const base::StatusOr<std::string> raw = base::ZstdDecompress(packed, kMaxUnpackedBytes);
  if (!raw.ok()) return raw.status();
  if (Unpacker(*raw, contents).All()) return base::OkStatus();
  return base::DataLossError(
      absl::StrCat("damaged history: a record of ", raw->size(), " bytes does not fit together"));
}

}  // namespace podo::history
