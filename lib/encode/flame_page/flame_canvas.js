// SPDX-License-Identifier: Apache-2.0
// What of a flame graph stands where on a canvas, and its drawing. The canvas stands alone in a
// scrolling element and is as large as that; only what is in view is drawn.

const ROW_HEIGHT = 20;
const TEXT_PADDING = 5;
const FONT_SIZE = 11.5;
const MIN_TEXT_WIDTH = 2 * TEXT_PADDING + 8; // one character
const SLIVER_WIDTH = 2; // frames narrower than this are drawn together with their neighbors
const MARK = { NONE: 0, GREW: 1, SHRANK: 2, NEW: 3, GONE: 4 };
const MARK_GLYPHS = ["", "▲ ", "▼ ", "✚ ", "✕ "];

class FlameCanvas {
  constructor(canvas, tree) {
    this.canvas = canvas;
    this.scroller = canvas.parentElement;
    this.context = canvas.getContext("2d", { alpha: false });
    this.sizer = document.createElement("div"); // as high as all levels, so that one can scroll
    canvas.after(this.sizer);
    this.rootAtTop = true;
    this.fontFamily = getComputedStyle(canvas).fontFamily;
    this.setTree(tree);
  }

  setTree(tree) {
    this.tree = tree;
    this.layout = null;
    this.matches = null;
    this.forms = new Map(); // frame -> its name in ever shorter forms
    this.hovered = this.focused = -1; // nodes
    this.zoomed = 0;
    this.range = [0, 1]; // what the width shows, in the unit of the layout
  }

  setPalette(palette) {
    this.palette = palette;
    this.hatch = null;
    this.requestDraw();
  }

  setRootAtTop(rootAtTop) {
    this.rootAtTop = rootAtTop;
    this.resize();
    this.scroller.scrollTop = rootAtTop ? 0 : this.scroller.scrollHeight;
  }

  // matches: one byte a node, or null.
  setMatches(matches) {
    this.matches = matches;
    this.requestDraw();
  }

  isShown(node) {
    return node >= 0 && this.layout.position[node] >= 0;
  }

  rangeOf(node) {
    const p = this.layout.position[node];
    return p < 0 ? [0, 1] : [this.layout.x[p], this.layout.end[p]];
  }

  // ---- geometry, in CSS pixels

  contentHeight() {
    return (this.layout ? this.layout.levels : 0) * ROW_HEIGHT + 1;
  }

  // From the top of what can be scrolled.
  levelTop(level) {
    if (this.rootAtTop) return level * ROW_HEIGHT;
    return Math.max(this.contentHeight(), this.height) - (level + 1) * ROW_HEIGHT;
  }

  levelAt(y) {
    if (this.rootAtTop) return Math.floor(y / ROW_HEIGHT);
    return Math.ceil((Math.max(this.contentHeight(), this.height) - y) / ROW_HEIGHT) - 1;
  }

  nodeAt(canvasX, canvasY) {
    if (!this.layout) return -1;
    const [left, right] = this.range;
    const x = left + (canvasX / this.width) * (right - left);
    const p = this.layout.at(this.levelAt(canvasY + this.scroller.scrollTop), x);
    return p < 0 ? -1 : this.layout.node[p];
  }

  // Where a node is drawn on the canvas, clipped to it; null if it is out of view.
  rectOf(node) {
    if (!this.isShown(node)) return null;
    const p = this.layout.position[node];
    const [left, right] = this.range;
    const scale = this.width / (right - left);
    const x = Math.max(0, (this.layout.x[p] - left) * scale);
    const end = Math.min(this.width, (this.layout.end[p] - left) * scale);
    if (end <= x) return null;
    const y = this.levelTop(this.layout.levelOf(p)) - this.scroller.scrollTop;
    return { x, y, width: end - x, height: ROW_HEIGHT };
  }

  resize() {
    this.width = Math.max(1, this.scroller.clientWidth);
    this.height = Math.max(1, this.scroller.clientHeight);
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.sizer.style.height = `${Math.max(0, this.contentHeight() - this.height)}px`;
    this.ratio = ratio;
    this.draw(); // at once: a canvas whose size was set is blank
  }

  // ---- drawing

