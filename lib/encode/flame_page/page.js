// SPDX-License-Identifier: Apache-2.0
// The page around the flame graph: heading, search, choices, table, details, help.

class Page {
  // onState() is called when something changed that a link to this page should keep; explainEmpty()
  // may give [title, text] for a profile without samples; labels: see LabelControls.
  constructor(tree, { onState = () => {}, explainEmpty = () => null, labels = {} } = {}) {
    Object.assign(this, { tree, onState, explainEmpty });
    this.choices = { type: tree.shown, width: "both", scale: "share", by: "self" };
    this.isRegex = false;
    this.matchAt = -1;
    this.prepareControls();
    this.table = new FunctionTable($("table"), (frame) => this.pick(frame));
    this.graph = new FlameGraph($("canvas"), tree, {
      onHover: (node, event) => this.hover(node, event),
      onFocus: (node) => this.focus(node),
      onZoom: () => this.zoomed(),
    });
    this.labels = new LabelControls({ ...labels, onChange: () => this.rebuild() });
    this.setTheme(savedTheme());
    this.setTree(tree);
    document.addEventListener("keydown", (event) => this.key(event));
  }

  // Another profile on the same page. Choices and filter stay; so do zoom and focus where the new
  // profile has the same path of functions.
  setTree(tree) {
    const places = [this.graph.zoomed, this.graph.focused].map((node) => this.tree.pathKey(node));
    this.tree = tree;
    const wanted = tree.sampleTypes.findIndex(({ type }) => type === this.wantedType);
    this.choices.type = wanted >= 0 ? wanted : tree.shown;
    showHeading(tree);
    this.showTypes();
    this.showDiffControls();
    this.graph.setTree(tree);
    [this.graph.zoomed, this.graph.focused] = tree.findPaths(places);
    this.labels.setTree(tree);
    this.rebuild();
  }

  // ---- controls

