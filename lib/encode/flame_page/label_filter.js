// SPDX-License-Identifier: Apache-2.0
// Which label values the reader wants to see. No DOM here.
//
// Values of one key are alternatives, several keys must all hold. The value null stands for "has no
// label of this key".

class LabelFilter {
  constructor() {
    this.wanted = new Map(); // key -> Set of values, never empty
  }

  get isEmpty() {
    return this.wanted.size === 0;
  }

  has(key, value) {
    const values = this.wanted.get(key);
    return values !== undefined && values.has(value);
  }

  add(key, value) {
    if (!this.wanted.has(key)) this.wanted.set(key, new Set());
    this.wanted.get(key).add(value);
  }

  toggle(key, value) {
    if (!this.has(key, value)) return this.add(key, value);
    const values = this.wanted.get(key);
    values.delete(value);
    if (values.size === 0) this.wanted.delete(key);
  }

  // `labels` is a Map; the key `except` is not asked about.
  accepts(labels, except) {
    for (const [key, values] of this.wanted) {
      if (key === except) continue;
      if (!values.has(labels.has(key) ? labels.get(key) : null)) return false;
    }
    return true;
  }

  // For ProfileTree.sums: null if everything passes.
  keep() {
    return this.isEmpty ? null : (labels) => this.accepts(labels);
  }

  // In the fragment of a link: label.endpoint=%2Fpay&nolabel=tenant
  write(params) {
    for (const [key, values] of this.wanted) {
      for (const value of values) {
        if (value === null) params.append("nolabel", key);
        else params.append(`label.${key}`, value);
      }
    }
  }

  static read(params) {
    const filter = new LabelFilter();
    for (const [name, value] of params) {
      if (name === "nolabel") filter.add(value, null);
      else if (name.startsWith("label.")) filter.add(name.slice("label.".length), value);
    }
    return filter;
  }
}
