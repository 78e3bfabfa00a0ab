// SPDX-License-Identifier: Apache-2.0
// The texts beside the time line: which ranges are shown and how finely they were kept, what the
// colors stand for, what a bar holds.

const TIP_VALUES = 5;

function namesOfValues({ by, values, rest }) {
  if (by === "") return [];
  return [...values.map((value) => value || `(no ${by})`), ...(rest ? ["(others)"] : [])];
}

// How the answer is kept, where that is coarser than a window; "" if it is not.
function coarseText({ resolution, base_resolution: base }, windowMs) {
  const all = [base, resolution].filter((one) => one && one.windows > 0);
  if (all.length === 0) return "";
  const longest = Math.max(...all.map((one) => one.longest_window_ms));
  const notes = [];
  if (longest > 1.5 * windowMs) notes.push(`kept in windows of ${lengthText(longest)}`);
  if (all.some(({ folded }) => folded)) notes.push("small parts as [other]");
  return notes.join(", ");
}

// What was really answered, where it is another range than was asked for.
function answeredText(resolution, asked) {
  if (!asked || !(resolution.windows > 0)) return "";
  const slack = Math.max(1000, resolution.longest_window_ms / 2);
  const { from_ms: from, until_ms: until } = resolution;
  const isOther = until > asked.until + slack || from > asked.from + slack || until < asked.until - slack;
  return isOther ? `holds ${rangeText({ from, until })}` : "";
}

function showRangeText({ choice, view, answer, status }) {
  const parts = [];
  const name = (which, range) => {
    const part = element("span", "range");
    const side = which === "before" ? "Before" : "After";
    if (choice.before) part.append(element("i", `mark ${which}`), element("span", "side", side));
    part.append(element("b", "", range ? rangeText(range) : "All in view"));
    const { from, until } = range || view;
    part.append(element("span", "length", lengthText(until - from)));
    parts.push(part);
  };
  if (!view) return $("range-text").replaceChildren();
  if (choice.before) name("before", choice.before);
  name("after", choice.after);
  if (answer && status) {
    const windows = [answer.base_resolution, answer.resolution].filter(Boolean)
      .map((one) => one.windows.toLocaleString("en")).join(" + ");
    parts.push(element("span", "length", `${windows} ${windows === "1" ? "window" : "windows"}`));
    const coarse = [coarseText(answer, status.window_ms), answeredText(answer.resolution, choice.after)]
      .filter(Boolean).join("; ");
    const begin = status.history.begin_ms;
    if (!choice.after && begin !== null && begin > view.from - 1000 && choice.spanS !== 0) {
      parts.push(element("span", "length", `history begins ${momentText(begin)}`));
    }
    if (coarse) {
      const tag = element("span", "coarse", coarse);
      tag.title = "Older windows are kept merged: the answer is as fine as what is kept";
      parts.push(tag);
    }
  }
  // A live region that changes for nothing would be read out for nothing.
  const text = parts.map((part) => part.textContent).join("|");
  if (text === $("range-text").podoText) return;
  $("range-text").podoText = text;
  $("range-text").replaceChildren(...parts);
}

// onPoint(index) for the value pointed at, -1 for none; onPick(value), null for "no label".
function showTimeLegend(data, colors, filter, { onPoint, onPick }) {
  const legend = $("time-legend");
  const focused = legend.contains(document.activeElement) ? document.activeElement.title : null;
  legend.replaceChildren(...namesOfValues(data).map((name, i) => {
    const isRest = data.rest && i === data.values.length;
    const item = element(isRest ? "span" : "button", "value");
    const swatch = element("i", "swatch");
    swatch.style.setProperty("--swatch", colors[i]);
    item.append(swatch, element("span", "", name));
    item.title = isRest ? "All other values" : `Filter by ${data.by}: ${name}`;
    item.addEventListener("pointerenter", () => onPoint(i));
    item.addEventListener("pointerleave", () => onPoint(-1));
    if (isRest) return item;
    const value = data.values[i] === "" ? null : data.values[i];
    item.type = "button";
    item.setAttribute("aria-pressed", String(filter.has(data.by, value)));
    item.addEventListener("focus", () => item.matches(":focus-visible") && onPoint(i));
    item.addEventListener("blur", () => onPoint(-1));
    item.addEventListener("click", () => onPick(value));
    return item;
  }));
  const again = focused && [...legend.children].find((one) => one.title === focused);
  if (again) again.focus();
}

function showTimeTip(data, colors, point, x, width) {
  const tip = $("time-tip");
  tip.hidden = !point;
  if (!point) return;
  const cores = (cpu) => formatDigits(cpu / (point.d * 1e6));
  const head = element("div", "tip-head");
  head.append(element("b", "", rangeText({ from: point.t, until: point.t + point.d })),
    element("span", "", `${formatDigits(TimelineCanvas.cores(point))} cores`));
  const rows = namesOfValues(data).map((name, i) => ({ name, cpu: point.cpu[i], color: colors[i] }))
    .filter(({ cpu }) => cpu > 0).sort((a, b) => b.cpu - a.cpu).slice(0, TIP_VALUES)
    .map(({ name, cpu, color }) => {
      const row = element("div", "tip-row");
      const swatch = element("i", "swatch");
      swatch.style.setProperty("--swatch", color);
      row.append(swatch, element("span", "name", name), element("span", "", cores(cpu)));
      return row;
    });
  tip.replaceChildren(head, ...rows);
  const size = tip.getBoundingClientRect().width;
  tip.style.left = `${x + 14 + size > width ? Math.max(0, x - 14 - size) : x + 14}px`;
}
