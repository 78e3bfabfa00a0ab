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
    let used = 0;
    const place = (node, x, end) => {
      this.node[used] = node;
      this.x[used] = x;
      this.end[used] = end;
      this.position[node] = used++;
    };
    if (this.total > 0) place(0, 0, this.total);
    for (let begin = 0; begin < used; begin = this.levelStart[this.levelStart.length - 1]) {
      this.levelStart.push(used);
      for (let p = begin, levelEnd = used; p < levelEnd; p++) {
        const parent = this.node[p];
        let x = this.x[p];
        for (let c = children.start[parent]; c < children.start[parent + 1]; c++) {
          const child = children.node[c];
          // Never beyond the parent: negative values of siblings would push it there.
          const end = Math.min(this.end[p], x + widths[child]);
          if (!(end > x)) continue;
          place(child, x, end);
          x = end;
        }
      }
    }
    this.count = used;
    this.levels = this.levelStart.length - 1;
  }

  // Children of node n: node[start[n]] .. node[start[n + 1] - 1].
  static sortedChildren(tree, widths, ranks) {
    const count = tree.nodeCount;
    const start = new Int32Array(count + 1);
    for (let i = 1; i < count; i++) if (widths[i] > 0) start[tree.parent[i] + 1]++;
    for (let i = 0; i < count; i++) start[i + 1] += start[i];
    const next = start.slice();
    const node = new Int32Array(start[count]);
    for (let i = 1; i < count; i++) if (widths[i] > 0) node[next[tree.parent[i]]++] = i;
    for (let i = 0; i < count; i++) {
      if (start[i + 1] - start[i] > 1) {
        node.subarray(start[i], start[i + 1]).sort((a, b) => ranks[b] - ranks[a] || a - b);
      }
    }
    return { start, node };
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
