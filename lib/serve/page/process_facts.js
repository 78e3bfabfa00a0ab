// SPDX-License-Identifier: Apache-2.0
// What the About box says of the process.

function describeProcess(status) {
  const { history: kept } = status;
  const lines = [["Service", status.service], ["Version", status.version], ["Host", status.host],
    ["Process", String(status.pid)], ["Started", formatTime(status.started_ms)],
    ["Window", lengthText(status.window_ms)], ["Sampling", `${formatDigits(status.sample_hz)}${THIN_SPACE}Hz`],
    ["Accounted", formatShare(status.sampling_ratio)],
    ["History", kept.begin_ms === null ? "none yet" : rangeText({ from: kept.begin_ms, until: kept.end_ms })],
    ["Memory", `${formatValue(kept.bytes, "", "bytes")} of ${formatValue(kept.max_bytes, "", "bytes")}`]];
  if (kept.disk_bytes > 0) lines.push(["Disk", formatValue(kept.disk_bytes, "", "bytes")]);
  const list = element("dl", "keys");
  for (const [what, text] of lines) list.append(element("dt", "", what), element("dd", "", text));
  $("about-text").prepend(element("h3", "", "Process"), list, element("h3", "", "Profile"));
}
