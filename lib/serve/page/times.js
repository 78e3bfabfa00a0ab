// SPDX-License-Identifier: Apache-2.0
// Moments and ranges as people read them, in local time; round steps for axes.

// Steps of a clock that people read, in ms.
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
  86400, 172800, 604800].map((s) => s * 1000);

// Round local times within [from, until], at most `most` of them.
function timeTicks(from, until, most) {
  const step = TIME_STEPS.find((one) => (until - from) / one <= most) || TIME_STEPS[TIME_STEPS.length - 1];
  const ticks = [];
  // The offset is asked for each tick: a day with a change of clocks has two.
  const offset = (ms) => new Date(ms).getTimezoneOffset() * 60_000;
  const first = Math.ceil((from - offset(from)) / step) * step + offset(from);
  for (let t = first; t <= until && ticks.length < 100; t += step) {
    const shifted = t + (step > HOUR_MS ? offset(t) - offset(first) : 0);
    if (shifted >= from && shifted <= until) ticks.push(shifted);
  }
  return { step, ticks };
}

function clockText(ms, withSeconds) {
  const d = new Date(ms);
  const two = (x) => String(x).padStart(2, "0");
  return `${two(d.getHours())}:${two(d.getMinutes())}${withSeconds ? `:${two(d.getSeconds())}` : ""}`;
}

function dayText(ms) {
  return new Date(ms).toLocaleDateString("en", { month: "short", day: "numeric" });
}

function tickText(ms, step) {
  const d = new Date(ms);
  const isMidnight = d.getHours() === 0 && d.getMinutes() === 0 && d.getSeconds() === 0;
  return step >= 24 * HOUR_MS || isMidnight ? dayText(ms) : clockText(ms, step < 60_000);
}

function momentText(ms) {
  return `${dayText(ms)} ${clockText(ms, ms % 60_000 >= 1000)}`;
}

// "Nov 23 09:10 – 09:20"; seconds only where there are any.
function rangeText({ from, until }) {
  const [a, b] = [Math.floor(from / 1000) * 1000, Math.round(until / 1000) * 1000];
  const withSeconds = a % 60_000 !== 0 || b % 60_000 !== 0;
  const day = dayText(a) === dayText(b) ? "" : `${dayText(b)} `;
  return `${dayText(a)} ${clockText(a, withSeconds)} – ${day}${clockText(b, withSeconds)}`;
}

// "20 min", "1 h 30 min", "45 s": lengths of ranges.
function lengthText(ms) {
  const s = Math.round(ms / 1000);
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const at = units.findIndex(([, size]) => s >= size);
  if (at < 0) return `${formatDigits(ms)}${THIN_SPACE}ms`;
  const [name, size] = units[at];
  const rest = at < 3 ? Math.floor((s % size) / units[at + 1][1]) : 0;
  const first = `${Math.floor(s / size)}${THIN_SPACE}${name}`;
  return rest > 0 ? `${first} ${rest}${THIN_SPACE}${units[at + 1][0]}` : first;
}

// The least round number that is not below x.
function roundUp(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  return power * [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10].find((m) => m * power >= x * (1 - 1e-9));
}