  requestDraw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
    if (!this.layout || !this.palette) return;
    const begin = performance.now();
    const context = this.context;
    const theme = this.palette.theme;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = theme.background;
    context.fillRect(0, 0, this.width, this.height);
    context.font = `${FONT_SIZE}px ${this.fontFamily}`;
    context.textBaseline = "middle";
    this.charWidth = context.measureText("0").width;
    this.rectsDrawn = 0;
    this.fillStyle = "";
    this.zoomedRange = this.rangeOf(this.zoomed);
    this.zoomedLevel = this.isShown(this.zoomed)
      ? this.layout.levelOf(this.layout.position[this.zoomed]) : 0;
    for (let level = 0; level < this.layout.levels; level++) {
      const y = this.levelTop(level) - this.scroller.scrollTop;
      if (y < this.height && y > -ROW_HEIGHT) this.drawLevel(level, y);
    }
    this.outline(this.hovered, theme.text, 1);
    if (document.activeElement === this.canvas || this.focused > 0) {
      this.outline(this.focused, theme.ring, 2);
    }
    this.drawMs = performance.now() - begin;
  }

  drawLevel(level, y) {
    const { x: xs, end: ends, levelStart } = this.layout;
    const [left, right] = this.range;
    const scale = this.width / (right - left);
    const levelEnd = levelStart[level + 1];
    const sliver = SLIVER_WIDTH / scale;
    let p = this.layout.firstEndingAfter(left, levelStart[level], levelEnd);
    while (p < levelEnd && xs[p] < right) {
      const x = Math.max(0, (xs[p] - left) * scale);
      const end = Math.min(this.width, (ends[p] - left) * scale);
      this.rectsDrawn++;
      if (end - x >= SLIVER_WIDTH) {
        this.drawFrame(this.layout.node[p], level, x, y, end - x);
        p++;
      } else {
        // All that stand so close are one: what is drawn is bounded by pixels, not by frames.
        const next = this.layout.firstEndingAfter(xs[p] + sliver, p + 1, levelEnd);
        const sliverEnd = (Math.min(ends[next - 1], right) - left) * scale;
        this.fill(this.layout.node[this.matchIn(p, next)], level, x, y, Math.max(1, sliverEnd - x));
        p = next;
      }
    }
  }

  // A match among positions that share a sliver, so that a narrow match is not lost to the eye.
  matchIn(begin, end) {
    if (!this.matches) return begin;
    const limit = Math.min(end, begin + 64);
    for (let p = begin; p < limit; p++) if (this.matches[this.layout.node[p]]) return p;
    return begin;
  }

  // What a search did not find, else the callers of what is zoomed into.
  isFaded(node, level) {
    if (this.matches) return !this.matches[node];
    if (level >= this.zoomedLevel) return false;
    const p = this.layout.position[node];
    return this.layout.x[p] <= this.zoomedRange[0] && this.layout.end[p] >= this.zoomedRange[1];
  }

  fill(node, level, x, y, width) {
    const { palette, view } = this;
    const faded = this.isFaded(node, level);
    const fills = view.isDiff ? (faded ? palette.fadedDiffFills : palette.diffFills)
      : faded ? palette.fadedFills : palette.fills;
    const marked = this.matches && this.matches[node] && !view.isDiff;
    this.setFill(marked ? palette.theme.match : fills[view.colors[node]]);
    this.context.fillRect(x, y, width, ROW_HEIGHT - 1);
    return { faded, marked };
  }

  // The canvas parses a color each time it is set: with thousands of slivers that is what costs.
  setFill(style) {
    if (style !== this.fillStyle) this.context.fillStyle = this.fillStyle = style;
  }

  drawFrame(node, level, x, y, width) {
    const { palette, view, context } = this;
    const inner = width > 3 ? width - 1 : width;
    const { faded, marked } = this.fill(node, level, x, y, inner);
    const mark = view.marks ? view.marks[node] : MARK.NONE;
    if ((mark === MARK.SHRANK || mark === MARK.GONE) && !faded) {
      this.setFill(this.hatchPattern());
      context.fillRect(x, y, inner, ROW_HEIGHT - 1);
    }
    if (mark === MARK.NEW || mark === MARK.GONE) this.dash(x, y, inner);
    if (view.isDiff && this.matches && !faded) {
      context.strokeStyle = palette.theme.text;
      context.lineWidth = 1.5;
      context.strokeRect(x + 1, y + 1, Math.max(0, inner - 2), ROW_HEIGHT - 3);
    }
    if (inner < MIN_TEXT_WIDTH) return;
    this.setFill(marked ? palette.theme.matchText
      : faded ? palette.theme.fadedText : palette.theme.text);
    this.drawText(node, mark, x, y, inner);
  }

  drawText(node, mark, x, y, width) {
    const glyph = MARK_GLYPHS[mark];
    const chars = Math.floor((width - 2 * TEXT_PADDING) / this.charWidth) - glyph.length;
    const caption = this.view.caption(node);
    const captionChars = caption.length + 2;
    const middle = y + (ROW_HEIGHT - 1) / 2 + 0.5;
    let name = this.fitName(node, chars - captionChars);
    if (caption && name && !name.endsWith("…")) {
      this.context.textAlign = "right";
      this.context.fillText(caption, x + width - TEXT_PADDING, middle);
    } else {
      name = this.fitName(node, chars);
    }
    if (!name && !glyph) return;
    this.context.textAlign = "left";
    this.context.fillText((glyph + name).trim(), x + TEXT_PADDING, middle, width - TEXT_PADDING - 2);
  }

  fitName(node, chars) {
    if (chars < 2) return "";
    const forms = this.formsOf(node);
    const fitting = forms.find((form) => form.length <= chars);
    return fitting ?? `${forms[forms.length - 1].slice(0, chars - 1)}…`;
  }

  formsOf(node) {
    if (node === 0) return ["all"];
    const frame = this.tree.frame[node];
    let forms = this.forms.get(frame);
    if (!forms) this.forms.set(frame, (forms = shorterNames(this.tree.names[frame])));
    return forms;
  }

  outline(node, color, width) {
    const rect = this.rectOf(node);
    if (!rect) return;
    const context = this.context;
    context.strokeStyle = color;
    context.lineWidth = width;
    const inset = width / 2;
    context.strokeRect(rect.x + inset, rect.y + inset - 0.5, Math.max(1, rect.width - 1 - width),
      ROW_HEIGHT - width);
  }

  // New and vanished frames have a dashed edge, the second sign beside their glyph.
  dash(x, y, width) {
    if (width < 4) return;
    const context = this.context;
    context.setLineDash([4, 2]);
    context.strokeStyle = this.palette.theme.text;
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, y + 0.5, width - 1, ROW_HEIGHT - 2);
    context.setLineDash([]);
  }

  hatchPattern() {
    if (this.hatch) return this.hatch;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const context = tile.getContext("2d");
    context.strokeStyle = this.palette.theme.hatch;
    context.lineWidth = 1.5;
    for (const offset of [-8, 0, 8]) {
      context.beginPath();
      context.moveTo(offset, 8);
      context.lineTo(offset + 8, 0);
      context.stroke();
    }
    return (this.hatch = this.context.createPattern(tile, "repeat"));
  }
}
