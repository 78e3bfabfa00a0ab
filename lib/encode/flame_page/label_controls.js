// SPDX-License-Identifier: Apache-2.0
// The label filter on the page: its row of chips, its bar table, and its place in the address, so
// that a link or the Back button keeps it. A profile without labels has none of this.

class LabelControls {
  // onChange() is called when what is to be shown changed, onKey(key) when another label's table is
  // to be shown. `address` is a FragmentAddress or the like; with `always` a filter also holds where
  // a profile has no labels at all, since the next one may.
  constructor({ onChange, onKey = () => {}, address = new FragmentAddress(), always = false }) {
    Object.assign(this, { onChange, onKey, address, always });
    this.isOffered = false; // whether other profiles have labels, although this one has none
    this.filter = new LabelFilter();
    this.panel = new LabelPanel({
      onKey: (key) => this.chooseKey(key),
      onToggle: (key, value) => this.toggle(key, value),
    });
    $("filter-clear").addEventListener("click", () => this.clear());
    $("filter-add").addEventListener("click", () => this.focus());
    address.onChange(() => {
      if (!this.isUsed) return;
      this.readAddress();
      this.onChange();
    });
  }

  // The filter stays, also where the new profile has none of its labels.
  setTree(tree) {
    this.tree = tree;
    this.sums = new LabelSums(tree);
    this.panel.setSums(this.sums);
    this.hasKeys = this.sums.keys.length > 0;
    this.isUsed = this.hasKeys || this.always;
    if (this.isUsed) this.readAddress();
    this.showParts();
  }

  showParts() {
    $("labels").hidden = !this.hasKeys;
    for (const id of ["help-labels", "help-labels-key"]) $(id).hidden = !this.isUsed;
    $("filter").hidden = !this.hasKeys && !(this.isUsed && (this.isOffered || !this.filter.isEmpty));
  }

  keep() {
    return this.isUsed ? this.filter.keep() : null;
  }

  focus() {
    if (!this.hasKeys) return;
    if ($("main").dataset.panes === "graph") $("panes").querySelector("[data-value=both]").click();
    this.panel.focus();
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
    this.onKey(key);
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
    const params = this.address.read();
    this.filter = LabelFilter.read(params);
    const key = params.get("by");
    this.isKeyChosen = key !== null;
    if (key !== null) this.panel.setKey(key);
  }

  writeAddress({ replace = false } = {}) {
    this.address.write((params) => {
      this.filter.write(params);
      if (this.isKeyChosen) params.set("by", this.panel.key);
    }, { replace });
  }

  // ---- what is shown

  // For a profile that has nothing to show.
  showFilter() {
    if (!this.isUsed) return;
    this.showParts();
    this.showChips();
    $("filter-share").hidden = true;
  }

  // `view` may be empty.
  show(view, choices) {
    if (!this.isUsed) return;
    this.showParts();
    this.showChips();
    this.showShare(choices.type, view);
    if (!view.isEmpty && this.hasKeys) this.panel.show(view, choices, this.filter);
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
