// SPDX-License-Identifier: Apache-2.0
#include "symbolize/line_program.h"

#include <dwarf.h>

#include <algorithm>

namespace podo::symbolize {

LineProgram::LineProgram(const LineSections& sections, uint64_t offset, std::string_view comp_dir)
    : sections_(sections), comp_dir_(comp_dir) {
  ByteCursor cursor(sections.line);
  cursor.Skip(offset);
  uint64_t length = cursor.U32();
  const bool dwarf64 = length == 0xFFFFFFFF;
  if (dwarf64) length = cursor.U64();
  const Bytes unit = cursor.Take(length);
  if (cursor.ok()) ReadHeader(ByteCursor(unit), dwarf64);
}

void LineProgram::ReadHeader(ByteCursor unit, bool dwarf64) {
  version_ = unit.U16();
  if (version_ < 2 || version_ > 5) return;
  if (version_ == 5) unit.Skip(2);  // address size, segment selector size
  const uint64_t header_length = unit.Offset(dwarf64);
  const Bytes header = unit.Take(header_length);
  if (!unit.ok()) return;
  program_ = unit.rest();

  ByteCursor cursor(header);
  min_instruction_bytes_ = cursor.U8();
  if (version_ >= 4) cursor.Skip(1);  // operations per instruction: 1 but on VLIW machines
  cursor.Skip(1);                     // default_is_stmt: every row counts here
  line_base_ = static_cast<int8_t>(cursor.U8());
  line_range_ = cursor.U8();
  opcode_base_ = cursor.U8();
  if (opcode_base_ == 0 || line_range_ == 0) return;
  opcode_lengths_ = cursor.Take(opcode_base_ - 1u);
  if (version_ == 5) {
    ReadTablesV5(&cursor, dwarf64);
  } else {
    ReadTablesV4(&cursor);
  }
  ok_ = cursor.ok();
}

void LineProgram::ReadTablesV4(ByteCursor* cursor) {
  directories_.push_back({comp_dir_, 0});
  for (std::string_view name = cursor->CString(); !name.empty(); name = cursor->CString()) {
    directories_.push_back({name, 0});
  }
  files_.emplace_back();  // files count from 1
  for (std::string_view name = cursor->CString(); !name.empty(); name = cursor->CString()) {
    const uint64_t directory = cursor->Uleb();
    cursor->Uleb();  // time
    cursor->Uleb();  // size
    files_.push_back({name, directory});
  }
}

void LineProgram::ReadTablesV5(ByteCursor* cursor, bool dwarf64) {
  directories_ = ReadEntriesV5(cursor, dwarf64);
  files_ = ReadEntriesV5(cursor, dwarf64);
}

std::vector<LineProgram::Entry> LineProgram::ReadEntriesV5(ByteCursor* cursor, bool dwarf64) {
  std::vector<Format> formats(cursor->U8());
  for (Format& format : formats) format = {cursor->Uleb(), cursor->Uleb()};
  const uint64_t count = cursor->Uleb();
  std::vector<Entry> entries;
  // Each entry takes a byte at least, so that the count cannot outrun the bytes.
  for (uint64_t i = 0; i < count && !formats.empty() && !cursor->AtEnd(); ++i) {
    const size_t before = cursor->offset();
    entries.push_back(ReadEntryV5(cursor, formats, dwarf64));
    if (cursor->offset() == before) cursor->Skip(~uint64_t{0});
  }
  return entries;
}

LineProgram::Entry LineProgram::ReadEntryV5(ByteCursor* cursor, absl::Span<const Format> formats,
                                            bool dwarf64) {
  Entry entry;
  for (const Format& format : formats) {
    std::string_view text;
    uint64_t number = 0;
    switch (format.form) {
      case DW_FORM_string:
        text = cursor->CString();
        break;
      case DW_FORM_line_strp:
        text = StringAt(sections_.line_str, cursor->Offset(dwarf64));
        break;
      case DW_FORM_strp:
        text = StringAt(sections_.str, cursor->Offset(dwarf64));
        break;
      case DW_FORM_udata:
        number = cursor->Uleb();
        break;
      case DW_FORM_data1:
        number = cursor->U8();
        break;
      case DW_FORM_data2:
        number = cursor->U16();
        break;
      case DW_FORM_data4:
        number = cursor->U32();
        break;
      case DW_FORM_data8:
        number = cursor->U64();
        break;
      case DW_FORM_data16:
        cursor->Skip(16);
        break;
      case DW_FORM_block:
        cursor->Skip(cursor->Uleb());
        break;
      // An unknown form has an unknown length: what follows cannot be read.
      default:
        cursor->Skip(~uint64_t{0});
        break;
    }
    if (format.content == DW_LNCT_path) entry.name = text;
    if (format.content == DW_LNCT_directory_index) entry.directory = number;
  }
  return entry;
}

std::string_view LineProgram::StringAt(Bytes section, uint64_t offset) const {
  ByteCursor cursor(section);
  cursor.Skip(offset);
  return cursor.CString();
}

std::string LineProgram::FileName(uint64_t index) const {
  if (index >= files_.size() || files_[index].name.empty()) return {};
  const Entry& file = files_[index];
  std::string path;
  auto prepend = [&path](std::string_view directory) {
    if (directory.empty() || (!path.empty() && path[0] == '/')) return;
    path = path.empty() ? std::string(directory) : std::string(directory) + "/" + path;
  };
  prepend(file.name);
  if (file.directory < directories_.size()) prepend(directories_[file.directory].name);
  prepend(comp_dir_);
  return path;
}

namespace {

struct Row {
  uint64_t address = 0;
  uint64_t file = 1;
  uint64_t line = 1;
};

// Takes the rows of one sequence in order and gives each span between two of them to the
// addresses inside it.
class RowMatcher {
 public:
  RowMatcher(absl::Span<const uint64_t> addresses, absl::Span<LineHit> hits)
      : addresses_(addresses), hits_(hits) {}

