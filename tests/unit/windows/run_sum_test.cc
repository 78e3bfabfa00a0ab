// SPDX-License-Identifier: Apache-2.0
#include "run_sum.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/profile_builder.h"

namespace podo {
namespace {

using model::Index;

struct Row {
  std::vector<std::string> frames;  // leaf first
  int64_t ticks;
};

aggregate::AssembledProfile Window(const std::vector<Row>& rows, uint64_t start = 0) {
  model::ProfileBuilder builder({{"samples", "count"}, {"cpu", "nanoseconds"}});
  model::Mapping mapping;
  mapping.start = start;
  mapping.limit = start + 4096;
  mapping.filename = builder.AddString("service");
  mapping.build_id = builder.AddString("ab12");
  builder.AddMapping(mapping);
  for (const Row& row : rows) {
    std::vector<model::LocationId> stack;
    for (const std::string& name : row.frames) stack.push_back(builder.AddNamedFrame(name));
    builder.AddSample(builder.AddStack(stack), {}, {}, {row.ticks, row.ticks * 1000});
  }
  builder.profile().duration_ns = 10;
  aggregate::AssembledProfile window;
  window.profile = builder.Take();
  auto module = std::make_shared<model::Module>();
  window.mapping_modules = {nullptr, std::move(module)};
  return window;
}

std::string NameOf(const model::Profile& p, model::LocationId id) {
  const model::Location& location = p.locations[Index(id)];
  return p.strings[Index(p.functions[Index(location.lines.at(0).function)].name)];
}

// "leaf<caller<root 3" of each sample, sorted.
std::vector<std::string> Text(const RunSum& run) {
  const model::Profile& p = run.profile();
  std::vector<std::string> lines;
  for (size_t i = 0; i < p.samples.size(); ++i) {
    std::string line;
    for (const model::LocationId id : p.stacks[Index(p.samples[i].stack)].locations) {
      absl::StrAppend(&line, line.empty() ? "" : "<", NameOf(p, id));
    }
    lines.push_back(absl::StrCat(line, " ", p.ValuesOf(i)[0], " ", p.ValuesOf(i)[1]));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

int64_t TicksOf(const RunSum& run) {
  int64_t ticks = 0;
  for (size_t i = 0; i < run.profile().samples.size(); ++i) ticks += run.profile().ValuesOf(i)[0];
  return ticks;
}

TEST_CASE("a run that meets the same stacks again is their sum, as they are") {
  RunSum run;
  run.Add(Window({{{"Parse", "main"}, 3}, {{"Render", "main"}, 1}}));
  run.Add(Window({{{"Parse", "main"}, 2}}));
  CHECK(Text(run) == std::vector<std::string>{"Parse<main 5 5000", "Render<main 1 1000"});
  CHECK(run.profile().duration_ns == 20);
}

TEST_CASE("small stacks become [other] under their outermost callers, large ones stay") {
  RunSum run(400);  // a row of each table and two frames are 50
  for (int i = 0; i < 40; ++i) {
    run.Add(Window({{{"Parse", "main"}, 5}, {{absl::StrCat("f", i), "Render", "main"}, 1}}));
  }
  const std::vector<std::string> text = Text(run);
  CHECK(std::count(text.begin(), text.end(), "Parse<main 200 200000") == 1);
  CHECK(std::any_of(text.begin(), text.end(), [](const std::string& line) {
    return line.starts_with("[other]<Render<main ");
  }));
  CHECK(TicksOf(run) == 240);
  CHECK(run.profile().duration_ns == 400);
}

TEST_CASE("whatever comes, the sum stays within its bound and loses no tick") {
  constexpr size_t kMaxCost = 20'000;
  RunSum run(kMaxCost);
  size_t most = 0;
  for (int window = 0; window < 60; ++window) {
    std::vector<Row> rows;
    for (int i = 0; i < 40; ++i) {  // every stack is new, down to its root
      Row row = {{}, 1};
      for (int depth = 0; depth < 30; ++depth) {
        row.frames.push_back(absl::StrCat("f", window, ".", i, ".", depth));
      }
      rows.push_back(std::move(row));
    }
    rows.push_back({{"Hot", "main"}, 7});
    run.Add(Window(rows));
    most = std::max(most, run.cost());
  }
  CHECK(most <= kMaxCost);
  CHECK(most > kMaxCost / 4);
  CHECK(TicksOf(run) == 60 * 47);
  const std::vector<std::string> text = Text(run);
  CHECK(std::count(text.begin(), text.end(), "Hot<main 420 420000") == 1);
}

TEST_CASE("modules stay with their mappings when stacks are folded") {
  RunSum run(200);
  for (uint64_t i = 0; i < 6; ++i) {
    run.Add(Window({{{absl::StrCat("f", i), "main"}, 1}}, (i + 1) * 0x10000));
  }
  REQUIRE(run.modules().size() == run.profile().mappings.size());
  CHECK(run.modules().size() == 7);
  CHECK(run.modules()[0] == nullptr);
  for (size_t i = 1; i < run.modules().size(); ++i) CHECK(run.modules()[i] != nullptr);
}

}  // namespace
}  // namespace podo
