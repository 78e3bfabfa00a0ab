// SPDX-License-Identifier: Apache-2.0
// The time line: ranges are drawn, moved and resized by pointer and keys.
//
// It knows nothing of requests. onPick(range, which, {isStep}) tells what was chosen, onHover(index,
// x) which bar is pointed at.

const LEAST_DRAG = 4; // px: less is a click
const GRIP_REACH = 6; // px on either side of an edge

class Timeline extends TimelineCanvas {
  constructor(canvas, { onPick, onHover }) {
    super(canvas);
    this.onPick = onPick;
    this.onHover = onHover;
    this.drag = null; // {kind, which, begin, origin, ranges}
    this.listen();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.drop(event));
    canvas.addEventListener("pointercancel", () => this.cancelDrag());
    canvas.addEventListener("pointerleave", () => this.leave());
    canvas.addEventListener("dblclick", () => this.onPick(null, this.which));
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const event of ["focus", "blur"]) canvas.addEventListener(event, () => this.requestDraw());
  }

  // ---- pointer

  // What is under the pointer: an edge or the inside of a range, or nothing of one.
  hit(x) {
    const order = this.which === "after" ? ["after", "before"] : ["before", "after"];
    for (const which of order) {
      const range = this.ranges[which];
      if (!range) continue;
      const [left, right] = [this.xOf(range.from), this.xOf(range.until)];
      const reach = Math.min(GRIP_REACH, (right - left) / 3 + 2);
      if (Math.abs(x - right) <= reach) return { kind: "until", which };
      if (Math.abs(x - left) <= reach) return { kind: "from", which };
      if (x > left && x < right && right - left < this.width - 2) return { kind: "inside", which };
    }
    return { kind: "new", which: this.which };
  }

  press(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const x = event.offsetX;
    const { kind, which } = event.shiftKey ? { kind: "new", which: this.otherThan() } : this.hit(x);
    this.drag = { kind, which, begin: x, origin: this.ranges[which], ranges: {}, hasMoved: false };
  }

  // A second range belongs to a first.
  otherThan() {
    return this.ranges.after ? "before" : "after";
  }

  move(event) {
    const x = event.offsetX;
    this.hoverX = x;
    const { drag } = this;
    if (!drag) {
      const { kind } = this.hit(x);
      const cursors = { from: "ew-resize", until: "ew-resize", inside: "grab", new: "crosshair" };
      this.canvas.style.cursor = cursors[kind];
      this.requestDraw();
      return this.onHover(this.indexAt(x), x);
    }
    if (!drag.hasMoved && Math.abs(x - drag.begin) < LEAST_DRAG) return;
    drag.hasMoved = true;
    this.onHover(-1, 0);
    drag.ranges = { [drag.which]: this.dragged(drag, x) };
    this.requestDraw();
  }

  dragged({ kind, origin, begin }, x) {
    if (kind === "new") return this.snap(this.msAt(begin), this.msAt(x));
    const at = this.msAt(x);
    // The other edge stays, whatever bars stand there by now; a drag beyond it turns the range over.
    if (kind === "from" && at < origin.until) return { ...origin, from: this.snap(at, origin.until).from };
    if (kind === "until" && at > origin.from) return { ...origin, until: this.snap(origin.from, at).until };
    if (kind !== "inside") return this.snap(kind === "from" ? origin.until : origin.from, at);
    const shift = ((x - begin) / this.width) * (this.view.until - this.view.from);
    return this.shifted(origin, shift);
  }

  // A range of the same length elsewhere, beginning with a bar.
  shifted({ from, until }, shift) {
    const at = this.points[Math.min(this.firstEndingAfter(from + shift), this.points.length - 1)];
    const begin = at ? at.t : from + shift;
    return { from: begin, until: begin + until - from };
  }

  drop(event) {
    const { drag } = this;
    if (!drag) return;
    this.drag = null;
    const range = drag.ranges[drag.which];
    const at = this.points[this.indexAt(event.offsetX)];
    if (range) this.onPick(range, drag.which);
    else if (at && event.detail < 2) this.onPick({ from: at.t, until: at.t + at.d }, drag.which);
    this.requestDraw();
  }

  cancelDrag() {
    this.drag = null;
    this.requestDraw();
  }

  leave() {
    this.hoverX = -1;
    this.requestDraw();
    this.onHover(-1, 0);
  }

  // Whole bars: windows are not cut.
  snap(a, b) {
    const [from, until] = a < b ? [a, b] : [b, a];
    const first = this.points[this.firstEndingAfter(from)];
    if (!first || first.t >= until) return { from: Math.round(from), until: Math.round(until) };
    let last = first;
    for (let i = this.firstEndingAfter(from); i < this.points.length && this.points[i].t < until; i++) {
      last = this.points[i];
    }
    return { from: first.t, until: last.t + last.d };
  }

  // ---- keys

  // Arrows move the range by a bar, with Shift they move its end; Escape lets it go.
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (this.drag) this.cancelDrag();
      else if (this.ranges[this.which]) this.onPick(null, this.which);
      event.preventDefault();
      return event.stopPropagation();
    }
    const most = this.points.length - 1;
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    const edge = { Home: 0, End: most }[event.key];
    if ((step === undefined && edge === undefined) || most < 0) return;
    event.preventDefault();
    event.stopPropagation();
    const [first, last] = this.bars();
    if (edge !== undefined) this.pickBars(edge, last - first); // pickBars keeps it in view
    else if (first < 0) this.pickBars(most, 0);
    else if (event.shiftKey) this.pickBars(first, Math.max(0, Math.min(most, last + step) - first));
    else this.pickBars(first + step, last - first);
  }

  // First and last bar of the range that keys move; -1 if there is none.
  bars() {
    const range = this.ranges[this.which];
    if (!range) return [-1, -1];
    const first = Math.min(this.firstEndingAfter(range.from), this.points.length - 1);
    let last = first;
    while (last + 1 < this.points.length && this.points[last + 1].t < range.until) last++;
    return [first, last];
  }

  // `more` bars beyond the first.
  pickBars(first, more) {
    const most = this.points.length - 1;
    const begin = this.points[Math.min(Math.max(0, first), Math.max(0, most - more))];
    const end = this.points[Math.min(this.points.indexOf(begin) + more, most)];
    this.onPick({ from: begin.t, until: end.t + end.d }, this.which, { isStep: true });
  }
}
