// SPDX-License-Identifier: Apache-2.0
// What stands where on the time line, and its drawing: bars of CPU time, stacked by the values of a
// label, and up to two ranges on them.

const AXIS_HEIGHT = 18;
const HEAD_ROOM = 17; // above the highest bar: flags of the ranges
const GRIP_HEIGHT = 22;
const LEAST_TICK_GAP = 84; // px

class TimelineCanvas {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.fontFamily = getComputedStyle(canvas).fontFamily;
    this.points = [];
    this.colors = [];
    this.view = { from: 0, until: 1 };
    this.begin = null; // where history begins
    this.ranges = { after: null, before: null };
    this.which = "after";
    this.lit = null; // indexes of the values that the filter leaves, null for all
    this.only = -1; // index of the value that is pointed at
    this.hoverX = -1;
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  // points: [{t, d, cpu: [...]}] in order, a color for each value.
  setPoints(points, view, begin) {
    Object.assign(this, { points, view, begin });
    this.requestDraw();
  }

  setColors(colors, lit, theme) {
    Object.assign(this, { colors, lit, theme });
    this.requestDraw();
  }

  setRanges(ranges, which) {
    Object.assign(this, { ranges, which });
    this.requestDraw();
  }

  standOut(index) {
    this.only = index;
    this.requestDraw();
  }

  // ---- geometry, in CSS pixels

  get width() {
    return this.canvas.clientWidth;
  }

  get bottom() {
    return this.canvas.clientHeight - AXIS_HEIGHT;
  }

  xOf(ms) {
    return ((ms - this.view.from) / (this.view.until - this.view.from)) * this.width;
  }

  msAt(x) {
    const share = Math.min(1, Math.max(0, x / this.width));
    return this.view.from + share * (this.view.until - this.view.from);
  }

  // The first bar that ends after `ms`; points.length if there is none.
  firstEndingAfter(ms) {
    let low = 0;
    let high = this.points.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.points[middle].t + this.points[middle].d > ms) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  indexAt(x) {
    const ms = this.msAt(x);
    const i = this.firstEndingAfter(ms);
    return i < this.points.length && this.points[i].t <= ms ? i : -1;
  }

  static cores({ cpu, d }) {
    return d > 0 ? cpu.reduce((sum, x) => sum + x, 0) / (d * 1e6) : 0;
  }

  // ---- drawing

  requestDraw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
    const { canvas, context, theme } = this;
    const height = canvas.clientHeight;
    if (!theme || this.width === 0 || height === 0) return;
    const ratio = window.devicePixelRatio || 1;
    const size = [Math.round(this.width * ratio), Math.round(height * ratio)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = theme.background;
    context.fillRect(0, 0, this.width, height);
    context.font = `11px ${this.fontFamily}`;
    context.textBaseline = "alphabetic";
    const top = roundUp(Math.max(0.01, ...this.points.map(TimelineCanvas.cores)));
    const scale = (this.bottom - HEAD_ROOM) / top;
    this.drawBeforeHistory();
    this.drawGrid(top, scale);
    this.drawBars(scale);
    this.drawScale(top, scale);
    this.drawRanges();
    this.drawAxis();
    this.drawPointer();
  }

  drawGrid(top, scale) {
    const { context } = this;
    context.fillStyle = this.theme.line;
    for (const share of [0.5, 1]) {
      context.fillRect(0, Math.round(this.bottom - top * share * scale), this.width, 1);
    }
  }

  drawScale(top, scale) {
    if (this.points.length === 0) return;
    for (const share of [0.5, 1]) {
      const cores = top * share;
      const text = `${Number(cores.toPrecision(3))} ${cores === 1 ? "core" : "cores"}`;
      this.drawText(text, 4, Math.round(this.bottom - cores * scale) + 12, this.theme.text);
    }
  }

  // Text that stays readable on bars.
  drawText(text, x, y, color) {
    const { context, theme } = this;
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeStyle = theme.background;
    context.strokeText(text, x, y);
    context.fillStyle = color;
    context.fillText(text, x, y);
  }

  drawBars(scale) {
    const { context, points } = this;
    const edges = points.map(({ t, d }) => {
      const [left, right] = [this.xOf(t), this.xOf(t + d)];
      return [left, Math.max(1, right - left > 4 ? right - left - 1 : right - left + 0.3)];
    });
    const heights = new Float64Array(points.length);
    // What the filter leaves stands at the bottom, where it can be measured. Value by value: setting
    // a color is what costs.
    const order = this.colors.map((_, value) => value).sort((a, b) => this.isLit(b) - this.isLit(a) || a - b);
    order.forEach((value) => {
      context.fillStyle = this.colors[value];
      context.globalAlpha = (this.only >= 0 ? this.only === value : this.isLit(value)) ? 1 : 0.18;
      points.forEach(({ cpu, d }, i) => {
        if (!(cpu[value] > 0)) return;
        const size = (cpu[value] / (d * 1e6)) * scale;
        context.fillRect(edges[i][0], this.bottom - heights[i] - size, edges[i][1], size);
        heights[i] += size;
      });
    });
    context.globalAlpha = 1;
  }

