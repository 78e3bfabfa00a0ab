// SPDX-License-Identifier: Apache-2.0
// Elements that hold text as text, and the details of one frame made of them.

const $ = (id) => document.getElementById(id);

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function pairs(list) {
  const dl = element("dl", "frame-facts");
  for (const [what, value, className] of list) {
    const pair = element("div", className || "");
    pair.append(element("dt", "", what), element("dd", "", value));
    dl.append(pair);
  }
  return dl;
}

// The elements that tell of `node` what `view` knows; brief for a tooltip.
function frameDetails(view, node, zoomed, { brief = false } = {}) {
  const { tree } = view;
  const name = element("div", "frame-name", tree.nameOf(node));
  if (tree.inlined[node]) name.append(element("span", "tag", "inlined"));
  const mark = view.marks ? view.marks[node] : MARK.NONE;
  if (mark === MARK.NEW) name.append(element("span", "tag", "✚ new"));
  if (mark === MARK.GONE) name.append(element("span", "tag", "✕ gone"));
  const facts = view.facts(node, zoomed);
  const parts = [name, pairs(brief ? facts.slice(0, 2) : facts)];
  if (node > 0) parts.splice(1, 0, placeLine(view, tree.frame[node], brief));
  return parts;
}

function placeLine({ tree, isFiltered }, frame, brief) {
  const line = element("div", "frame-place");
  const place = tree.placeOf(frame);
  if (place) line.append(element("b", "", place), " · ");
  line.append(tree.modules[frame] ? baseName(tree.modules[frame]) : "no module");
  const lines = tree.lines[frame];
  if (!brief && lines.length > 1) {
    const where = isFiltered ? " in all samples" : ""; // lines are weighed before any filter
    line.append(` · hottest lines${where} ${lines.map((one) => one.line).join(", ")}`);
  }
  return line;
}
