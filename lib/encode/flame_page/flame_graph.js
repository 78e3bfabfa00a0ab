// SPDX-License-Identifier: Apache-2.0
// A flame graph: zooms, and moves a focus by pointer and keys.
//
// It knows nothing of the page around it. A view says what is drawn, and callbacks (onHover,
// onFocus, onZoom) tell what the reader does:
//   view = {widths, ranks, colors, isDiff, marks, caption(node)}
// widths, ranks, colors (index into the palette) and marks (MARK) are arrays by node.

const ZOOM_MS = 180;

class FlameGraph extends FlameCanvas {
  constructor(canvas, tree, { onHover, onFocus, onZoom } = {}) {
    super(canvas, tree);
    this.onHover = onHover || (() => {});
    this.onFocus = onFocus || (() => {});
    this.onZoom = onZoom || (() => {});
    this.reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
    this.listen();
  }

  setTree(tree) {
    super.setTree(tree);
    this.zoomHistory = [];
  }

  setView(view) {
    this.view = view;
    this.layout = new FlameLayout(this.tree, view.widths, view.ranks);
    if (!this.isShown(this.zoomed)) this.zoomed = 0;
    this.zoomHistory = this.zoomHistory.filter((node) => this.isShown(node));
    this.hovered = -1;
    if (!this.isShown(this.focused)) this.focused = -1;
    this.range = this.rangeOf(this.zoomed);
    this.resize();
  }

  // ---- zoom and focus

  zoomTo(node, { remember = true } = {}) {
    if (!this.isShown(node) || node === this.zoomed) return;
    if (remember) this.zoomHistory.push(this.zoomed);
    this.zoomed = node;
    this.animateTo(this.rangeOf(node));
    this.onZoom(node);
  }

  zoomOut() {
    if (this.zoomed === 0) return;
    this.zoomTo(this.zoomHistory.length > 0 ? this.zoomHistory.pop() : 0, { remember: false });
  }

  resetZoom() {
    this.zoomHistory = [];
    this.zoomTo(0, { remember: false });
  }

  animateTo(target) {
    const from = this.range;
    const begin = performance.now();
    cancelAnimationFrame(this.animation);
    if (this.reducedMotion.matches) {
      this.range = target;
      return this.requestDraw();
    }
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - begin) / ZOOM_MS));
      const eased = 1 - (1 - t) ** 3;
      this.range = t === 1 ? target : from.map((x, i) => x + (target[i] - x) * eased);
      this.draw();
      if (t < 1) this.animation = requestAnimationFrame(step);
    };
    this.animation = requestAnimationFrame(step);
  }

  focusNode(node, { scroll = true } = {}) {
    if (!this.isShown(node)) return;
    this.focused = node;
    if (scroll) this.scrollTo(node);
    this.requestDraw();
    this.onFocus(node);
  }

  // Moves the focus: "in" to the largest callee, "out" to the caller, "left"/"right" beside.
  moveFocus(where) {
    const layout = this.layout;
    if (layout.count === 0) return;
    if (!this.isShown(this.focused)) return this.focusNode(this.zoomed);
    const p = layout.position[this.focused];
    let next = -1;
    if (where === "out") next = layout.parentOf(p);
    else if (where === "in") next = layout.firstChildOf(p);
    else next = this.besidePosition(p, where === "right" ? 1 : -1);
    if (next >= 0) this.focusNode(layout.node[next]);
  }

  // The next frame of the level that is wide enough to be seen and stands in view.
  besidePosition(p, step) {
    const level = this.layout.levelOf(p);
    const [left, right] = this.range;
    const visible = (right - left) / this.width;
    for (let q = p + step; ; q += step) {
      if (q < this.layout.levelStart[level] || q >= this.layout.levelStart[level + 1]) return -1;
      if (this.layout.end[q] <= left || this.layout.x[q] >= right) return -1;
      if (this.layout.end[q] - this.layout.x[q] >= visible) return q;
    }
  }

  scrollTo(node) {
    const top = this.levelTop(this.layout.levelOf(this.layout.position[node]));
    const { scrollTop, clientHeight } = this.scroller;
    const above = scrollTop - top;
    const below = top + ROW_HEIGHT - scrollTop - clientHeight;
    if (above <= 0 && below <= 0) return;
    // A step beside the view moves it by a row; a leap brings callers and callees into view too.
    if (above > 0) this.scroller.scrollTop -= above <= ROW_HEIGHT ? above : above + clientHeight / 3;
    else this.scroller.scrollTop += below <= ROW_HEIGHT ? below : below + clientHeight / 3;
  }

  // ---- input

  listen() {
    const canvas = this.canvas;
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") this.hover(this.nodeAt(event.offsetX, event.offsetY), event);
    });
    canvas.addEventListener("pointerleave", (event) => this.hover(-1, event));
    canvas.addEventListener("click", (event) => this.click(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => this.requestDraw());
    canvas.addEventListener("blur", () => this.requestDraw());
    this.scroller.addEventListener("scroll", () => this.requestDraw(), { passive: true });
    new ResizeObserver(() => this.resize()).observe(this.scroller);
  }

  hover(node, event) {
    if (node !== this.hovered) {
      this.hovered = node;
      this.canvas.style.cursor = node >= 0 ? "pointer" : "default";
      this.requestDraw();
    }
    this.onHover(node, event);
  }

  // A finger has no hover: its first tap shows a frame's details, the second zooms.
  click(event) {
    const node = this.nodeAt(event.offsetX, event.offsetY);
    if (node < 0) return;
    const firstTap = event.pointerType === "touch" && node !== this.focused;
    this.focusNode(node, { scroll: false });
    if (!firstTap) this.zoomTo(node);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const down = this.rootAtTop ? "in" : "out";
    const up = this.rootAtTop ? "out" : "in";
    const actions = {
      ArrowDown: () => this.moveFocus(down),
      ArrowUp: () => this.moveFocus(up),
      ArrowLeft: () => this.moveFocus("left"),
      ArrowRight: () => this.moveFocus("right"),
      Enter: () => this.zoomTo(this.focused),
      " ": () => this.zoomTo(this.focused),
      Escape: () => this.zoomOut(),
      Backspace: () => this.zoomOut(),
      Home: () => this.focusNode(0),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }
}
