// SPDX-License-Identifier: Apache-2.0
#include "capture/eh_frame.h"

#include <doctest/doctest.h>

#include <string>

#include "eh_bytes.h"

namespace podo::capture {
namespace {

constexpr uint64_t kText = 0x1000;
constexpr uint64_t kTextEnd = 0x1100;
constexpr uint64_t kFrame = 0x5000;

struct Built {
  std::string text;  // Describe() of the rows, or the error
  EhFrameCounts counts;
};

Built Build(const Bytes& bytes, uint64_t last_fde_offset = 0, EhBases bases = {}) {
  EhFrameInput input;
  input.bytes = bytes;
  input.address = kFrame;
  input.last_fde_offset = last_fde_offset;
  input.bases = bases;
  input.text = {{kText, kTextEnd}};
  Built built;
  const base::StatusOr<RowTable> table = BuildRows(input, &built.counts);
  built.text = table.ok() ? Describe(table->rows()) : std::string(table.status().message());
  return built;
}

}  // namespace

TEST_CASE("Every address encoding that occurs in FDEs is understood") {
  struct Case {
    std::string name;
    uint8_t encoding;
    Bytes address;  // of kText, written at kFrame + 0x20
    Bytes length;   // 0x100
    std::string rows;
  };
  constexpr uint64_t field = kFrame + 0x20;
  const Case cases[] = {
      {"absptr", 0x00, Le(kText, 8), Le(0x100, 8), "0:r7+8"},
      {"uleb128", 0x01, Uleb(kText), Uleb(0x100), "0:r7+8"},
      {"udata2", 0x02, Le(kText, 2), Le(0x100, 2), "0:r7+8"},
      {"udata4", 0x03, Le(kText, 4), Le(0x100, 4), "0:r7+8"},
      {"udata8", 0x04, Le(kText, 8), Le(0x100, 8), "0:r7+8"},
      {"sleb128", 0x09, {0x80, 0x20}, {0x80, 0x02}, "0:r7+8"},
      {"sdata2", 0x0a, Le(kText, 2), Le(0x100, 2), "0:r7+8"},
      {"sdata4", 0x0b, Le(kText, 4), Le(0x100, 4), "0:r7+8"},
      {"sdata8", 0x0c, Le(kText, 8), Le(0x100, 8), "0:r7+8"},
      {"pcrel sdata2", 0x1a, Le(kText - field, 2), Le(0x100, 2), "0:r7+8"},
      {"pcrel sdata4", 0x1b, Le(kText - field, 4), Le(0x100, 4), "0:r7+8"},
      {"pcrel sdata8", 0x1c, Le(kText - field, 8), Le(0x100, 8), "0:r7+8"},
      {"textrel", 0x2b, Le(kText - 0x800, 4), Le(0x100, 4), "0:r7+8"},
      {"datarel", 0x3b, Le(kText - 0x4000, 4), Le(0x100, 4), "0:r7+8"},
      {"indirect cannot be followed", 0x9b, Le(kText - field, 4), Le(0x100, 4), "0:none"},
      {"omitted", 0xff, {}, {}, "0:none"},
      {"a format nobody knows", 0x0e, Le(kText, 4), Le(0x100, 4), "0:none"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    EhBytes section(kFrame);
    const size_t cie = section.Cie(
        Join({{1}, Text("zR"), {1, 0x78, 16, 1, c.encoding}, {0x0c, 7, 8, 0x90, 1}, {0, 0}}));
    REQUIRE(section.next_address() + EhBytes::kFdeFieldOffset == field);
    section.Fde(cie, Join({c.address, c.length, {0}}));
    CHECK(Build(section.bytes(), 0, {.text = 0x800, .data = 0x4000}).text == c.rows);
  }
}

TEST_CASE("set_loc reads its address in the CIE's encoding") {
  EhBytes section(kFrame);
  const size_t cie =
      section.Cie(Join({{1}, Text("zR"), {1, 0x78, 16, 1, 0x03}, {0x0c, 7, 8, 0x90, 1}}));
  section.Fde(cie,
              Join({Le(kText, 4), Le(0x100, 4), {0}, {0x01}, Le(kText + 0x30, 4), {0x0e, 16}}));
  CHECK(Build(section.bytes()).text == "0:r7+8 30:r7+16");
}

TEST_CASE("Every CIE that compilers and linkers write is understood, others cost their FDEs only") {
  const Bytes start = {0x0c, 7, 8, 0x90, 1};  // CFA = rsp + 8, return address at CFA - 8
  struct Case {
    std::string name;
    Bytes cie;
    bool augmented;
    std::string rows;
  };
  const Case cases[] = {
      {"version 1", Join({{1}, Text("zR"), {1, 0x78, 16, 1, 0x03}, start}), true, "0:r7+8"},
      {"version 3: LEB128 register", Join({{3}, Text("zR"), {1, 0x78, 0x90, 0, 1, 0x03}, start}),
       true, "0:r7+8"},
      {"version 4: address and segment size",
       Join({{4}, Text("zR"), {8, 0}, {1, 0x78, 16, 1, 0x03}, start}), true, "0:r7+8"},
      {"personality, language data, signal, key B",
       Join({{1}, Text("zPLRB"), {1, 0x78, 16, 7, 0x9b, 1, 2, 3, 4, 0x1b, 0x03}, start}), true,
       "0:r7+8"},
      {"personality of 8 bytes, aligned",  // padded to an address that 8 divides: 0x5018
       Join({{1}, Text("zPR"), {1, 0x78, 16, 16, 0x50}, Bytes(14, 0), {0x03}, start}), true,
       "0:r7+8"},
      {"version 2 does not exist", Join({{2}, Text("zR"), {1, 0x78, 16, 1, 0x03}, start}), true,
       "0:none"},
      {"version 4 of 4-byte addresses",
       Join({{4}, Text("zR"), {4, 0}, {1, 0x78, 16, 1, 0x03}, start}), true, "0:none"},
      {"an unknown letter", Join({{1}, Text("zRQ"), {1, 0x78, 16, 1, 0x03}, start}), true,
       "0:none"},
      {"letters without z", Join({{1}, Text("R"), {1, 0x78, 16, 1, 0x03}, start}), true, "0:none"},
      {"another return address register", Join({{1}, Text("zR"), {1, 0x78, 15, 1, 0x03}, start}),
       true, "0:none"},
      {"an augmentation longer than the CIE",
       Join({{1}, Text("zR"), {1, 0x78, 16, 100, 0x03}, start}), true, "0:none"},
      {"a name without end", {1, 'z', 'R'}, true, "0:none"},
      {"no rule for the return address",
       Join({{1}, Text("zR"), {1, 0x78, 16, 1, 0x03}, {0x0c, 7, 8}}), true, "0:unsupported"},
      {"a location in a CIE", Join({{1}, Text("zR"), {1, 0x78, 16, 1, 0x03}, start, {0x41}}), true,
       "0:none"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    EhBytes section(kFrame);
    const size_t cie = section.Cie(c.cie);
    section.Fde(cie, Join({Le(kText, 4), Le(0x100, 4), {0}}));
    CHECK(Build(section.bytes()).text == c.rows);
  }
}

TEST_CASE("A CIE without augmentation has 8-byte absolute addresses and its FDEs no augmentation") {
  for (const char* letters : {"", "eh"}) {
    EhBytes section(kFrame);
    const size_t cie = section.Cie(Join({{1},
                                         Text(letters),
                                         Bytes(letters[0] == 'e' ? 8 : 0, 0),
                                         {1, 0x78, 16},
                                         {0x0c, 7, 8, 0x90, 1}}));
    section.Fde(cie, Join({Le(kText, 8), Le(0x100, 8), {0x41, 0x0e, 16}}));
    CHECK(Build(section.bytes()).text == "0:r7+8 1:r7+16");
  }
}

TEST_CASE("The code alignment factor multiplies every advance") {
  EhBytes section(kFrame);
  const size_t cie =
      section.Cie(Join({{1}, Text("zR"), {4, 0x78, 16, 1, 0x03}, {0x0c, 7, 8, 0x90, 1}}));
  section.Fde(cie, Join({Le(kText, 4), Le(0x100, 4), {0}, {0x42, 0x0e, 16, 0x02, 4, 0x0e, 24}}));
  CHECK(Build(section.bytes()).text == "0:r7+8 8:r7+16 18:r7+24");
}

TEST_CASE("64-bit records are read like 32-bit ones") {
  EhBytes section(kFrame);
  const size_t cie = section.Record(
      0, Join({{1}, Text("zR"), {1, 0x78, 16, 1, 0x03}, {0x0c, 7, 8, 0x90, 1}}), true);
  section.Fde(cie, Join({Le(kText, 4), Le(0x80, 4), {0}}), true);
  section.Fde(cie, Join({Le(kText + 0x80, 4), Le(0x80, 4), {0}, {0x0e, 16}}));
  CHECK(Build(section.bytes()).text == "0:r7+8 80:r7+16");
}

TEST_CASE("A signal trampoline is recognised by its augmentation and the kernel's layout") {
  struct Case {
    const char* letters;
    uint8_t rsp_offset_high;  // second byte of the LEB128: 160 = 0xa0 0x01
    std::string rows;
  };
  const Case cases[] = {
      {"zSR", 1, "0:signal"}, {"zSR", 2, "0:unsupported"}, {"zR", 1, "0:*(r7+160)+0"}};
  for (const Case& c : cases) {
    EhBytes section(kFrame);
    const size_t cie = section.Cie(Join({{1}, Text(c.letters), {1, 0x78, 16, 1, 0x03}, {0x90, 1}}));
    section.Fde(
        cie,
        Join({Le(kText, 4), Le(0x100, 4), {0}, {0x0f, 4, 0x77, 0xa0, c.rsp_offset_high, 0x06}}));
    CHECK(Build(section.bytes()).text == c.rows);
  }
}

TEST_CASE(
    "FDEs may come in any order; gaps between, before and behind them are rows of their own") {
  EhBytes section(kFrame);
  const size_t cie = section.PlainCie();
  section.PlainFde(cie, kText + 0x80, 0x10, {0x0e, 32});
  section.PlainFde(cie, kText + 0x10, 0x10, {0x0e, 16});
  section.PlainFde(cie, kText + 0x20, 0x08, {0x0e, 24});
  const Built built = Build(section.bytes());
  CHECK(built.text == "0:none 10:r7+16 20:r7+24 28:none 80:r7+32 90:none");
  CHECK(built.counts.fdes == 3);
}

TEST_CASE(
    "Where FDEs overlap the later start holds, and of equal starts the first of the section") {
  EhBytes section(kFrame);
  const size_t cie = section.PlainCie();
  section.PlainFde(cie, kText, 0x100, {0x0e, 16});
  section.PlainFde(cie, kText + 0x20, 0x10, {0x0e, 24});
  section.PlainFde(cie, kText + 0x20, 0x10, {0x0e, 32});
  section.PlainFde(cie, kText + 0x20, 0x10, {0x0e, 40});
  const Built built = Build(section.bytes());
  CHECK(built.text == "0:r7+16 20:r7+24 30:none");
  CHECK(built.counts.overlapping == 3);
}

TEST_CASE("Code outside the executable segments gives no rows, and is cut at their end") {
  EhBytes section(kFrame);
  const size_t cie = section.PlainCie();
  section.PlainFde(cie, 0, 0x100, {});              // dropped by the linker
  section.PlainFde(cie, kText + 0x10, 0, {});       // empty
  section.PlainFde(cie, kTextEnd, 0x10, {});        // behind
  section.PlainFde(cie, kText + 0xf0, 0x1000, {});  // runs over the end
  const Built built = Build(section.bytes());
  CHECK(built.text == "0:none f0:r7+8");
  CHECK(built.counts.outside_text == 3);
}

TEST_CASE("A broken FDE costs itself and not its neighbours") {
  EhBytes section(kFrame);
  const size_t cie = section.PlainCie();
  section.PlainFde(cie, kText, 0x10, {0x0e, 16});
  section.PlainFde(cie, kText + 0x10, 0x10, {0x0e, 24, 0x44, 0x3f});
  section.Fde(cie + 1, Join({Le(0, 4), Le(0x10, 4), {0}}));  // names no CIE
  section.PlainFde(cie, kText + 0x20, 0x10, {0x0e, 32});
  const Built built = Build(section.bytes());
  CHECK(built.text == "0:r7+16 10:unsupported 20:r7+32 30:none");
  CHECK(built.counts.broken == 2);
  CHECK(built.counts.fdes == 2);
}

TEST_CASE("A zero length ends the section unless the search table knows of FDEs behind it") {
  EhBytes section(kFrame);
  const size_t cie = section.PlainCie();
  section.PlainFde(cie, kText, 0x80, {});
  section.Terminator();
  const size_t last = section.PlainFde(cie, kText + 0x80, 0x80, {0x0e, 16});
  section.Terminator();
  section.Raw({0xff, 0xfe, 0xfd});  // what follows the section
  CHECK(Build(section.bytes()).text == "0:r7+8 80:none");
  CHECK(Build(section.bytes(), last).text == "0:r7+8 80:r7+16");
}

TEST_CASE("Text that cannot be covered is refused with the reason") {
  EhFrameCounts counts;
  CHECK(BuildRows({}, &counts).status().code() == base::StatusCode::kInvalidArgument);
  EhFrameInput huge;
  huge.text = {{0x1000, 0x2000}, {0x200001000, 0x200002000}};
  CHECK(std::string(BuildRows(huge, &counts).status().message()).find("8589938688") !=
        std::string::npos);
}

TEST_CASE("The header names the section and the last FDE of its table") {
  const uint64_t at = 0x4000;
  const Bytes good = Join({{1, 0x1b, 0x03, 0x3b},
                           Le(kFrame - at - 4, 4),
                           Le(2, 4),
                           Le(0, 4),
                           Le(0x1040, 4),
                           Le(0x20, 4),
                           Le(0x1020, 4)});
  auto header = ReadEhFrameHeader(good, at);
  REQUIRE(header.ok());
  CHECK(header->eh_frame == kFrame);
  CHECK(header->table_count == 2);
  CHECK(header->last_fde == at + 0x1040);

  Bytes cut = good;
  cut.pop_back();
  header = ReadEhFrameHeader(cut, at);
  REQUIRE(header.ok());
  CHECK(header->eh_frame == kFrame);
  CHECK(header->table_count == 0);

  CHECK(!ReadEhFrameHeader({}, at).ok());
  CHECK(!ReadEhFrameHeader(Bytes{2, 0x1b, 0x03, 0x3b, 0, 0, 0, 0}, at).ok());
  CHECK(!ReadEhFrameHeader(Bytes{1, 0xff, 0x03, 0x3b, 0, 0, 0, 0}, at).ok());
}

TEST_CASE("A section cut off anywhere, or with any byte changed, is survived") {
  EhBytes section(kFrame);
  const size_t cie = section.PlainCie();
  section.PlainFde(cie, kText, 0x10, {0x41, 0x0e, 16, 0x86, 2, 0x0a, 0x42, 0x0b});
  section.PlainFde(cie, kText + 0x10, 0x10, {0x0f, 5, 0x77, 40, 0x06, 0x23, 8});
  section.Terminator();
  for (size_t length = 0; length <= section.bytes().size(); ++length) {
    // A copy of its own, so that a sanitizer sees a read past its end.
    const Bytes cut(section.bytes().begin(), section.bytes().begin() + static_cast<long>(length));
    CHECK(Build(cut).text.substr(0, 2) == "0:");
  }
  for (size_t at = 0; at < section.bytes().size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      Bytes changed = section.bytes();
      changed[at] = static_cast<uint8_t>(value);
      REQUIRE(Build(changed).text.substr(0, 2) == "0:");
    }
  }
}

TEST_CASE("An FDE that points in front of the section names no CIE") {
  for (const uint32_t back : {4u, 5u, 6u, 0x100u, 0x80000000u}) {
    EhBytes section(kFrame);
    section.Record(back, Bytes(16, 0));  // before any CIE
    const Built built = Build(section.bytes());
    CHECK(built.text == "0:none");
    CHECK(built.counts.broken == 1);
  }
}

}  // namespace podo::capture
