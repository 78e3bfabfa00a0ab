// SPDX-License-Identifier: Apache-2.0
#include "serve/metrics.h"

#include <doctest/doctest.h>

#include <string>

#include "serve/metrics_writer.h"

namespace podo::serve {
namespace {

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a family is written as Prometheus reads it") {
  MetricsWriter out(false);
  out.Family("podo_lost_total", MetricsWriter::Kind::kCounter, "By \"cause\".\nTwo lines.");
  out.Series(1.5, {{"cause", "a\"b\\c\nd"}, {"sink", "x"}});
  out.Gauge("podo_big", "Whole.", 1e15);
  out.Gauge("podo_small", "Not whole.", 0.1);
  CHECK(out.Finish() ==
        "# HELP podo_lost_total By \\\"cause\\\".\\nTwo lines.\n"
        "# TYPE podo_lost_total counter\n"
        "podo_lost_total{cause=\"a\\\"b\\\\c\\nd\",sink=\"x\"} 1.5\n"
        "# HELP podo_big Whole.\n# TYPE podo_big gauge\npodo_big 1000000000000000\n"
        "# HELP podo_small Not whole.\n# TYPE podo_small gauge\npodo_small 0.1\n");
}

TEST_CASE("OpenMetrics names a counter's family without _total, and ends with EOF") {
  MetricsWriter out(true);
  out.Counter("podo_ticks_total", "Ticks.", 3);
  CHECK(out.Finish() ==
        "# HELP podo_ticks Ticks.\n# TYPE podo_ticks counter\npodo_ticks_total 3\n# EOF\n");
}

TEST_CASE("functions and label values are series with their CPU seconds") {
  MetricsInput input;
  input.cpu.self = {{"Escape(char)", 1'500'000'000}};
  input.cpu.total = {{"main", 2'000'000'000}};
  input.cpu.labels = {{"endpoint", "/pay", 500'000'000}};
  const std::string text = MetricsText(input, false);
  CHECK(Contains(text, "\npodo_function_cpu_seconds_total{function=\"Escape(char)\"} 1.5\n"));
  CHECK(Contains(text, "\npodo_function_inclusive_cpu_seconds_total{function=\"main\"} 2\n"));
  CHECK(Contains(text, "\npodo_label_cpu_seconds_total{label=\"endpoint\",value=\"/pay\"} 0.5\n"));
}

TEST_CASE("history and server have metrics where they are on") {
  MetricsInput input;
  CHECK_FALSE(Contains(MetricsText(input, false), "podo_history_"));
  CHECK_FALSE(Contains(MetricsText(input, false), "podo_http_"));
  input.has_history = input.has_http = true;
  input.history.bytes = 77;
  input.http.requests = 5;
  CHECK(Contains(MetricsText(input, false), "\npodo_history_bytes 77\n"));
  CHECK(Contains(MetricsText(input, false), "\npodo_http_requests_total 5\n"));
}

TEST_CASE("every counter of the statistics that is lost has its cause") {
  MetricsInput input;
  input.stats.dropped_ring_full = 1;
  input.stats.dropped_no_ring = 2;
  input.stats.dropped_nested = 3;
  input.stats.paused_ticks = 4;
  input.stats.lost_refused = 5;
  input.stats.lost_queue_full = 6;
  input.stats.lost_spool_full = 7;
  input.stats.lost_too_old = 8;
  input.stats.lost_at_exit = 9;
  input.stats.overruns = 10;
  input.stats.thread_timers = 11;
  input.stats.refused_timers = 12;
  input.stats.handler_cpu_ns = 13'000'000'000;
  input.stats.overhead = 0.25;
  input.stats.frames_in_force = 14;
  input.stats.budget_lowered = 15;
  input.stats.budget_pauses = 16;
  input.stats.dropped_small_stack = 17;
  const std::string text = MetricsText(input, false);
  CHECK(Contains(text, "podo_ticks_dropped_total{cause=\"ring_full\"} 1\n"));
  CHECK(Contains(text, "podo_ticks_dropped_total{cause=\"no_ring\"} 2\n"));
  CHECK(Contains(text, "podo_ticks_dropped_total{cause=\"nested\"} 3\n"));
  CHECK(Contains(text, "podo_ticks_dropped_total{cause=\"paused\"} 4\n"));
  CHECK(Contains(text, "podo_ticks_dropped_total{cause=\"small_stack\"} 17\n"));
  CHECK(Contains(text, "podo_profiles_lost_total{cause=\"refused\"} 5\n"));
  CHECK(Contains(text, "podo_profiles_lost_total{cause=\"queue_full\"} 6\n"));
  CHECK(Contains(text, "podo_profiles_lost_total{cause=\"spool_full\"} 7\n"));
  CHECK(Contains(text, "podo_profiles_lost_total{cause=\"too_old\"} 8\n"));
  CHECK(Contains(text, "podo_profiles_lost_total{cause=\"at_exit\"} 9\n"));
  CHECK(Contains(text, "podo_ticks_overrun_total 10\n"));
  CHECK(Contains(text, "podo_thread_timers 11\n"));
  CHECK(Contains(text, "podo_thread_timers_refused_total 12\n"));
  CHECK(Contains(text, "podo_handler_cpu_seconds_total 13\n"));
  CHECK(Contains(text, "podo_overhead_ratio 0.25\n"));
  CHECK(Contains(text, "podo_frames_limit 14\n"));
  CHECK(Contains(text, "podo_budget_lowered_total 15\n"));
  CHECK(Contains(text, "podo_budget_pauses_total 16\n"));
}

TEST_CASE("who names OpenMetrics gets it") {
  CHECK(WantsOpenMetrics("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"));
  CHECK_FALSE(WantsOpenMetrics("text/plain"));
  CHECK_FALSE(WantsOpenMetrics(""));
}

}  // namespace
}  // namespace podo::serve
