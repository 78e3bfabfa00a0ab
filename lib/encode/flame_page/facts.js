// SPDX-License-Identifier: Apache-2.0
// What a profile says about itself, for the heading and the About box.

const DROP_WORDS = /\b(drop\w*|lost|truncat\w*|misdelivered|no[_ ]ring|ring[_ ]full)\b/i;

function isCpu({ type, unit }) {
  return unit === "nanoseconds" && /cpu/i.test(type);
}

// Local wall-clock time, "2026-03-01 10:31:05".
function formatTime(ms) {
  const d = new Date(ms);
  const two = (x) => String(x).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ` +
    `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

// Of the form "sample_hz: 100" or "100 Hz" in a comment, else by the period.
function samplingRate(profile) {
  for (const comment of profile.comments) {
    const found = /\b(?:sampl\w*[ _]?(?:hz|rate))\W+(\d+(?:\.\d+)?)/i.exec(comment) ||
      /(\d+(?:\.\d+)?) ?hz\b/i.exec(comment);
    if (found) return `${formatDigits(Number(found[1]))}${THIN_SPACE}Hz`;
  }
  const [type, unit] = profile.periodType;
  if (!isCpu({ type, unit }) || !(profile.period > 0)) return "";
  return `${formatDigits(Math.round(1e10 / profile.period) / 10)}${THIN_SPACE}Hz`;
}

// podo writes a comment for each profile it made ("podo: 100 Hz asked, sampling_ratio 0.998, ticks
// 1234, dropped 5"); a merged profile has those of its parts. Null if there is none.
function podoCounts(profile) {
  const counts = { ticks: 0, dropped: 0, ratios: [] };
  for (const comment of profile.comments) {
    const found = /^podo: .*sampling_ratio ([\d.e+-]+), ticks (\d+), dropped (\d+)/.exec(comment);
    if (!found) continue;
    counts.ratios.push(Number(found[1]));
    counts.ticks += Number(found[2]);
    counts.dropped += Number(found[3]);
  }
  return counts.ratios.length > 0 ? counts : null;
}

// Other profilers' comments that count something lost, unless it is nothing.
function dropComments(profile) {
  return profile.comments
    .filter((comment) => !comment.startsWith("podo: ") && DROP_WORDS.test(comment) && /[1-9]/.test(comment))
    .map((comment) => comment.replace(/^drops?(ped)?\s*[:=]\s*/i, ""));
}

function totalOf(tree, profileIndex, matches) {
  const type = tree.sampleTypes.findIndex(matches);
  if (type < 0) return null;
  const { sampleValues } = tree.profiles[profileIndex];
  let sum = 0;
  for (let i = type; i < sampleValues.length; i += tree.sampleTypes.length) sum += sampleValues[i];
  return sum;
}

// [[what, text, className]] for one profile.
function profileFacts(tree, index) {
  const profile = tree.profiles[index];
  const facts = [];
  if (profile.timeMs > 0) {
    const end = formatTime(profile.timeMs + profile.durationNs / 1e6);
    const begin = formatTime(profile.timeMs);
    const sameDay = begin.slice(0, 10) === end.slice(0, 10);
    facts.push(["Time", profile.durationNs > 0 ? `${begin} – ${sameDay ? end.slice(11) : end}` : begin]);
  }
  if (profile.durationNs > 0) facts.push(["Duration", formatDuration(profile.durationNs)]);
  const cpu = totalOf(tree, index, isCpu);
  if (cpu !== null) {
    const cores = profile.durationNs > 0 ? ` (${formatDigits(cpu / profile.durationNs)} cores)` : "";
    facts.push(["CPU", formatDuration(cpu) + cores]);
  }
  const samples = totalOf(tree, index, ({ type, unit }) => type === "samples" && unit === "count");
  if (samples !== null) facts.push(["Samples", samples.toLocaleString("en")]);
  if (profile.traces > 0) facts.push(["Traces", profile.traces.toLocaleString("en")]);
  if (!(profile.traces > 0) && profile.spans > 0) facts.push(["Spans", profile.spans.toLocaleString("en")]);
  const rate = samplingRate(profile);
  if (rate) facts.push(["Rate", rate]);
  const counts = podoCounts(profile);
  if (counts) {
    const lowest = formatShare(Math.min(...counts.ratios));
    facts.push(["Accounted", counts.ratios.length > 1 ? `≥${THIN_SPACE}${lowest}` : lowest]);
    if (counts.dropped > 0) {
      const of = `${counts.dropped.toLocaleString("en")} of ${counts.ticks.toLocaleString("en")} ticks`;
      facts.push(["Drops", of, "warning"]);
    }
  }
  for (const drop of dropComments(profile).slice(0, 2)) facts.push(["Drops", drop, "warning"]);
  return facts;
}
