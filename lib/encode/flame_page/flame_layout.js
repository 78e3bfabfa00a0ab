// SPDX-License-Identifier: Apache-2.0
// Where frames stand: level by level, left to right, in the unit of the widths. No DOM here.
//
// Positions number the frames that have a width, in drawing order: those of one level are
// neighbors and rise in x, so that what is in view, or under the pointer, is found by bisection.

class FlameLayout {
  // widths: by node of `tree`. ranks: by node; siblings stand from the highest to the lowest, so
  // that they keep their order whichever widths are chosen.
  constructor(tree, widths, ranks) {
    this.tree = tree;
    const children = FlameLayout.sortedChildren(tree, widths, ranks);
    const count = tree.nodeCount;
    this.node = new Int32Array(count);
    this.x = new Float64Array(count);
    this.end = new Float64Array(count);
    this.position = new Int32Array(count).fill(-1);
    this.levelStart = [0];
    this.total = Math.max(0, widths[0]);
    this.count = this.place(children, widths);
    this.levels = this.levelStart.length - 1;
  }

  // Returns how many frames have a place. Local names: with a million frames looking up a member
  // costs more than the rest.
  place({ start, node: childAt }, widths) {
    const { node, x, end, position, levelStart } = this;
    let used = 0;
    if (this.total > 0) {
      end[0] = this.total;
      position[0] = used++;
    }
    for (let begin = 0; begin < used; begin = levelStart[levelStart.length - 1]) {
      levelStart.push(used);
      for (let p = begin, levelEnd = used; p < levelEnd; p++) {
        const parent = node[p];
        const most = end[p];
        let left = x[p];
        for (let c = start[parent], last = start[parent + 1]; c < last; c++) {
          const child = childAt[c];
          // Never beyond the parent: negative values of siblings would push it there.
          const right = Math.min(most, left + widths[child]);
          if (!(right > left)) continue;
          node[used] = child;
          x[used] = left;
          end[used] = right;
          position[child] = used++;
          left = right;
        }
      }
    }
    return used;
  }

  // Children of node n: node[start[n]] .. node[start[n + 1] - 1].
  static sortedChildren(tree, widths, ranks) {
    const { nodeCount: count, parent } = tree;
    const start = new Int32Array(count + 1);
    for (let i = 1; i < count; i++) if (widths[i] > 0) start[parent[i] + 1]++;
    for (let i = 0; i < count; i++) start[i + 1] += start[i];
    const next = start.slice();
    const node = new Int32Array(start[count]);
    for (let i = 1; i < count; i++) if (widths[i] > 0) node[next[parent[i]]++] = i;
    for (let i = 0; i < count; i++) {
      const siblings = start[i + 1] - start[i];
      if (siblings < 2) continue;
      if (siblings < 16) FlameLayout.sortFew(node, start[i], start[i + 1], ranks);
      else node.subarray(start[i], start[i + 1]).sort((a, b) => ranks[b] - ranks[a] || a - b);
    }
    return { start, node };
  }

  // By insertion: most frames have few callees, and they come in order of their number.
  static sortFew(node, begin, end, ranks) {
    for (let i = begin + 1; i < end; i++) {
      const one = node[i];
      const rank = ranks[one];
      let at = i;
      for (; at > begin && ranks[node[at - 1]] < rank; at--) node[at] = node[at - 1];
      node[at] = one;
    }
  }

  levelOf(position) {
    let low = 0;
    let high = this.levels;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.levelStart[middle] <= position) low = middle;
      else high = middle;
    }
    return low;
  }

  // The first position from `from` in its level, ending at `levelEnd`, whose right edge is > x.
  firstEndingAfter(x, from, levelEnd) {
    let low = from;
    let high = levelEnd;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.end[middle] > x) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  // The position at (level, x), or -1.
  at(level, x) {
    if (level < 0 || level >= this.levels) return -1;
    const levelEnd = this.levelStart[level + 1];
    const p = this.firstEndingAfter(x, this.levelStart[level], levelEnd);
    return p < levelEnd && this.x[p] <= x ? p : -1;
  }

  parentOf(position) {
    const node = this.node[position];
    return node === 0 ? -1 : this.position[this.tree.parent[node]];
  }

  firstChildOf(position) {
    const level = this.levelOf(position) + 1;
    if (level >= this.levels) return -1;
    const levelEnd = this.levelStart[level + 1];
    const p = this.firstEndingAfter(this.x[position], this.levelStart[level], levelEnd);
    return p < levelEnd && this.parentOf(p) === position ? p : -1;
  }
}
