// SPDX-License-Identifier: Apache-2.0
// What one profile, or two side by side, come to: the numbers behind graph, table and details.

// A change smaller than this share of its total is drawn as none: with a few hundred samples a
// frame of half a percent comes and goes by chance.
const NOTICEABLE_SHARE = 0.005;
const NOTICEABLE_CHANGE = 1 / (2 * DIFF_STEPS); // below it the color is that of "no change"

function functionRows(tree, sums) {
  const byFunction = sums.map((one) => tree.sumsByFunction(one));
  const rows = [];
  for (let frame = 0; frame < tree.names.length; frame++) {
    if (byFunction.every(({ self, total }) => self[frame] === 0 && total[frame] === 0)) continue;
    rows.push({ frame, name: tree.names[frame], sums: byFunction });
  }
  return rows;
}

// The whole qualified name if it fits two lines of the table, else its last parts.
function tableName(name) {
  const parts = nameParts(name);
  const whole = parts.join("::");
  return whole.length <= 44 ? whole : parts.slice(-2).join("::");
}

function functionColumn(tree, swatchOf) {
  return {
    key: "name", title: "Function", label: "Sort by name", value: (row) => row.name.toLowerCase(),
    format: (row) => ({
      text: tableName(row.name),
      detail: baseName(tree.placeOf(row.frame)) || baseName(tree.modules[row.frame]),
      swatch: swatchOf(row.frame),
    }),
  };
}

class SingleView {
  constructor(tree, type, { keep = null } = {}) {
    this.tree = tree;
    this.type = tree.sampleTypes[type];
    this.isFiltered = Boolean(keep);
    [this.sums] = tree.sums(type, keep);
    this.total = this.sums.total[0];
    this.colorOfFrame = tree.names.map((name, i) => packageColor(tree.packages[i], name));
    this.rows = functionRows(tree, [this.sums]);
  }

  get isEmpty() {
    return !(this.total > 0);
  }

  value(x) {
    return formatValue(x, this.type.type, this.type.unit);
  }

  share(x) {
    return formatShare(this.total > 0 ? x / this.total : 0);
  }

  graph() {
    const { tree, sums } = this;
    const colors = Uint8Array.from(tree.frame, (frame) => (frame < 0 ? GREY : this.colorOfFrame[frame]));
    return {
      widths: sums.total, ranks: sums.total, colors, isDiff: false, marks: null,
      caption: (node) => this.share(sums.total[node]),
    };
  }

  // What one looks for first.
  hottest() {
    return this.sums.self.reduce((best, x, i, all) => (x > all[best] ? i : best), 0);
  }

  columns(palette) {
    const column = (key, title, label) => ({
      key, title, label, numeric: true, value: (row) => row.sums[0][key][row.frame],
      format: (row) => {
        const x = row.sums[0][key][row.frame];
        return { text: this.share(x), detail: this.value(x) };
      },
    });
    return [
      functionColumn(this.tree, (frame) => palette.fills[this.colorOfFrame[frame]]),
      column("self", "Self", "In the function's own code, and in what is inlined away without a trace"),
      column("total", "Total", "In the function and in all it calls; a recursive call counts once"),
    ];
  }

  sortKey() {
    return "self";
  }

  facts(node, zoomed) {
    const { self, total } = this.sums;
    const facts = [
      ["Total", `${this.share(total[node])} · ${this.value(total[node])}`],
      ["Self", `${this.share(self[node])} · ${this.value(self[node])}`],
    ];
    if (zoomed > 0 && zoomed !== node && total[zoomed] > 0) {
      facts.push(["Of the zoomed frame", formatShare(total[node] / total[zoomed])]);
    }
    if (node > 0) {
      const all = this.rows[0].sums[0];
      const frame = this.tree.frame[node];
      facts.push(["On all stacks", `${this.share(all.total[frame])} total, ${this.share(all.self[frame])} self`]);
    }
    return facts;
  }

  // Share of what is matched, by the topmost matching nodes.
  matched(topmost) {
    const sum = topmost.reduce((x, node) => x + this.sums.total[node], 0);
    return { share: this.total > 0 ? sum / this.total : 0, text: `${this.share(sum)} · ${this.value(sum)}` };
  }

  // [{text, index, share}] for the packages that use most, for the legend.
  legend() {
    const sums = new Map();
    for (const { frame } of this.rows) {
      const name = this.tree.packages[frame];
      sums.set(name, (sums.get(name) || 0) + this.rows[0].sums[0].self[frame]);
    }
    return [...sums].filter(([, x]) => x > 0).sort((a, b) => b[1] - a[1]).slice(0, 8)
      .map(([name, x]) => ({ name, color: packageColor(name, ""), share: this.share(x) }));
  }
}

class DiffView {
  // options: width "before" | "both" | "after"; scale "share" | "rate"; by "self" | "total".
  constructor(tree, type, { keep = null, width = "both", scale = "share", by = "self" } = {}) {
    this.tree = tree;
    this.type = tree.sampleTypes[type];
    this.isFiltered = Boolean(keep);
    this.options = { width, scale, by };
    this.raw = tree.sums(type, keep);
    this.totals = this.raw.map(({ total }) => total[0]);
    this.factors = this.totals.map((total, i) => {
      const base = scale === "rate" ? tree.profiles[i].durationNs / 1e9 : total;
      return base > 0 ? 1 / base : 0;
    });
    const scaled = (i, key) => this.raw[i][key].map((x) => x * this.factors[i]);
    this.sums = [0, 1].map((i) => ({ self: scaled(i, "self"), total: scaled(i, "total") }));
    this.reference = Math.max(this.sums[0].total[0], this.sums[1].total[0]);
    this.rows = functionRows(tree, this.sums);
    this.measureChanges();
  }