  isLit(value) {
    return !this.lit || this.lit.has(value);
  }

  drawBeforeHistory() {
    const { context, theme, begin } = this;
    if (begin === null || begin <= this.view.from) return;
    const x = Math.min(this.width, this.xOf(begin));
    context.fillStyle = theme.surface;
    context.fillRect(0, 0, x, this.bottom);
    const text = `history begins ${momentText(begin)}`;
    const width = context.measureText(text).width;
    context.fillStyle = theme.muted;
    if (x > width + 16) context.fillText(text, x - width - 8, this.bottom - 8);
    context.fillStyle = theme.muted;
    context.fillRect(x - 1, 0, 1, this.bottom);
  }

  drawAxis() {
    const { context, theme } = this;
    context.fillStyle = theme.line;
    context.fillRect(0, this.bottom, this.width, 1);
    const most = Math.max(2, this.width / LEAST_TICK_GAP);
    const { step, ticks } = timeTicks(this.view.from, this.view.until, most);
    for (const t of ticks) {
      const x = Math.round(this.xOf(t));
      context.fillStyle = theme.muted;
      context.fillRect(x, this.bottom, 1, 4);
      const text = tickText(t, step);
      const width = context.measureText(text).width;
      if (x - width / 2 < 1 || x + width / 2 > this.width - 1) continue;
      context.fillText(text, x - width / 2, this.bottom + 14);
    }
  }

  drawRanges() {
    const ranges = Object.entries({ ...this.ranges, ...(this.drag ? this.drag.ranges : {}) })
      .filter(([, range]) => range)
      .map(([which, range]) => ({ which, left: this.xOf(range.from), right: this.xOf(range.until) }))
      .sort((a, b) => a.left - b.left);
    if (ranges.length === 0) return;
    this.shade(ranges);
    for (const range of ranges) this.drawRange(range, ranges.length > 1);
  }

  // What is not chosen steps back.
  shade(ranges) {
    const { context, theme } = this;
    context.fillStyle = theme.background;
    context.globalAlpha = 0.62;
    let x = 0;
    for (const { left, right } of ranges) {
      if (left > x) context.fillRect(x, 0, left - x, this.bottom);
      x = Math.max(x, right);
    }
    if (x < this.width) context.fillRect(x, 0, this.width - x, this.bottom);
    context.globalAlpha = 1;
  }

  drawRange({ which, left, right }, isCompared) {
    const { context, theme } = this;
    const color = theme[which];
    const isActive = which === this.which;
    const width = Math.max(2, right - left);
    context.globalAlpha = 0.1;
    context.fillStyle = color;
    context.fillRect(left, 0, width, this.bottom);
    context.globalAlpha = 1;
    context.strokeStyle = color;
    context.lineWidth = isActive ? 2 : 1.5;
    context.setLineDash(which === "before" ? [5, 3] : []);
    context.strokeRect(left, 1, width, this.bottom - 1);
    context.setLineDash([]);
    if (document.activeElement === this.canvas && isActive) {
      context.fillStyle = color;
      context.fillRect(left, this.bottom - 3, width, 3);
    }
    if (width > 12) {
      context.fillStyle = color;
      for (const x of [left, left + width]) {
        context.fillRect(x - 2.5, (this.bottom - GRIP_HEIGHT) / 2, 5, GRIP_HEIGHT);
      }
    }
    if (isCompared) this.drawFlag(which === "before" ? "Before" : "After", color, left, width);
  }

  drawFlag(text, color, left, width) {
    const { context } = this;
    const size = context.measureText(text).width + 10;
    const x = Math.min(Math.max(0, left + (width - size) / 2), this.width - size);
    context.fillStyle = color;
    context.fillRect(x, 0, size, 15);
    context.fillStyle = this.theme.flagText;
    context.fillText(text, x + 5, 11);
  }

  drawPointer() {
    if (this.hoverX < 0 || this.drag) return;
    this.context.fillStyle = this.theme.muted;
    this.context.fillRect(Math.round(this.hoverX), 0, 1, this.bottom);
  }
}
