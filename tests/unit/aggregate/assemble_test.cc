// SPDX-License-Identifier: Apache-2.0
#include "aggregate/assemble.h"

#include <doctest/doctest.h>

#include <numeric>
#include <string>

namespace podo::aggregate {
namespace {

using model::Index;

std::shared_ptr<const model::Module> MakeModule(uint64_t start, const char* path, bool is_main) {
  auto m = std::make_shared<model::Module>();
  m->start = start;
  m->end = start + 0x3000;
  m->path = path;
  m->build_id = "aa";
  m->is_main = is_main;
  m->segments = {{start, start + 0x1000, 0, false}, {start + 0x1000, start + 0x3000, 0x1000, true}};
  return m;
}

model::ModuleMap Modules() {
  model::ModuleMap map;
  map.generation = 1;
  map.modules = {MakeModule(0x10000, "/bin/main", true), MakeModule(0x50000, "/lib/a.so", false)};
  return map;
}

void Add(StackTable* table, std::vector<uint64_t> frames, uint16_t flags = model::kRawComplete,
         int times = 1, uint32_t generation = 1) {
  model::RawSample s = {};
  s.header.frames = static_cast<uint16_t>(frames.size());
  s.header.flags = flags;
  s.header.generation = generation;
  s.frames = frames.data();
  for (int i = 0; i < times; ++i) table->Add(s);
}

struct World {
  model::ModuleMap map = Modules();
  StackTable stacks{1 << 20};
  StackTable residue{1 << 20};
  model::WindowTotals totals;

