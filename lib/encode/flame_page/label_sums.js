// SPDX-License-Identifier: Apache-2.0
// What label values cost. No DOM here. Samples are summed up by label set once a sample type; all
// else works on the sets, of which there are far fewer.

const MANY_VALUES = 1000; // a key with more tells requests apart rather than kinds of them

class LabelSums {
  constructor(tree) {
    this.tree = tree;
    this.byType = new Map();
    this.keys = tree.sampleTypes.length > 0 ? this.findKeys() : []; // [{key, values, covered}]
  }

  // For each profile the sums of a sample type by label set.
  bySet(type) {
    if (this.byType.has(type)) return this.byType.get(type);
    const { labelSets, sampleTypes } = this.tree;
    const sums = this.tree.profiles.map(({ sampleLabels, sampleValues }) => {
      const bySet = new Float64Array(labelSets.length);
      for (let i = 0; i < sampleLabels.length; i++) {
        bySet[sampleLabels[i]] += sampleValues[i * sampleTypes.length + type];
      }
      return bySet;
    });
    this.byType.set(type, sums);
    return sums;
  }

  // All keys, those that label most of the time first.
  findKeys() {
    const found = new Map();
    const sums = this.bySet(this.tree.shown);
    this.tree.labelSets.forEach((labels, i) => {
      const weight = sums.reduce((sum, bySet) => sum + Math.abs(bySet[i]), 0);
      for (const [key, value] of labels) {
        if (!found.has(key)) found.set(key, { key, values: new Set(), covered: 0 });
        const one = found.get(key);
        one.values.add(value);
        one.covered += weight;
      }
    });
    return [...found.values()].map((one) => ({ ...one, values: one.values.size }))
      .sort((a, b) => b.covered - a.covered || (a.key < b.key ? -1 : 1));
  }

  // The key to show first: one that tells samples apart, and can be read.
  firstKey() {
    const [most] = this.keys;
    const telling = this.keys.find(({ values }) => values > 1 && values <= MANY_VALUES);
    return (telling || most).key;
  }

  totals(type, filter, except) {
    return this.bySet(type).map((bySet) => bySet.reduce((sum, x, i) =>
      (filter.accepts(this.tree.labelSets[i], except) ? sum + x : sum), 0));
  }

  // [{value, sums: one a profile}] for the values of `key` on samples that pass all of the filter
  // but what it says of this key: so the values beside a chosen one stay to be compared and chosen.
  rows(key, type, filter) {
    const sums = this.bySet(type);
    const rows = new Map();
    this.tree.labelSets.forEach((labels, i) => {
      if (!filter.accepts(labels, key) || sums.every((bySet) => bySet[i] === 0)) return;
      const value = labels.has(key) ? labels.get(key) : null;
      if (!rows.has(value)) rows.set(value, { value, sums: sums.map(() => 0) });
      const row = rows.get(value);
      sums.forEach((bySet, p) => (row.sums[p] += bySet[i]));
    });
    return [...rows.values()];
  }
}
