// SPDX-License-Identifier: Apache-2.0
#include "history/folding.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "history/recorder.h"
#include "synthetic.h"

namespace podo::history {
namespace {

Told Folded(const MadeWindow& window, bool* folded) {
  Interner tables;
  Streams streams;
  RecordWindow(Make(window), &tables, &streams);
  WindowReader reader(streams, tables.tables().keys.size());
  WindowHead head;
  REQUIRE(reader.Next(&head));
  base::PageVector<WindowSample> samples;
  reader.Samples(head, &samples);
  *folded = Fold(&tables, &samples);
  model::Profile profile = ToProfile(tables.tables(), samples);
  profile.sample_types.resize(2);
  return Tell(profile);
}

std::vector<std::string> Texts(const Told& told) {
  std::vector<std::string> texts;
  for (const auto& [text, values] : told)
    texts.push_back(text + " " + std::to_string(values.first));
  return texts;
}

TEST_CASE("Small values of labels and small stacks become [other]") {
  struct {
    const char* sentence;
    std::vector<MadeStack> stacks;
    std::vector<std::string> kept;
  } cases[] = {
      {"nothing is small", {{{1}, 5000}, {{2}, 5000}}, {"f1:1; 5000", "f2:2; 5000"}},
      {"0.01 % stays", {{{1}, 9999}, {{2}, 1}}, {"f1:1; 9999", "f2:2; 1"}},
      {"less does not", {{{1}, 10000}, {{2}, 1}}, {"[other]:0; 1", "f1:1; 10000"}},
      {"small stacks keep the callers that they have in common",
       {{{1}, 30000}, {{2, 9}, 2}, {{3, 9}, 2}, {{4, 8}, 1}},
       {"[other]:0; 1", "[other]:0;f9:9; 4", "f1:1; 30000"}},
      {"the caller's own small share counts too",
       {{{1}, 30000}, {{9}, 2}, {{3, 9}, 2}},
       {"[other]:0;f9:9; 4", "f1:1; 30000"}},
      {"a stack is small by all its labels together",
       {{{1}, 10000}, {{2}, 1, "", 1}, {{2}, 1, "", 2}},
       {"f1:1; 10000", "f2:2; thread_id=[other]0 2"}},
      {"0.1 % of a label stays",
       {{{1}, 9990, "/pay"}, {{1}, 10, "/cart"}},
       {"f1:1; endpoint=/cart0 10", "f1:1; endpoint=/pay0 9990"}},
      {"less does not, and its other labels do",
       {{{1}, 9991, "/pay", 7}, {{1}, 9, "/cart", 7}},
       {"f1:1; endpoint=/pay0 thread_id=7 9991", "f1:1; endpoint=[other]0 thread_id=7 9"}},
  };
  for (const auto& c : cases) {
    MadeWindow window;
    window.stacks = c.stacks;
    bool folded = false;
    const Told told = Folded(window, &folded);
    CHECK_MESSAGE(Texts(told) == c.kept, c.sentence);
    CHECK_MESSAGE(folded == (told != Tell(Make(window))), c.sentence);
    CHECK_MESSAGE(Total(told) == Total(Tell(Make(window))), c.sentence);
  }
}

TEST_CASE("Folding of a real mixture keeps every sum") {
  for (const int ticks : {1, 10, 1000, 30000}) {
    const MadeWindow window = BusyWindow(ticks, ticks, 100000);
    bool folded = false;
    const Told told = Folded(window, &folded);
    CHECK(Total(told) == Total(Tell(Make(window))));
    CHECK(told.size() <= 10001 * 4);
  }
}

}  // namespace
}  // namespace podo::history