  prepareControls() {
    this.pressers = {};
    this.segments("orientation", "top", (value) => {
      this.graph.setRootAtTop(value === "top");
      this.onState();
    });
    this.segments("panes", "both", (value) => {
      $("main").dataset.panes = value;
      this.onState();
    });
    this.segments("width-choice", "both", (width) => this.choose({ width }));
    this.segments("scale-choice", "share", (scale) => this.choose({ scale }));
    this.segments("by-choice", "self", (by) => this.choose({ by }));
    $("type").addEventListener("change", () => {
      this.wantedType = this.tree.sampleTypes[Number($("type").value)].type;
      this.choose({ type: Number($("type").value) });
    });
    $("search").addEventListener("input", () => this.search());
    $("regex").addEventListener("click", () => {
      this.isRegex = !this.isRegex;
      $("regex").setAttribute("aria-pressed", String(this.isRegex));
      this.search();
    });
    $("theme").addEventListener("click", () => this.toggleTheme());
    $("empty-clear").addEventListener("click", () => this.labels.clear());
    $("help-open").addEventListener("click", () => $("help").showModal());
    $("about-open").addEventListener("click", () => $("about").showModal());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.setTheme(savedTheme());
    });
  }

  showTypes() {
    const { sampleTypes } = this.tree;
    $("type").replaceChildren(...sampleTypes.map(({ type, unit }, i) => new Option(`${type} (${unit})`, i)));
    $("type").value = String(this.choices.type);
    $("type-choice").hidden = sampleTypes.length < 2;
  }

  showDiffControls() {
    const { isDiff, profiles } = this.tree;
    for (const id of ["width-choice", "scale-choice", "by-choice"]) $(id).hidden = !isDiff;
    const button = $("scale-choice").querySelector("[data-value=rate]");
    button.disabled = profiles.some(({ durationNs }) => !(durationNs > 0));
    button.title = button.disabled ? "A profile does not say how long it ran" : "Absolute, per second of run time";
  }

  // Buttons of which one is pressed.
  segments(id, initial, onChoice) {
    const buttons = [...$(id).querySelectorAll("button")];
    const press = (value) => {
      for (const b of buttons) b.setAttribute("aria-pressed", String(b.dataset.value === value));
    };
    press(initial);
    this.pressers[id] = press;
    for (const button of buttons) {
      button.addEventListener("click", () => {
        press(button.dataset.value);
        onChoice(button.dataset.value);
      });
    }
  }

  choose(changed) {
    Object.assign(this.choices, changed);
    this.rebuild();
    this.onState();
  }

  // ---- theme

  setTheme(theme) {
    this.theme = theme;
    document.documentElement.dataset.theme = theme;
    $("theme").textContent = theme === "dark" ? "Light" : "Dark";
    this.palette = new Palette(theme);
    this.graph.setPalette(this.palette);
    if (this.view) this.showTable();
    if (this.view) this.showLegend();
  }

  toggleTheme() {
    const theme = this.theme === "dark" ? "light" : "dark";
    saveTheme(theme);
    this.setTheme(theme);
  }

  // ---- what is shown

  rebuild() {
    const { tree, choices } = this;
    if (tree.sampleTypes.length === 0) {
      this.labels.showFilter();
      return this.showEmpty();
    }
    const options = { ...choices, keep: this.labels.keep() };
    this.view = tree.isDiff ? new DiffView(tree, choices.type, options)
      : new SingleView(tree, choices.type, options);
    this.labels.show(this.view, choices);
    if (this.view.isEmpty) return this.showEmpty();
    $("empty").hidden = true;
    for (const part of document.querySelectorAll(".graph-pane, .table-pane")) part.hidden = false;
    this.graph.setView(this.view.graph());
    // What the details and the tooltip say was said of another view.
    this.detailed = null;
    this.hovered = -1;
    $("tooltip").hidden = true;
    const { type } = this.view.type;
    $("canvas").setAttribute("aria-label",
      `Flame graph of ${type}, ${tree.nodeCount - 1} frames. Arrow keys move among frames, ` +
      "Enter zooms in, Escape zooms out.");
    this.showTable();
    this.showLegend();
    this.search();
    this.zoomed();
  }

  showEmpty() {
    for (const part of document.querySelectorAll(".graph-pane, .table-pane")) part.hidden = true;
    const [title, text] = $("empty").children;
    const unlike = this.tree.isDiff && this.tree.sampleTypes.length === 0;
    const explained = this.explainEmpty();
    const isFiltered = Boolean(this.labels.keep()) && !explained;
    $("empty-clear").hidden = !isFiltered;
    if (explained) {
      [title.textContent, text.textContent] = explained;
      $("empty").hidden = false;
      return;
    }
    if (isFiltered) {
      title.textContent = "No samples with these labels";
      text.textContent = "No sample of this kind has all that the filter asks for.";
      $("empty").hidden = false;
      return;
    }
    title.textContent = unlike ? "Nothing to compare" : "No samples";
    text.textContent = unlike
      ? "The two profiles have no sample type in common, or one of them has none."
      : "The profile holds no sample of this kind: the process used no CPU time while it was " +
        "recorded, or recorded none of it. About lists what the profile says of itself.";
    $("empty").hidden = false;
  }

  showTable() {
    $("table-title").textContent = this.tree.isDiff ? "Top changes" : "Top functions";
    this.table.setColumns(this.view.columns(this.palette), this.view.sortKey());
    this.table.setRows(this.view.rows);
  }

  showLegend() {
    if (this.tree.isDiff) return this.showDiffLegend();
    $("legend").replaceChildren(...this.view.legend().map(({ name, color, share }) => {
      const button = element("button", "", "");
      const swatch = element("span", "swatch");
      swatch.style.setProperty("--swatch", this.palette.fills[color]);
      button.type = "button";
      button.title = `Highlight ${name} (${share} self)`;
      button.append(swatch, element("b", "", name), ` ${share}`);
      button.addEventListener("click", () => this.highlightPackage(name));
      return button;
    }));
  }

  showDiffLegend() {
    const ramp = element("span", "ramp");
    for (let i = 0; i <= 2 * DIFF_STEPS; i += 2) {
      const step = element("i");
      step.style.setProperty("--swatch", this.palette.diffFills[i]);
      ramp.append(step);
    }
    $("legend").replaceChildren(element("span", "", "▼ less"), ramp, element("span", "", "▲ more"),
      element("span", "", "✚ new"), element("span", "", "✕ gone"));
  }

  // ---- search

  searchFor(query) {
    $("search").value = query === $("search").value ? "" : query;
    this.search();
  }

  // A function of the table: shown in the graph at its widest place, or let go again.
  pick(frame) {
    this.searchFor(`=${this.tree.names[frame]}`);
    if (this.matched) this.nextMatch(1);
  }

  highlightPackage(name) {
    if (this.packageShown === name) return this.searchFor("");
    $("search").value = "";
    const frames = Uint8Array.from(this.tree.packages, (one) => (one === name ? 1 : 0));
    this.packageShown = name;
    this.showFound({ frames }, name);
  }

  search() {
    if (!this.view || this.view.isEmpty) return;
    this.packageShown = null;
    this.showFound(searchFrames(this.tree, $("search").value, this.isRegex));
    this.onState();
  }

  showFound(found, what = "") {
    const status = $("search-status");
    const error = found && found.error;
    $("search").setAttribute("aria-invalid", String(Boolean(error)));
    status.className = error ? "error" : "";
    status.replaceChildren();
    this.matched = null;
    if (!found || error) {
      status.textContent = error || "";
      this.graph.setMatches(null);
      this.table.setFilter(null);
      return;
    }
    const { nodes, topmost } = this.tree.match(found.frames);
    const { total } = Array.isArray(this.view.sums) ? this.view.sums[1] : this.view.sums;
    const shown = topmost.filter((node) => this.graph.isShown(node));
    this.matched = { ...this.view.matched(topmost), nodes: shown.sort((a, b) => total[b] - total[a]) };
    this.matchAt = -1;
    if (what) status.append(`${what}: `);
    status.append(element("b", "", this.matched.text), " matched");
    this.graph.setMatches(nodes);
    this.table.setFilter((frame) => found.frames[frame] === 1);
  }

  nextMatch(step) {
    const nodes = this.matched ? this.matched.nodes : [];
    if (nodes.length === 0) return;
    this.matchAt = (this.matchAt + step + nodes.length) % nodes.length;
    const node = nodes[this.matchAt];
    if (!this.graph.rectOf(node)) this.graph.zoomTo(0);
    this.graph.focusNode(node);
  }

  // ---- zoom, hover, focus

  zoomed() {
    const crumbs = $("crumbs");
    const path = [0, ...this.tree.pathTo(this.graph.zoomed)];
    // The ends of a long path say most: where it begins and what is zoomed into.
    const shown = path.length > 7 ? [...path.slice(0, 2), -1, ...path.slice(-4)] : path;
    crumbs.replaceChildren();
    if (path.length > 1) {
      const reset = element("button", "reset", "Show all");
      reset.type = "button";
      reset.title = "Reset zoom (0)";
      reset.addEventListener("click", () => this.graph.resetZoom());
      crumbs.append(reset);
    }
    shown.forEach((node, i) => {
      if (i > 0) crumbs.append("›");
      crumbs.append(node < 0 ? " … " : this.crumb(node));
    });
    this.showDetails();
    this.onState();
  }

  crumb(node) {
    const button = element("button", "", nameParts(this.tree.nameOf(node)).slice(-2).join("::"));
    button.type = "button";
    button.title = this.tree.nameOf(node);
    if (node === this.graph.zoomed) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => this.graph.zoomTo(node));
    return button;
  }

  hover(node, event) {
    const tooltip = $("tooltip");
    this.hovered = node;
    tooltip.hidden = node < 0;
    if (node >= 0) {
      tooltip.replaceChildren(...frameDetails(this.view, node, this.graph.zoomed, { brief: true }));
      const { width, height } = tooltip.getBoundingClientRect();
      const left = Math.min(event.clientX + 14, innerWidth - width - 8);
      const below = event.clientY + 18;
      const top = below + height > innerHeight - 8 ? event.clientY - height - 12 : below;
      tooltip.style.left = `${Math.max(8, left)}px`;
      tooltip.style.top = `${Math.max(8, top)}px`;
    }
    this.showDetails();
  }

  focus(node) {
    this.showDetails();
    const [total, self] = this.view.facts(node, 0);
    const inlined = this.tree.inlined[node] ? ", inlined" : "";
    $("live").textContent = `${this.tree.nameOf(node)}${inlined}. Total ${total[1]}. Self ${self[1]}.`;
  }

  showDetails() {
    const node = this.hovered >= 0 ? this.hovered : this.graph.focused;
    if (node === this.detailed && this.detailedZoom === this.graph.zoomed) return;
    this.detailed = node;
    this.detailedZoom = this.graph.zoomed;
    $("details").replaceChildren(...(node >= 0 ? frameDetails(this.view, node, this.graph.zoomed)
      : this.hint()));
  }

  hint() {
    const where = this.tree.isDiff ? "largest change" : "hottest frame";
    const button = element("button", "", `Go to the ${where}`);
    button.type = "button";
    button.title = "h";
    button.addEventListener("click", () => this.goToHottest());
    const text = "Point at a frame for its details, click to zoom. Arrows, Enter and Esc do the same; " +
      "/ searches, ? helps.";
    return [element("p", "hint", text), button];
  }

  goToHottest() {
    const node = this.view.hottest();
    if (!this.graph.rectOf(node)) this.graph.resetZoom();
    this.graph.focusNode(node);
  }

  // ---- keys

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target === $("search")) return this.searchKey(event);
    if (event.target.matches("input, select, textarea")) return;
    const actions = {
      "/": () => ($("search").focus(), $("search").select()),
      "?": () => $("help").showModal(),
      0: () => this.graph.resetZoom(),
      h: () => this.goToHottest(),
      l: () => this.labels.focus(),
      t: () => this.toggleTheme(),
    };
    const isShown = this.view && !this.view.isEmpty;
    if (actions[event.key] && (isShown || "?t".includes(event.key))) {
      event.preventDefault();
      actions[event.key]();
    } else if (isShown && !event.target.matches("button, a")) {
      this.graph.key(event);
    }
  }

  searchKey(event) {
    if (event.key === "Enter") {
      this.nextMatch(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      $("search").value = "";
      this.search();
      $("canvas").focus({ preventScroll: true });
    } else {
      return;
    }
    event.preventDefault();
  }
}
