// SPDX-License-Identifier: Apache-2.0
// The document of flame_document.h as typed arrays, and the sums that views are made of.
// No DOM here: the document may come from the page itself or from a request.

// Reads a packed column. Sums by arithmetic, since values are wider than 32 bits.
class PackedReader {
  static digits = (() => {
    const table = new Uint8Array(128);
    const order = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (let i = 0; i < 64; i++) table[order.charCodeAt(i)] = i;
    return table;
  })();

  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  get done() {
    return this.at >= this.text.length;
  }

  next() {
    let value = 0;
    let scale = 1;
    for (;;) {
      const digit = PackedReader.digits[this.text.charCodeAt(this.at++)];
      value += (digit & 31) * scale;
      if (digit < 32) return value;
      scale *= 32;
    }
  }

  nextSigned() {
    const bits = this.next();
    return bits % 2 === 0 ? bits / 2 : -(bits + 1) / 2;
  }

  rest() {
    const values = [];
    while (!this.done) values.push(this.next());
    return values;
  }
}

class ProfileTree {
  constructor(doc) {
    this.title = doc.title;
    this.sampleTypes = doc.sampleTypes.map(([type, unit]) => ({ type, unit }));
    this.shown = doc.shown;
    this.labelSets = ProfileTree.readLabelSets(doc.labelSets, doc.strings);
    this.readFrames(doc);
    this.readNodes(doc.nodes);
    this.profiles = doc.profiles.map((profile) => this.readProfile(profile));
  }

  // Maps from key to value; set 0 is the empty one.
  static readLabelSets(column, strings) {
    const reader = new PackedReader(column);
    const sets = [new Map()];
    while (!reader.done) {
      const labels = new Map();
      for (let left = reader.next(); left > 0; left--) {
        const key = strings[reader.next()];
        labels.set(key, strings[reader.next()]);
      }
      sets.push(labels);
    }
    return sets;
  }

  readFrames(doc) {
    const column = (key) => new PackedReader(doc.frames[key]).rest();
    const text = (key) => column(key).map((id) => doc.strings[id]);
    this.names = text("name");
    this.files = text("file");
    this.modules = text("module");
    this.startLines = column("start");
    const reader = new PackedReader(doc.frames.lines);
    this.lines = this.names.map(() => {
      const lines = [];
      for (let left = reader.next(); left > 0; left--) {
        lines.push({ line: reader.next(), value: reader.next() });
      }
      return lines;
    });
    this.packages = this.names.map((name, i) => packageOf(name, this.modules[i]));
  }

  readNodes(nodes) {
    const frames = new PackedReader(nodes.frame).rest();
    this.nodeCount = frames.length + 1;
    this.frame = new Int32Array(this.nodeCount);
    this.frame[0] = -1;
    this.frame.set(frames, 1);
    this.parent = new Int32Array(this.nodeCount);
    for (let i = 1; i < this.nodeCount; i++) this.parent[i] = i - 1;
    const branches = new PackedReader(nodes.branches);
    for (let i = 0; !branches.done; ) {
      i += branches.next();
      this.parent[i] = i - branches.next();
    }
    this.inlined = new Uint8Array(this.nodeCount);
    const inlined = new PackedReader(nodes.inlined);
    for (let i = 0; !inlined.done; ) this.inlined[(i += inlined.next())] = 1;
  }

  readProfile(profile) {
    const reader = new PackedReader(profile.samples);
    const types = this.sampleTypes.length;
    const nodes = [];
    const labels = [];
    const values = [];
    for (let node = 0; !reader.done && types > 0; ) {
      nodes.push((node += reader.next()));
      labels.push(reader.next());
      for (let i = 0; i < types; i++) values.push(reader.nextSigned());
    }
    return {
      ...profile,
      samples: undefined,
      sampleNode: Int32Array.from(nodes),
      sampleLabels: Int32Array.from(labels),
      sampleValues: Float64Array.from(values),
    };
  }

