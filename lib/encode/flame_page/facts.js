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

// Comments that count something lost, unless it is nothing.
function dropComments(profile) {
  return profile.comments.filter((comment) => DROP_WORDS.test(comment) && /[1-9]/.test(comment));
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
  const rate = samplingRate(profile);
  if (rate) facts.push(["Rate", rate]);
  for (const drop of dropComments(profile).slice(0, 2)) {
    facts.push(["Drops", drop.replace(/^drops?(ped)?\s*[:=]\s*/i, ""), "warning"]);
  }
  return facts;
}
