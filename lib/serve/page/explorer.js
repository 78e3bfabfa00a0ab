// SPDX-License-Identifier: Apache-2.0
// The page that a process serves: its last hours as a time line above the flame graph, which follows
// what is chosen there. What is chosen, and what happens to it.

const EMPTY_DOCUMENT = {
  title: "podo", strings: [""], sampleTypes: [], shown: 0, labelSets: "", profiles: [],
  frames: { name: "", file: "", module: "", start: "", lines: "" },
  nodes: { frame: "", branches: "", inlined: "" },
};
const STEP_MS = 150; // a range that keys move rests so long before its profile is asked for
const JOINED_STEPS_MS = 1500; // steps so close are one step for Back
const LEAST_VIEW_S = 60;

class Explorer extends Questions {
  constructor() {
    super(Choice.read(new URLSearchParams(location.search)));
    this.which = "after";
    this.colors = new ValueColors();
    const page = new Page(new ProfileTree(EMPTY_DOCUMENT), {
      onState: () => this.writeAddress({ replace: true }),
      explainEmpty: () => explainNothing(this.status, this.answer, this.isStuck),
      labels: { address: this, always: true, onKey: (key) => this.setBy(key, { isPanel: true }) },
    });
    this.pendingZoom = readPageState(page, this.read()); // of the address, until a profile has it
    page.labels.readAddress();
    this.page = page; // from here on the address is written
    this.timeline = new Timeline($("timeline"), {
      onPick: (range, which, how) => this.pick(range, which, how),
      onHover: (index, x) => this.hover(index, x),
    });
    this.controls = new TimeControls(this);
    this.patterns = new PatternFilter((patterns) => {
      this.choice.patterns = patterns;
      this.patterns.show(patterns);
      this.changed();
    });
    this.patterns.show(this.choice.patterns);
    this.downloads = new Downloads(this.api, (error) => this.failed(error));
    this.watch();
    this.showChoice();
    this.refresh();
  }

  watch() {
    new MutationObserver(() => this.showTheme())
      .observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.showTheme();
    document.addEventListener("visibilitychange", () => !document.hidden && this.poll());
    window.addEventListener("popstate", () => this.restore());
  }

  // ---- the address: what LabelControls asks of one, and more

  read() {
    return new URLSearchParams(location.search);
  }

  // LabelControls changed its filter.
  write(fill, { replace = false } = {}) {
    this.writeAddress({ replace });
    this.changed({ profile: false, isWritten: true });
  }

  onChange(react) {
    this.labelsRestored = react;
  }

  writeAddress({ replace = false } = {}) {
    if (!this.page || this.isRestoring) return;
    const params = new URLSearchParams();
    this.page.labels.filter.write(params);
    this.choice.write(params);
    const zoom = this.pendingZoom || this.page.tree.pathKey(this.page.graph.zoomed);
    writePageState(this.page, zoom, params);
    const search = params.toString();
    if (search === location.search.slice(1)) return;
    history[replace ? "replaceState" : "pushState"](null, "", location.pathname + (search ? `?${search}` : ""));
  }

  // Back and forward.
  restore() {
    this.isRestoring = true;
    const params = this.read();
    this.choice = Choice.read(params);
    this.pendingZoom = readPageState(this.page, params);
    if (!this.choice.before) this.which = "after";
    this.labelsRestored();
    this.showPanelKey();
    if (this.pendingZoom === 0) this.page.graph.resetZoom();
    this.applyZoom();
    this.isRestoring = false;
    this.patterns.show(this.choice.patterns);
    this.changed({ isWritten: true });
  }

  applyZoom() {
    const { tree, graph } = this.page;
    const [node] = tree.findPaths([this.pendingZoom]);
    if (node === 0 || !graph.layout) return;
    this.pendingZoom = 0;
    graph.zoomTo(node, { remember: false });
  }

  // ---- what is chosen

  // The choice is another one: show it, keep it in the address, ask anew.
  changed({ profile = true, isStep = false, isWritten = false } = {}) {
    const now = performance.now();
    const isJoined = isStep && now - (this.steppedAt || -Infinity) < JOINED_STEPS_MS;
    if (isStep) this.steppedAt = now;
    if (!isWritten) this.writeAddress({ replace: isJoined });
    this.due.timeline = true;
    this.due.profile = this.due.profile || profile;
    this.showChoice();
    clearTimeout(this.stepTimer);
    if (isStep) this.stepTimer = setTimeout(() => this.refresh(), STEP_MS);
    else this.refresh();
  }

  pick(range, which, { isStep = false } = {}) {
    if (which === "before" && range && !this.choice.after) this.choice.after = { ...this.view };
    this.choice[which] = range;
    if (which === "after" && !range) this.choice.before = null;
    if (!this.choice.before) this.which = "after";
    else if (which === "before") this.which = "before";
    this.changed({ isStep });
  }

  setWhich(which) {
    this.which = which;
    this.showChoice();
    $("live").textContent = `Choosing the ${which === "before" ? "earlier" : "later"} range.`;
  }

  // Without a range of its own, the view's two halves are compared.
  setComparing(isComparing) {
    const { choice, view } = this;
    if (!view) return;
    if (isComparing && !choice.after) {
      const { first, middle, last } = this.halves();
      choice.before = { from: first, until: middle };
      choice.after = { from: middle, until: last };
    } else {
      choice.before = isComparing ? earlier(choice.after, "previous") : null;
    }
    this.which = isComparing ? "before" : "after";
    this.changed();
  }