  get isEmpty() {
    return !this.totals.some((total) => total > 0);
  }

  measureChanges() {
    const [before, after] = this.sums.map(({ total }) => total);
    const count = this.tree.nodeCount;
    this.colors = new Uint8Array(count);
    this.marks = new Uint8Array(count);
    const floor = this.reference * NOTICEABLE_SHARE;
    for (let i = 0; i < count; i++) {
      const larger = Math.max(before[i], after[i]);
      const change = larger > 0 ? (after[i] - before[i]) / Math.max(larger, floor) : 0;
      this.colors[i] = diffColor(change);
      if (before[i] <= 0 && after[i] > 0) this.marks[i] = MARK.NEW;
      else if (after[i] <= 0 && before[i] > 0) this.marks[i] = MARK.GONE;
      else if (change >= NOTICEABLE_CHANGE) this.marks[i] = MARK.GREW;
      else if (change <= -NOTICEABLE_CHANGE) this.marks[i] = MARK.SHRANK;
    }
  }

  value(x) {
    if (this.options.scale === "share") return formatShare(x);
    return `${formatValue(x, this.type.type, this.type.unit)}/s`;
  }

  change(x) {
    if (this.options.scale === "share") return formatPoints(x);
    return `${formatSigned(x, (y) => formatValue(y, this.type.type, this.type.unit))}/s`;
  }

  graph() {
    const [before, after] = this.sums.map(({ total }) => total);
    const both = before.map((x, i) => x + after[i]);
    return {
      widths: { before, after, both }[this.options.width], ranks: both,
      colors: this.colors, isDiff: true, marks: this.marks,
      // Shares are sums of fractions: what differs in the last bit is equal.
      caption: (node) => (Math.abs(after[node] - before[node]) < this.reference * 1e-12 ? ""
        : this.change(after[node] - before[node])),
    };
  }

  hottest() {
    const [before, after] = this.sums.map(({ self }) => self);
    const change = (i) => Math.abs(after[i] - before[i]);
    const { widths } = this.graph();
    return before.reduce((best, _, i) => (widths[i] > 0 && change(i) > change(best) ? i : best), 0);
  }

  columns(palette) {
    const { by } = this.options;
    const at = (row, i) => row.sums[i][by][row.frame];
    const change = (row) => at(row, 1) - at(row, 0);
    const side = (i, key, title) => ({
      key, title, label: `${by === "self" ? "Self" : "Total"} ${key}`, numeric: true,
      value: (row) => at(row, i), format: (row) => ({ text: this.value(at(row, i)) }),
    });
    return [
      functionColumn(this.tree, (frame) => this.swatch(palette, this.rowOf(frame))),
      side(0, "before", "Before"),
      side(1, "after", "After"),
      {
        key: "change", title: "Change", label: "After minus before; sorted by size", numeric: true,
        value: (row) => Math.abs(change(row)),
        format: (row) => ({
          text: `${change(row) > 0 ? "▲" : change(row) < 0 ? "▼" : "="} ${this.change(change(row))}`,
          detail: at(row, 0) <= 0 && at(row, 1) > 0 ? "new" : at(row, 1) <= 0 && at(row, 0) > 0 ? "gone" : "",
          className: change(row) > 0 ? "grew" : change(row) < 0 ? "shrank" : "",
        }),
      },
    ];
  }

  rowOf(frame) {
    return { frame, sums: this.rows.length > 0 ? this.rows[0].sums : this.sums };
  }

  swatch(palette, { frame, sums }) {
    const [before, after] = sums.map((one) => one[this.options.by][frame]);
    const larger = Math.max(before, after, this.reference * NOTICEABLE_SHARE);
    return palette.diffFills[diffColor(larger > 0 ? (after - before) / larger : 0)];
  }

  sortKey() {
    return "change";
  }

  facts(node) {
    const [before, after] = this.sums;
    const line = (key, x, y) => [key, `${this.value(x)} → ${this.value(y)}  (${this.change(y - x)})`];
    const facts = [
      line("Total", before.total[node], after.total[node]),
      line("Self", before.self[node], after.self[node]),
      ["CPU", this.raw.map(({ total }) => formatValue(total[node], this.type.type, this.type.unit)).join(" → ")],
    ];
    if (this.type.unit !== "nanoseconds") facts[2][0] = "Sum";
    if (node > 0) {
      const frame = this.tree.frame[node];
      facts.push(line("On all stacks", ...this.rows[0].sums.map(({ total }) => total[frame])));
    }
    return facts;
  }

  matched(topmost) {
    const sums = this.sums.map(({ total }) => topmost.reduce((x, node) => x + total[node], 0));
    return { share: sums[1] / (this.sums[1].total[0] || 1), text: sums.map((x) => this.value(x)).join(" → ") };
  }
}