  void Take(const Row& row, bool end_of_sequence) {
    if (has_previous_ && row.address > previous_.address) {
      if (next_ == kUnset) Seek(previous_.address);
      // Dead code that the linker threw away keeps its rows, at address 0 or near it.
      const bool dead = sequence_start_ == 0;
      for (; next_ < addresses_.size() && addresses_[next_] < row.address; ++next_) {
        if (!dead && !hits_[next_].found) hits_[next_] = {previous_.file, previous_.line, true};
      }
    } else if (has_previous_ && row.address < previous_.address) {
      next_ = kUnset;  // rows must not go back inside a sequence; start over with this one
    }
    if (!has_previous_) sequence_start_ = row.address;
    previous_ = row;
    has_previous_ = !end_of_sequence;
    if (end_of_sequence) next_ = kUnset;
  }

 private:
  static constexpr size_t kUnset = ~size_t{0};
  void Seek(uint64_t address) {
    next_ = static_cast<size_t>(std::lower_bound(addresses_.begin(), addresses_.end(), address) -
                                addresses_.begin());
  }

  absl::Span<const uint64_t> addresses_;
  absl::Span<LineHit> hits_;
  Row previous_;
  bool has_previous_ = false;
  uint64_t sequence_start_ = 0;
  size_t next_ = kUnset;
};

}  // namespace

void LineProgram::Match(absl::Span<const uint64_t> addresses, absl::Span<LineHit> hits,
                        Budget* budget) const {
  if (!ok_ || addresses.empty()) return;
  ByteCursor cursor(program_);
  RowMatcher matcher(addresses, hits);
  Row row;
  while (!cursor.AtEnd() && budget->Spend()) {
    const uint8_t opcode = cursor.U8();
    if (opcode >= opcode_base_) {
      const uint8_t adjusted = static_cast<uint8_t>(opcode - opcode_base_);
      row.address += uint64_t{adjusted} / line_range_ * min_instruction_bytes_;
      row.line += static_cast<uint64_t>(int64_t{line_base_} + adjusted % line_range_);
      matcher.Take(row, false);
      continue;
    }
    switch (opcode) {
      case 0: {  // extended
        ByteCursor extended(cursor.Take(cursor.Uleb()));
        const uint8_t kind = extended.U8();
        if (kind == DW_LNE_end_sequence) {
          matcher.Take(row, true);
          row = Row{};
        } else if (kind == DW_LNE_set_address) {
          row.address = extended.U64();
        }
        break;
      }
      case DW_LNS_copy:
        matcher.Take(row, false);
        break;
      case DW_LNS_advance_pc:
        row.address += cursor.Uleb() * min_instruction_bytes_;
        break;
      case DW_LNS_advance_line:
        row.line += static_cast<uint64_t>(cursor.Sleb());
        break;
      case DW_LNS_set_file:
        row.file = cursor.Uleb();
        break;
      case DW_LNS_const_add_pc:
        row.address += uint64_t{255u - opcode_base_} / line_range_ * min_instruction_bytes_;
        break;
      case DW_LNS_fixed_advance_pc:
        row.address += cursor.U16();
        break;
      default:  // column, is_stmt, block, prologue, epilogue, isa, and what is yet to come
        for (uint8_t i = 0; i < opcode_lengths_[opcode - 1u]; ++i) cursor.Uleb();
        break;
    }
  }
}

}  // namespace podo::symbolize
