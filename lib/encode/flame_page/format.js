// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.

const THIN_SPACE = "\u202f";

// [divisor, unit], largest first; the first that gives a number >= 1 is taken.
const SCALES = {
  nanoseconds: [[3.6e12, "h"], [6e10, "min"], [1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]],
  bytes: [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]],
};

function formatDigits(x) {
  const size = Math.abs(x);
  const digits = size >= 100 || Number.isInteger(x) ? 0 : size >= 10 ? 1 : 2;
  return x.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// A value of a sample type, as "1.24 s", "12.5 MiB", "1,204 samples".
function formatValue(value, type, unit) {
  const scale = SCALES[unit];
  if (!scale) {
    const noun = unit === "count" || unit === "" ? type : unit;
    return `${formatDigits(value)}${THIN_SPACE}${noun}`.trim();
  }
  const [divisor, name] =
    scale.find(([size]) => Math.abs(value) >= size) || scale[scale.length - 1];
  return `${formatDigits(value / divisor)}${THIN_SPACE}${name}`;
}

// 0.123 as "12.3 %". Small but present is never shown as nothing.
function formatShare(share) {
  const percent = share * 100;
  if (percent === 0) return `0${THIN_SPACE}%`;
  if (percent > 0 && percent < 0.01) return `<${THIN_SPACE}0.01${THIN_SPACE}%`;
  const digits = Math.abs(percent) < 10 ? 2 : 1;
  return `${percent.toFixed(digits)}${THIN_SPACE}%`;
}

// "+", a true minus sign, or nothing, and the absolute value by `format`.
function formatSigned(x, format) {
  return (x > 0 ? "+" : x < 0 ? "−" : "±") + format(Math.abs(x));
}

// A difference of shares, in percentage points.
function formatPoints(x) {
  const points = Math.abs(x) * 100;
  const text = points > 0 && points < 0.01 ? "<0.01" : points.toFixed(points < 10 ? 2 : 1);
  return `${x > 0 ? "+" : x < 0 ? "−" : "±"}${text}${THIN_SPACE}pp`;
}

function formatDuration(ns) {
  return formatValue(ns, "", "nanoseconds");
}
