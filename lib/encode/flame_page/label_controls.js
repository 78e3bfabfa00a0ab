// SPDX-License-Identifier: Apache-2.0
// The label filter on the page: its row of chips, its bar table, and its place in the address, so
// that a link or the Back button keeps it. A profile without labels has none of this.

class LabelControls {
  // onChange() is called when what is to be shown changed.
  constructor(tree, onChange) {
    this.tree = tree;
    this.onChange = onChange;
    this.filter = new LabelFilter();
    this.sums = new LabelSums(tree);
    this.isUsed = this.sums.keys.length > 0;
    if (!this.isUsed) return;
    this.panel = new LabelPanel(this.sums, {
      onKey: (key) => this.chooseKey(key),
      onToggle: (key, value) => this.toggle(key, value),
    });
    $("filter").hidden = $("help-labels").hidden = $("help-labels-key").hidden = false;
    $("filter-clear").addEventListener("click", () => this.clear());
    $("filter-add").addEventListener("click", () => this.focus());
    window.addEventListener("hashchange", () => {
      this.readAddress();
      this.onChange();
    });
    this.readAddress();
  }

  keep() {
    return this.filter.keep();
  }

  focus() {
    if (!this.isUsed || $("main").dataset.panes === "graph") $("panes").querySelector("[data-value=both]").click();
    if (this.isUsed) this.panel.focus();
  }

  // ---- changes

  toggle(key, value) {
    this.filter.toggle(key, value);
    this.changed();
  }

  clear() {
    this.filter = new LabelFilter();
    this.changed();
    this.focus();
  }

  chooseKey(key) {
    this.panel.setKey(key);
    this.isKeyChosen = true;
    this.writeAddress({ replace: true });
    this.onChange();
  }

  changed() {
    this.writeAddress();
    this.onChange();
    $("live").textContent = this.filter.isEmpty ? "No label filter."
      : `${$("chips").textContent}: ${$("filter-share").textContent}`;
  }

  // ---- the address

  readAddress() {
    const params = new URLSearchParams(location.hash.slice(1));
    this.filter = LabelFilter.read(params);
    const key = params.get("by");
    this.isKeyChosen = key !== null;
    if (key !== null) this.panel.setKey(key);
  }

  writeAddress({ replace = false } = {}) {
    const params = new URLSearchParams();
    this.filter.write(params);
    if (this.isKeyChosen) params.set("by", this.panel.key);
    const hash = params.toString();
    if (hash === location.hash.slice(1)) return;
    try {
      const address = location.pathname + location.search + (hash ? `#${hash}` : "");
      history[replace ? "replaceState" : "pushState"](null, "", address);
    } catch {
      // A page without an address of its own, in a frame or a preview: the filter holds, unlinked.
    }
  }

  // ---- what is shown

  // `view` may be empty.
  show(view, choices) {
    if (!this.isUsed) return;
    this.showChips();
    this.showShare(choices.type, view);
    if (!view.isEmpty) this.panel.show(view, choices, this.filter);
  }

  showChips() {
    const parts = [];
    for (const [key, values] of this.filter.wanted) {
      if (parts.length > 0) parts.push(element("span", "word", "and"));
      const group = element("span", "chip-group");
      group.append(element("span", "chip-key", key));
      [...values].forEach((value, i) => {
        if (i > 0) group.append(element("span", "word", "or"));
        group.append(this.chip(key, value));
      });
      parts.push(group);
    }
    if (parts.length === 0) parts.push(element("span", "word", "none, all samples are shown"));
    $("chips").replaceChildren(...parts);
    $("filter-clear").hidden = $("filter-share").hidden = this.filter.isEmpty;
  }

  chip(key, value) {
    const button = element("button", "chip");
    button.type = "button";
    button.title = `Take ${key}: ${value === null ? "(no label)" : value} out of the filter`;
    button.append(labelValue(value), element("span", "cross", "✕"));
    button.addEventListener("click", () => {
      const at = [...$("chips").querySelectorAll(".chip")].indexOf(button);
      this.toggle(key, value);
      const left = $("chips").querySelectorAll(".chip");
      (left[Math.min(at, left.length - 1)] || $("filter-add")).focus();
    });
    return button;
  }

  // How much of everything the filter leaves.
  showShare(type, view) {
    const all = this.sums.totals(type, new LabelFilter());
    const left = this.sums.totals(type, this.filter);
    const shares = left.map((x, i) => formatShare(all[i] > 0 ? x / all[i] : 0));
    const { type: name, unit } = view.type;
    const text = this.tree.isDiff ? shares.join(" → ")
      : `${formatValue(left[0], name, unit)} · ${shares[0]}`;
    $("filter-share").replaceChildren(element("b", "", text), " of all");
  }
}
