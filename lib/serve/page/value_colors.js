// SPDX-License-Identifier: Apache-2.0
// Colors of label values on the time line: far apart also for eyes that see few of them (Paul Tol's
// "muted" and "light" schemes). A value keeps its color for as long as the page is open.

const VALUE_COLORS = {
  light: ["#4477aa", "#ddaa33", "#44aa99", "#aa4499", "#88ccee",
    "#117733", "#cc6677", "#999933", "#332288", "#882255"],
  dark: ["#77aadd", "#ee8866", "#44bb99", "#ffaabb", "#eedd88",
    "#bbcc33", "#99ddff", "#aaaa00", "#b79be0", "#d0a070"],
};
const REST_COLOR = { light: "#a3abb5", dark: "#77818c" };
const PLAIN_COLOR = { light: "#4477aa", dark: "#77aadd" };

class ValueColors {
  constructor() {
    this.slots = new Map(); // value -> index
  }

  // A color for each of `values`, and for the rest if there is one.
  of({ by, values, rest }, themeName) {
    if (by === "") return [PLAIN_COLOR[themeName]];
    if (by !== this.by) this.slots.clear();
    this.by = by;
    for (const value of this.slots.keys()) if (!values.includes(value)) this.slots.delete(value);
    const taken = new Set(this.slots.values());
    let free = 0;
    for (const value of values) {
      if (value === "" || this.slots.has(value)) continue;
      while (taken.has(free)) free++;
      taken.add(free);
      this.slots.set(value, free);
    }
    const colors = VALUE_COLORS[themeName];
    const named = values.map((value) => (value === "" ? REST_COLOR[themeName]
      : colors[this.slots.get(value) % colors.length]));
    return rest ? [...named, mixHex(REST_COLOR[themeName], THEMES[themeName].background, 0.4)] : named;
  }
}

function mixHex(color, other, share) {
  return toCss(mix(parseHex(color), parseHex(other), share));
}