  get isDiff() {
    return this.profiles.length > 1;
  }

  // Sums of one sample type over the samples whose label set (a Map) `keep` accepts:
  // for each profile {self, total} by node.
  sums(type, keep = null) {
    const kept = this.labelSets.map((labels) => !keep || keep(labels));
    return this.profiles.map((profile) => {
      const self = new Float64Array(this.nodeCount);
      const width = this.sampleTypes.length;
      for (let i = 0; i < profile.sampleNode.length; i++) {
        if (!kept[profile.sampleLabels[i]]) continue;
        self[profile.sampleNode[i]] += profile.sampleValues[i * width + type];
      }
      const total = self.slice();
      // Parents stand before their children, so one pass from the end sums all.
      for (let i = this.nodeCount - 1; i > 0; i--) total[this.parent[i]] += total[i];
      return { self, total };
    });
  }

  // Sums by function. A function's total counts a stack once, however often it recurs on it.
  sumsByFunction({ self, total }) {
    const byFrame = { self: new Float64Array(this.names.length), total: new Float64Array(this.names.length) };
    const open = new Int32Array(this.names.length);
    const branch = [];
    for (let i = 1; i < this.nodeCount; i++) {
      while (branch.length > 0 && branch[branch.length - 1] !== this.parent[i]) {
        open[this.frame[branch.pop()]]--;
      }
      const frame = this.frame[i];
      byFrame.self[frame] += self[i];
      if (open[frame]++ === 0) byFrame.total[frame] += total[i];
      branch.push(i);
    }
    return byFrame;
  }

  // For a set of frames (one byte each): which nodes have such a frame, and the nodes topmost among
  // those, whose totals can be added up without counting nested matches twice.
  match(frames) {
    const nodes = new Uint8Array(this.nodeCount);
    const inside = new Uint8Array(this.nodeCount);
    const topmost = [];
    for (let i = 1; i < this.nodeCount; i++) {
      nodes[i] = frames[this.frame[i]];
      if (inside[this.parent[i]]) {
        inside[i] = 1;
      } else if (nodes[i]) {
        inside[i] = 1;
        topmost.push(i);
      }
    }
    return { nodes, topmost };
  }

  // Root first, without the root node itself.
  pathTo(node) {
    const path = [];
    for (let i = node; i > 0; i = this.parent[i]) path.push(i);
    return path.reverse();
  }

  // A number that is the same for the same path of functions in another profile; 0 for the root and
  // for no node.
  pathKey(node) {
    return this.pathTo(node).reduce((key, i) => ProfileTree.extend(key, this.names[this.frame[i]]), 0);
  }

  static extend(key, name) {
    return (Math.imul(key, 0x01000193) ^ hashText(name)) >>> 0;
  }

  // The nodes of such keys; where there is none, 0 for the first (the zoom) and -1 for others.
  findPaths(wanted) {
    const found = wanted.map((_, i) => (i === 0 ? 0 : -1));
    if (wanted.every((key) => key === 0)) return found;
    const hashes = this.names.map(hashText);
    const keys = new Uint32Array(this.nodeCount);
    for (let i = 1; i < this.nodeCount; i++) {
      keys[i] = Math.imul(keys[this.parent[i]], 0x01000193) ^ hashes[this.frame[i]];
      wanted.forEach((key, w) => {
        if (key === keys[i] && key !== 0) found[w] = i;
      });
    }
    return found;
  }

  nameOf(node) {
    return node === 0 ? "all" : this.names[this.frame[node]];
  }

  // "dir/file.cc:12" with the line on which most of the function's CPU time was seen.
  placeOf(frame) {
    const file = this.files[frame];
    if (!file) return "";
    const line = this.lines[frame].length > 0 ? this.lines[frame][0].line : this.startLines[frame];
    return line > 0 ? `${file}:${line}` : file;
  }
}
