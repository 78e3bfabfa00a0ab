// SPDX-License-Identifier: Apache-2.0
// Labels and links as pprof files, filters, tables and folded stacks have them.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "encode/folded.h"
#include "encode/label_column.h"
#include "encode/label_filter.h"
#include "encode/label_table.h"
#include "encode/link_labels.h"
#include "encode/pprof_encoder.h"
#include "encode/pprof_reader.h"
#include "model/profile_builder.h"

namespace podo::encode {
namespace {

using model::Profile;
using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;

constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view kSpan = "00f067aa0ba902b7";

struct Requests {
  model::ProfileBuilder builder{{{"samples", "count"}, {"cpu", "nanoseconds"}}};

  void Add(std::string_view function, const Pairs& labels, int64_t count, model::LinkId link = {}) {
    model::LabelSet set;
    for (const auto& [key, value] : labels) {
      set.labels.push_back({.key = builder.AddString(key), .string = builder.AddString(value)});
    }
    builder.AddSample(builder.AddStack({builder.AddNamedFrame(function)}), builder.AddLabelSet(set),
                      link, {count, count * 10'000'000});
  }
  model::LinkId Link() { return builder.AddLink({.trace_id = {0xab, 1}, .span_id = {0xcd, 9}}); }
};

Profile Known() {
  Requests r;
  r.Add("tax", {{"endpoint", "/pay"}, {"tenant", "acme"}}, 5, r.Link());
  r.Add("json", {{"endpoint", "/pay"}, {"tenant", "globex"}}, 40);
  r.Add("json", {{"endpoint", "/cart"}, {"tenant", "acme"}}, 30);
  r.Add("epoll", {{"tenant", "acme"}}, 20);
  r.Add("main", {}, 5);
  return r.builder.Take();
}

// What one sample with these labels is after a write and a read: "k=v ..." and its link.
std::string Again(const Pairs& labels, bool with_link = false) {
  Requests r;
  r.Add("f", labels, 1, with_link ? r.Link() : model::LinkId{});
  const auto read = ReadPprof(EncodePprof(r.builder.Take()));
  REQUIRE(read.ok());
  std::string text;
  for (const model::Label& label : read->label_sets[Index(read->samples[0].labels)].labels) {
    text += read->String(label.key) + "=" + read->String(label.string) + " ";
  }
  const model::Link& link = read->links[Index(read->samples[0].link)];
  if (IsSetId(link.trace_id)) text += "trace " + HexText(link.trace_id) + " ";
  if (IsSetId(link.span_id)) text += "span " + HexText(link.span_id) + " ";
  return text;
}

TEST_CASE("labels of a well-formed trace or span become the link, others stay labels") {
  const std::string trace(kTrace), span(kSpan);
  const struct {
    Pairs labels;
    std::string again;
  } kCases[] = {
      {{{"endpoint", "/pay"}}, "endpoint=/pay "},
      {{{"trace_id", kTrace}, {"span_id", kSpan}, {"span_name", "GET /"}},
       "span_name=GET / trace " + trace + " span " + span + " "},
      {{{"span_id", kSpan}}, "span " + span + " "},
      {{{"trace_id", kSpan}}, "trace_id=" + span + " "},
      {{{"span_id", kTrace}}, "span_id=" + trace + " "},
      {{{"span_id", "00F067AA0BA902B7"}}, "span_id=00F067AA0BA902B7 "},
      {{{"span_id", "00f067aa0ba902bg"}}, "span_id=00f067aa0ba902bg "},
      {{{"span_id", "0000000000000000"}}, "span_id=0000000000000000 "},
      {{{"Trace_id", kTrace}}, "Trace_id=" + trace + " "},
  };
  for (const auto& test : kCases) CHECK(Again(test.labels) == test.again);
}

TEST_CASE("a sample is written with one value a key: the last, and the link's before a label's") {
  CHECK(Again({{"k", "outer"}, {"other", "x"}, {"k", "inner"}}) == "other=x k=inner ");
  CHECK(Again({{"trace_id", "mine"}, {"k", "v"}}, true) ==
        "k=v trace ab010000000000000000000000000000 span cd09000000000000 ");
}

TEST_CASE("a numeric label reads with its unit, and the last value of a key holds") {
  Requests r;
  const auto key = r.builder.AddString("size");
  const auto unit = r.builder.AddString("bytes");
  const auto stack = r.builder.AddStack({r.builder.AddNamedFrame("f")});
  const auto set = [&](std::vector<model::Label> labels) {
    return r.builder.AddLabelSet({std::move(labels)});
  };
  r.builder.AddSample(stack, set({{.key = key, .number = 64, .number_unit = unit}}), {}, {1, 1});
  r.builder.AddSample(stack, set({{.key = key, .number = -3}}), {}, {1, 1});
  r.builder.AddSample(stack, set({{.key = key}}), {}, {1, 1});
  r.builder.AddSample(
      stack, set({{.key = key, .number = 1}, {.key = key, .string = r.builder.AddString("big")}}),
      {}, {1, 1});
  r.builder.AddSample(stack, {}, {}, {1, 1});
  const LabelColumn column = ReadLabelColumn(r.builder.Take(), "size");
  std::vector<std::string> values;
  for (const uint32_t value : column.of_sample) {
    values.push_back(value == 0 ? "none" : "'" + column.values[value] + "'");
  }
  CHECK(values == std::vector<std::string>{"'64 bytes'", "'-3'", "''", "'big'", "none"});
}

TEST_CASE("the keys of a profile are those its samples have, a link's among them") {
  CHECK(LabelKeys(Known()) ==
        std::vector<std::string>{"endpoint", "span_id", "tenant", "trace_id"});
  Requests r;
  r.builder.AddLabelSet({{{.key = r.builder.AddString("unused")}}});
  CHECK(LabelKeys(r.builder.Take()).empty());
}

TEST_CASE("label values stand before a folded stack as root frames, in the order asked for") {
  CHECK(EncodeFolded(Known(), 0, {"endpoint"}) ==
        "/cart;json 30\n/pay;json 40\n/pay;tax 5\n[no endpoint];epoll 20\n[no endpoint];main 5\n");
  CHECK(EncodeFolded(Known(), 0, {"tenant", "endpoint"}) ==
        "[no tenant];[no endpoint];main 5\nacme;/cart;json 30\nacme;/pay;tax 5\n"
        "acme;[no endpoint];epoll 20\nglobex;/pay;json 40\n");
  CHECK(EncodeFolded(Known(), 0, {"trace_id"}).find("ab010000000000000000000000000000;tax 5\n") !=
        std::string::npos);
}

TEST_CASE("a label value cannot break the folded format") {
  Requests r;
  r.Add("f", {{"k", "a;b\nc"}}, 1);
  r.Add("f", {{"k", ""}}, 2);
  CHECK(EncodeFolded(r.builder.Take(), 0, {"k"}) == "[empty k];f 2\na:b c;f 1\n");
}

// "function count" of each sample left.
std::string Left(const std::vector<LabelWish>& wishes) {
  return EncodeFolded(KeepLabelled(Known(), wishes));
}

TEST_CASE("a filter takes any wished value of a key, and every key") {
  CHECK(Left({}) == "epoll 20\njson 70\nmain 5\ntax 5\n");
  CHECK(Left({{"endpoint", "/pay"}}) == "json 40\ntax 5\n");
  CHECK(Left({{"endpoint", "/pay"}, {"endpoint", "/cart"}}) == "json 70\ntax 5\n");
  CHECK(Left({{"endpoint", "/pay"}, {"endpoint", "/cart"}, {"tenant", "acme"}}) ==
        "json 30\ntax 5\n");
  CHECK(Left({{"trace_id", "ab010000000000000000000000000000"}}) == "tax 5\n");
  CHECK(Left({{"endpoint", ""}}) == "");
}

TEST_CASE("what is filtered out leaves no label, name or link behind") {
  const Profile kept = KeepLabelled(Known(), {{"tenant", "globex"}});
  for (const model::LabelSet& set : kept.label_sets) {
    for (const model::Label& label : set.labels) CHECK(kept.String(label.string) != "acme");
  }
  const std::string written = EncodePprof(kept);
  CHECK(written.find("globex") != std::string::npos);
  for (const std::string_view gone : {"acme", "/cart", "epoll", "trace_id"}) {
    CHECK(written.find(gone) == std::string::npos);
  }
}

TEST_CASE("a key or value that nobody has is named, with what there is") {
  const Profile known = Known(), bare = Profile::Empty();
  CHECK(CheckLabelKeys({&bare, &known}, {"tenant", "endpoint"}).ok());
  CHECK(CheckLabelKeys({&known}, {"endpont"}).message() ==
        "no label \"endpont\"; accepted: endpoint, span_id, tenant, trace_id");
  CHECK(CheckLabelKeys({&bare}, {"endpoint"}).message() ==
        "no label \"endpoint\"; no sample has labels");
  CHECK(CheckLabelWishes({&known}, {{"endpoint", "/pay"}, {"tenant", "acme"}}).ok());
  CHECK(CheckLabelWishes({&known}, {{"endpoint", "pay"}}).message() ==
        "no sample has endpoint=pay; accepted: /cart, /pay");
  Requests r;
  for (int i = 0; i < 20; ++i) r.Add("f", {{"k", std::string(1, static_cast<char>('a' + i))}}, 1);
  const Profile many = r.builder.Take();
  CHECK(CheckLabelWishes({&many}, {{"k", "z"}}).message() ==
        "no sample has k=z; accepted: a, b, c, d, e, f, g, h, i, j, k, l, and 8 more");
}

TEST_CASE("KEY=VALUE is cut at the first =") {
  const auto wish = ParseLabelWish("url=/a?b=c");
  REQUIRE(wish.ok());
  CHECK(wish->key + " " + wish->value == "url /a?b=c");
  CHECK(ParseLabelWish("k=")->value == "");
  for (const char* text : {"", "k", "=v"}) {
    CHECK(ParseLabelWish(text).status().message() == std::string(text) + ": accepted: KEY=VALUE");
  }
}

TEST_CASE("the table of labels: each value's cost, those without it, the rest as one") {
  CHECK(LabelTableText(Known(), 1, 2) ==
        "cpu: 1.00 s\n"
        "\nendpoint: 2 values\n"
        "   450.00 ms   45.0%  /pay\n"
        "   300.00 ms   30.0%  /cart\n"
        "   250.00 ms   25.0%  (1 others)\n"
        "\nspan_id: 1 value\n"
        "\ntenant: 2 values\n"
        "   550.00 ms   55.0%  acme\n"
        "   400.00 ms   40.0%  globex\n"
        "    50.00 ms    5.0%  (1 others)\n"
        "\ntrace_id: 1 value\n");
  Requests r;
  r.Add("f", {{"k\x1b[31m", "v\n"}}, 1);
  r.Add("f", {}, 3);
  CHECK(LabelTableText(r.builder.Take(), 0, 20) ==
        "samples: 4\n\nk [31m: 1 value\n           3   75.0%  (no label)\n           1   25.0%  v "
        "\n");
  CHECK(LabelTableText(Requests().builder.Take(), 0, 20) == "samples: 0\nno sample has labels\n");
}

TEST_CASE("the table of two profiles: shares before, after, and the change") {
  Requests before, after;
  before.Add("f", {{"endpoint", "/pay"}}, 1);
  before.Add("f", {{"endpoint", "/gone"}}, 3);
  after.Add("f", {{"endpoint", "/pay"}}, 9);
  after.Add("f", {{"endpoint", "/new"}}, 1);
  CHECK(LabelChangesText(before.builder.Take(), 0, after.builder.Take(), 0, 20) ==
        "before samples: 4\nafter  samples: 10\n"
        "  before    after   change  value\n"
        "\nendpoint: 3 values\n"
        "   25.0%    90.0%   +65.0%  /pay\n"
        "   75.0%     0.0%   -75.0%  /gone\n"
        "    0.0%    10.0%   +10.0%  /new\n");
}

}  // namespace
}  // namespace podo::encode