  halves() {
    const { points } = this.timeline;
    const { from, until } = this.view;
    if (points.length < 2) return { first: from, middle: (from + until) / 2, last: until };
    const last = points[points.length - 1];
    return { first: points[0].t, middle: points[points.length >> 1].t, last: last.t + last.d };
  }

  compareWith(ago) {
    this.choice.before = earlier(this.choice.after, ago);
    this.which = "before";
    this.changed();
    if (this.choice.before.from < this.view.from) this.widenTo(this.choice.before.from);
  }

  // A range out of sight would be chosen blindly.
  widenTo(from) {
    const { choice, view } = this;
    choice.spanS = Math.ceil((view.until - from) / 1000 * 1.05);
    this.changed();
  }

  setSpan(spanS) {
    const { choice, view } = this;
    const now = this.now();
    if (!choice.isFollowing && view) {
      const end = (view.from + view.until) / 2 + spanS * 500;
      choice.endMs = spanS === 0 || end >= now ? null : end;
    }
    choice.spanS = spanS;
    this.changed({ profile: choice.after === null });
  }

  moveView(direction) {
    const { choice, view } = this;
    if (!view || (direction > 0 && choice.isFollowing)) return;
    const end = view.until + direction * (view.until - view.from) / 2;
    choice.endMs = end >= this.now() ? null : end;
    if (choice.spanS === 0) choice.spanS = (view.until - view.from) / 1000;
    this.changed({ profile: choice.after === null });
  }

  zoomTime() {
    const { choice } = this;
    if (!choice.after) return;
    const all = [choice.after, choice.before].filter(Boolean);
    const from = Math.min(...all.map((range) => range.from));
    choice.endMs = Math.max(...all.map((range) => range.until));
    choice.spanS = Math.max(LEAST_VIEW_S, Math.ceil((choice.endMs - from) / 1000));
    this.changed({ profile: false });
  }

  setFollowing(isFollowing) {
    if (!this.view) return;
    this.choice.endMs = isFollowing ? null : this.view.until;
    this.changed({ profile: this.choice.after === null });
  }

  setBy(by, { isPanel = false } = {}) {
    this.choice.by = by;
    this.changed({ profile: false });
    if (!isPanel) this.showPanelKey();
  }

  // Time line and bar table show the same label.
  showPanelKey() {
    const { labels, view, choices } = this.page;
    if (!labels.hasKeys || !this.by()) return;
    labels.panel.setKey(this.by());
    if (view && !view.isEmpty) labels.show(view, choices);
  }

  // ---- what is shown

  showTheme() {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    this.theme = {
      background: color("--background"), surface: color("--surface"), line: color("--line"),
      muted: color("--muted"), text: color("--text"), flagText: color("--background"),
      after: color("--accent"), before: color("--before"),
    };
    this.showTimeline();
  }

  showTimeline() {
    const { data, page, timeline, theme } = this;
    const colors = data ? this.colors.of(data, page.theme) : [];
    this.valueColors = colors;
    timeline.setColors(colors, this.litValues(), theme);
    if (!data) return;
    timeline.setPoints(data.points, this.dataView, this.status.history.begin_ms);
    showTimeLegend(data, colors, page.labels.filter, {
      onPoint: (index) => timeline.standOut(index),
      onPick: (value) => page.labels.toggle(data.by, value),
    });
  }

  // As in the bar table, the values beside a chosen one stay to be compared and chosen.
  litValues() {
    const wanted = this.data && this.page.labels.filter.wanted.get(this.data.by);
    if (!wanted) return null;
    return new Set(this.data.values.map((value, i) => (wanted.has(value === "" ? null : value) ? i : -1)));
  }

  showChoice() {
    const { choice, view, status } = this;
    this.timeline.setRanges({ after: choice.after, before: choice.before }, this.which);
    const begin = status && status.history.begin_ms;
    const hasRoom = Boolean(view) && choice.spanS !== 0 && begin !== null && begin < view.from;
    this.controls.show({ choice, which: this.which, hasRoom });
    showRangeText(this);
  }

  showKeys(keys) {
    this.controls.showKeys(keys, this.by());
    this.patterns.setKeys(keys);
    this.page.labels.isOffered = keys.length > 0;
    this.page.labels.showParts();
  }

  showProfile(tree, path, params) {
    const { page, status } = this;
    const isFirst = !this.hasProfile;
    this.isRestoring = true; // the zoom of the address is not yet the page's
    page.setTree(tree);
    this.applyZoom();
    this.pendingZoom = 0; // or there is no such path
    if (isFirst) this.showPanelKey();
    this.isRestoring = false;
    this.hasProfile = tree.nodeCount > 1;
    document.title = `${status.service} · podo`;
    describeProcess(status);
    page.labels.filter.wanted.forEach((values, key) => {
      for (const value of values) params.append(`label.${key}`, value === null ? "" : value);
    });
    this.downloads.show(path, params, `${status.service}-${Math.round(params.get("from") / 1000)}`);
    this.showChoice();
  }

  hover(index, x) {
    if (this.data) showTimeTip(this.data, this.valueColors, this.data.points[index], x, this.timeline.width);
  }
}