  AssembledProfile Run() {
    return Assemble({&stacks, &residue}, totals, [this](uint32_t generation) {
      return generation == map.generation ? &map : nullptr;
    });
  }
};

// The stack of sample `i`, root first, as text: function names, or mapping+offset.
std::string Text(const model::Profile& p, size_t i) {
  const auto& ids = p.stacks[Index(p.samples[i].stack)].locations;
  std::string text;
  for (auto it = ids.rbegin(); it != ids.rend(); ++it) {
    const model::Location& l = p.locations[Index(*it)];
    if (!text.empty()) text += ";";
    if (!l.lines.empty()) {
      text += p.String(p.functions[Index(l.lines[0].function)].name);
    } else {
      const model::Mapping& m = p.mappings[Index(l.mapping)];
      text += p.String(m.filename) + "+" + std::to_string(l.address - m.start);
    }
  }
  return text;
}

int64_t Total(const model::Profile& p, size_t type) {
  int64_t sum = 0;
  for (size_t i = 0; i < p.samples.size(); ++i) sum += p.ValuesOf(i)[type];
  return sum;
}

TEST_CASE("CPU time of a window is what the process used, podo's own taken out") {
  World w;
  Add(&w.stacks, {0x11004, 0x11010}, model::kRawComplete, 90);
  Add(&w.residue, {0x51004, 0x11010}, model::kRawComplete | model::kRawResidue, 5);
  w.totals.ticks = 90 + 5 + 3 + 2 + 7 + 1;
  w.totals.own_ticks = 7;
  w.totals.foreign_ticks = 1;
  w.totals.ring_full = 3;
  w.totals.no_ring = 2;
  w.totals.process_cpu_ns = 1'070'000'000;
  w.totals.own_cpu_ns = 70'000'000;
  w.totals.nominal_hz = 100;
  const model::Profile p = w.Run().profile;
  CHECK(p.period == 10'000'000);
  CHECK(Total(p, 0) == 100);
  CHECK(Total(p, 1) == 1'000'000'000);
  CHECK(w.totals.SamplingRatio() == doctest::Approx(1.0));
}

TEST_CASE("addresses resolve to the executable segment of their module") {
  World w;
  Add(&w.stacks, {0x51004, 0x11010});
  w.totals.ticks = 1;
  const AssembledProfile a = w.Run();
  REQUIRE(a.profile.samples.size() == 1);
  CHECK(Text(a.profile, 0) == "/bin/main+16;/lib/a.so+4");
  CHECK(a.profile.mappings[1].file_offset == 0x1000);
  REQUIRE(a.mapping_modules.size() == a.profile.mappings.size());
  for (size_t i = 1; i < a.mapping_modules.size(); ++i) {
    CHECK(a.mapping_modules[i]->path == a.profile.String(a.profile.mappings[i].filename));
  }
}

TEST_CASE("the main program is the first mapping even if only a library was sampled") {
  World w;
  Add(&w.stacks, {0x51004});
  w.totals.ticks = 1;
  const model::Profile p = w.Run().profile;
  CHECK(p.String(p.mappings[1].filename) == "/bin/main");
}

TEST_CASE("what has no whole stack says so at the root") {
  World w;
  Add(&w.stacks, {0x11004}, model::kRawTruncated);
  Add(&w.stacks, {0x11004}, model::kRawUnknownCode);
  Add(&w.stacks, {0x11004}, model::kRawReusedAddress);
  w.totals.ticks = 3 + 4 + 1 + 1 + 5 + 2;
  w.totals.small_stack = 2;
  w.totals.over_budget = 5;
  w.totals.paused = 4;
  w.totals.nested = 1;
  w.totals.no_ring = 1;
  const model::Profile p = w.Run().profile;
  REQUIRE(p.samples.size() == 8);
  CHECK(Text(p, 0) == "[deeper than PODO_MAX_FRAMES];/bin/main+4");
  CHECK(Text(p, 1) == "[incomplete stack];/bin/main+4");
  CHECK(Text(p, 2) == "[module replaced];/bin/main+4");
  CHECK(Text(p, 3) == "[dropped: no ring]");
  CHECK(Text(p, 4) == "[dropped: tick inside a tick]");
  CHECK(Text(p, 5) == "[dropped: small signal stack]");
  CHECK(p.ValuesOf(5)[0] == 2);
  CHECK(Text(p, 6) == "[paused]");
  CHECK(p.ValuesOf(6)[0] == 4);
  CHECK(Text(p, 7) == "[paused: PODO_MAX_OVERHEAD]");
  CHECK(p.ValuesOf(7)[0] == 5);
}

TEST_CASE("interrupted system calls are somebody else's ticks only beside a thread that blocks") {
  for (const bool blocks : {false, true}) {
    CAPTURE(blocks);
    using Doubtful = model::WindowTotals::Doubtful;
    World w;
    Add(&w.stacks, {0x11004}, model::kRawComplete | model::kRawMaybeAsleep, 5);
    w.totals.ticks = 5;
    w.totals.doubtful = blocks ? Doubtful::kBlocking : Doubtful::kHost;
    const AssembledProfile a = w.Run();
    REQUIRE(a.profile.samples.size() == 1);
    CHECK(Text(a.profile, 0) == (blocks ? "[threads blocking SIGPROF]" : "/bin/main+4"));
    CHECK(a.misdelivered == (blocks ? 5 : 0));
    CHECK(Total(a.profile, 0) == 5);
  }
}

TEST_CASE("ticks of podo's own CPU time are in no sample") {
  World w;
  Add(&w.stacks, {0x11004}, model::kRawComplete | model::kRawMaybeAsleep, 5);
  Add(&w.stacks, {0x11004}, model::kRawComplete, 2);
  w.totals.ticks = 7;
  w.totals.own_ticks = 5;
  w.totals.doubtful = model::WindowTotals::Doubtful::kOwn;
  w.totals.process_cpu_ns = 20'000'000;
  const model::Profile p = w.Run().profile;
  REQUIRE(p.samples.size() == 1);
  CHECK(Total(p, 0) == 2);
  CHECK(Total(p, 1) == 20'000'000);
}

TEST_CASE("a stack taken before the tables were ready resolves by the first tables") {
  World w;
  Add(&w.residue, {0x11004}, model::kRawComplete | model::kRawResidue, 1, 0);
  w.totals.ticks = 1;
  CHECK(Text(w.Run().profile, 0) == "/bin/main+4");
}

TEST_CASE("a stack whose module was gone is cut where modules turn out to have taken turns") {
  World w;
  Add(&w.stacks, {0x51004, 0x11004}, model::kRawComplete | model::kRawUnsure);
  Add(&w.stacks, {0x51008, 0x11004}, model::kRawComplete);
  w.totals.ticks = 2;
  Carried carried;
  carried.contested = [](uint64_t address) { return address >= 0x50000 && address < 0x60000; };
  const auto modules_of = [&](uint32_t) { return &w.map; };
  const model::Profile cut = Assemble({&w.stacks}, w.totals, modules_of, {}, carried).profile;
  CHECK(Text(cut, 0) == kFrameReused);
  CHECK(Text(cut, 1) == "/bin/main+4;/lib/a.so+8");
  carried.contested = [](uint64_t) { return false; };
  const model::Profile whole = Assemble({&w.stacks}, w.totals, modules_of, {}, carried).profile;
  CHECK(Text(whole, 0) == "/bin/main+4;/lib/a.so+4");
}

TEST_CASE("labels, span and thread of a sample come with it, equal labels as one set") {
  World w;
  const std::vector<uint64_t> words = {0x0807060504030201, 0x100F0E0D0C0B0A09, 0x18, 0x11004};
  const auto add = [&](uint32_t label_set, uint32_t thread, bool span) {
    model::RawSample s = {};
    s.header.frames = 1;
    s.header.flags = static_cast<uint16_t>(model::kRawComplete | (span ? model::kRawSpan : 0));
    s.header.generation = 1;
    s.header.label_set = label_set;
    s.thread = thread;
    s.frames = words.data() + model::kSpanWords;
    w.stacks.Add(s);
  };
  add(3, 0, true);
  add(4, 0, false);  // the same labels under another id
  add(0, 9, false);
  add(0, 0, false);
  w.totals.ticks = 4;
  const Carried carried = {[](uint32_t) {
                             return LabelPairs{{"endpoint", "/pay"}, {"t", "1"}};
                           },
                           [](uint32_t thread) {
                             return ThreadLabels{"io", thread};
                           }};
  const model::Profile p = Assemble(
                               {&w.stacks}, w.totals, [&](uint32_t) { return &w.map; }, {}, carried)
                               .profile;
  REQUIRE(p.samples.size() == 4);
  CHECK(p.label_sets.size() == 3);  // none, the labels, the thread's
  CHECK(p.samples[0].labels == p.samples[1].labels);
  CHECK(Index(p.samples[3].labels) == 0);
  const model::LabelSet& labels = p.label_sets[Index(p.samples[0].labels)];
  REQUIRE(labels.labels.size() == 2);
  CHECK(p.String(labels.labels[0].key) == "endpoint");
  CHECK(p.String(labels.labels[0].string) == "/pay");
  const model::LabelSet& thread = p.label_sets[Index(p.samples[2].labels)];
  REQUIRE(thread.labels.size() == 2);
  CHECK(p.String(thread.labels[0].string) == "io");
  CHECK(thread.labels[1].number == 9);
  const model::Link& link = p.links[Index(p.samples[0].link)];
  CHECK(link.trace_id[0] == 1);
  CHECK(link.trace_id[15] == 0x10);
  CHECK(link.span_id[0] == 0x18);
  CHECK(Index(p.samples[1].link) == 0);
}

TEST_CASE("code of no module keeps its address") {
  World w;
  Add(&w.stacks, {0x999000}, model::kRawUnknownCode);
  w.totals.ticks = 1;
  const model::Profile p = w.Run().profile;
  const model::Location& l = p.locations[Index(p.stacks[Index(p.samples[0].stack)].locations[0])];
  CHECK(l.address == 0x999000);
  CHECK(Index(l.mapping) == 0);
}

}  // namespace
}  // namespace podo::aggregate
