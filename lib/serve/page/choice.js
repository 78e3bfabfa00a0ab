// SPDX-License-Identifier: Apache-2.0
// What is chosen in time, and how it stands in the address. No DOM here.

const HOUR_MS = 3_600_000;

// Times are milliseconds since the epoch. `after` is the range shown, `before` the one it is
// compared with; null means: all that is in view.
class Choice {
  constructor() {
    this.spanS = 3600; // seconds in view, 0: all that is kept
    this.endMs = null; // right edge of the view; null: it follows the present
    this.after = null;
    this.before = null;
    this.by = null; // label key; "": none; null: not chosen yet
    this.patterns = []; // [{key, pattern}]: label expressions, all must match
  }

  static read(params) {
    const number = (name) => {
      const x = params.has(name) && params.get(name) !== "" ? Number(params.get(name)) : NaN;
      return Number.isFinite(x) ? x : null;
    };
    const range = (from, until) => {
      const [a, b] = [number(from), number(until)];
      return a !== null && b !== null && a < b ? { from: a, until: b } : null;
    };
    const choice = new Choice();
    const span = number("span");
    if (span !== null && span >= 0) choice.spanS = span;
    choice.endMs = number("end");
    choice.after = range("from", "until");
    choice.before = choice.after && range("base_from", "base_until");
    choice.by = params.get("by");
    for (const [name, pattern] of params) {
      if (name.startsWith("label~.")) choice.patterns.push({ key: name.slice("label~.".length), pattern });
    }
    return choice;
  }

  write(params) {
    if (this.spanS !== 3600) params.set("span", this.spanS);
    if (this.endMs !== null) params.set("end", Math.round(this.endMs));
    const put = (range, from, until) => {
      if (!range) return;
      params.set(from, Math.floor(range.from));
      params.set(until, Math.ceil(range.until));
    };
    put(this.after, "from", "until");
    put(this.before, "base_from", "base_until");
    if (this.by !== null) params.set("by", this.by);
    for (const { key, pattern } of this.patterns) params.append(`label~.${key}`, pattern);
  }

  get isFollowing() {
    return this.endMs === null;
  }

  // What the time line shows, of the history `kept` in windows of `windowMs`. A young history fills
  // the line instead of standing at its edge.
  view(now, kept, windowMs) {
    const until = this.isFollowing ? now : this.endMs;
    const begin = kept.begin_ms === null ? until - HOUR_MS : kept.begin_ms;
    const least = until - Math.max(60_000, 30 * windowMs);
    if (this.spanS === 0) return { from: Math.min(begin, least), until };
    const from = until - this.spanS * 1000;
    return { from: this.isFollowing ? Math.max(from, Math.min(begin, least)) : from, until };
  }
}

// The range of equal length that lies `ago` seconds earlier ("previous": right before).
function earlier({ from, until }, ago) {
  const shift = ago === "previous" ? until - from : Number(ago) * 1000;
  return { from: from - shift, until: until - shift };
}
