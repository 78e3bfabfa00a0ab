// SPDX-License-Identifier: Apache-2.0
// What a link keeps of the page below the time line: choices, search, zoom.

const STATE_CHOICES = [ // name in Page.choices, id of its buttons, what it usually is
  ["width", "width-choice", "both"], ["scale", "scale-choice", "share"], ["by", "by-choice", "self"],
];
const STATE_NAMES = { by: "rank" }; // "by" is the label's

// `zoom` is the key of a path (ProfileTree.pathKey), 0 for none.
function writePageState(page, zoom, params) {
  for (const [name, , usual] of STATE_CHOICES) {
    if (page.choices[name] !== usual) params.set(STATE_NAMES[name] || name, page.choices[name]);
  }
  if (page.wantedType) params.set("show", page.wantedType);
  if (!page.graph.rootAtTop) params.set("root", "bottom");
  if ($("main").dataset.panes !== "both") params.set("panes", $("main").dataset.panes);
  if ($("search").value) params.set("search", $("search").value);
  if (page.isRegex) params.set("regex", "1");
  if (zoom) params.set("zoom", zoom.toString(36));
}

// Returns the zoom's key. The page is not drawn anew; its next profile, or rebuild(), does that.
function readPageState(page, params) {
  const button = (id, value) =>
    [...$(id).querySelectorAll("button")].find((one) => one.dataset.value === value);
  for (const [name, id, usual] of STATE_CHOICES) {
    const value = params.get(STATE_NAMES[name] || name);
    page.choices[name] = value !== null && button(id, value) ? value : usual;
    page.pressers[id](page.choices[name]);
  }
  page.wantedType = params.get("show");
  const isBottom = params.get("root") === "bottom";
  page.graph.rootAtTop = !isBottom;
  page.pressers.orientation(isBottom ? "bottom" : "top");
  const panes = button("panes", params.get("panes")) ? params.get("panes") : "both";
  $("main").dataset.panes = panes;
  page.pressers.panes(panes);
  $("search").value = params.get("search") || "";
  page.isRegex = params.get("regex") === "1";
  $("regex").setAttribute("aria-pressed", String(page.isRegex));
  return parseInt(params.get("zoom"), 36) || 0;
}
