// SPDX-License-Identifier: Apache-2.0
// A bar table of what each value of one label costs; its rows switch the filter. Every text goes in
// as text, never as markup.

const LABEL_ROWS = 20; // the rest is one row, and found by the search
const LISTED_KEYS = 200;

// A value as people read it; what is no text of the profile's is told apart by its style.
function labelValue(value) {
  if (value === null) return element("i", "", "(no label)");
  if (value === "") return element("i", "", "(empty)");
  return element("span", "", value);
}

class LabelPanel {
  // onKey(key) and onToggle(key, value) tell what the reader chose.
  constructor({ onKey, onToggle }) {
    this.onToggle = onToggle;
    this.table = $("label-table");
    $("label-key").addEventListener("change", () => onKey($("label-key").value));
    $("label-search").addEventListener("input", () => this.render());
    $("label-search").addEventListener("keydown", (event) => this.searchKey(event));
    $("label-fold").addEventListener("click", () => this.fold());
    this.table.addEventListener("keydown", (event) => this.rowKey(event));
  }

  // The key stays if the new sums have it.
  setSums(sums) {
    this.sums = sums;
    if (sums.keys.length > 0 && !sums.keys.some(({ key }) => key === this.key)) this.key = sums.firstKey();
    $("label-key").replaceChildren(...sums.keys.slice(0, LISTED_KEYS)
      .map(({ key, values }) => new Option(`${key} (${values.toLocaleString("en")})`, key)));
  }

  setKey(key) {
    if (!this.sums.keys.some((one) => one.key === key) || key === this.key) return;
    this.key = key;
    $("label-search").value = "";
  }

  fold() {
    const isOpen = $("label-fold").getAttribute("aria-expanded") === "true";
    $("label-fold").setAttribute("aria-expanded", String(!isOpen));
    $("label-body").hidden = isOpen;
  }

  // To be called whenever view, choices or filter changed.
  show(view, choices, filter) {
    Object.assign(this, { view, choices, filter });
    $("label-title").textContent = isCpu(view.type) ? "CPU by" : `${view.type.type} by`;
    $("label-key").value = this.key;
    this.render();
  }

  // The rows with what they come to in the unit shown, the most telling first.
  measure() {
    const { view, choices, filter, key } = this;
    const { tree } = view;
    const totals = this.sums.totals(choices.type, filter, key);
    const isRate = tree.isDiff && choices.scale === "rate";
    const factors = totals.map((total, i) => {
      const base = isRate ? tree.profiles[i].durationNs / 1e9 : total;
      return base > 0 ? 1 / base : 0;
    });
    const rows = this.sums.rows(key, choices.type, filter)
      .map((row) => ({ ...row, parts: row.sums.map((x, i) => x * factors[i]) }));
    const weight = ({ parts }) => (parts.length > 1 ? Math.abs(parts[1] - parts[0]) : parts[0]);
    const size = ({ parts }) => Math.max(...parts);
    return rows.sort((a, b) => weight(b) - weight(a) || size(b) - size(a) ||
      (String(a.value) < String(b.value) ? -1 : 1));
  }

  // What is found, its first rows and whatever is chosen; the rest as one row.
  pick(rows) {
    const wanted = $("label-search").value.toLowerCase();
    const found = wanted === "" ? rows
      : rows.filter(({ value }) => value !== null && value.toLowerCase().includes(wanted));
    const shown = found.filter(({ value }, i) => i < LABEL_ROWS || this.filter.has(this.key, value));
    const rest = found.length - shown.length;
    if (rest === 0) return { shown, others: null };
    const seen = new Set(shown);
    const others = { value: null, rest, sums: [0, 0], parts: [0, 0] };
    for (const row of found) {
      if (seen.has(row)) continue;
      row.sums.forEach((x, i) => (others.sums[i] += x));
      row.parts.forEach((x, i) => (others.parts[i] += x));
    }
    return { shown, others };
  }

  render() {
    const rows = this.measure();
    const { shown, others } = this.pick(rows);
    this.largest = rows.reduce((most, { parts }) => Math.max(most, ...parts), Number.MIN_VALUE);
    const search = $("label-search");
    search.hidden = rows.length <= LABEL_ROWS && search.value === "";
    search.placeholder = `Find in ${rows.length.toLocaleString("en")} values`;
    const active = document.activeElement;
    const focused = this.table.contains(active) ? active.podoValue : undefined;
    this.table.replaceChildren(this.renderHead(), this.renderBody(shown, others));
    this.shownValues = shown.map(({ value }) => value);
    if (focused === undefined) return;
    const button = this.buttons().find((one) => one.podoValue === focused);
    if (button) button.focus({ preventScroll: true });
  }

  renderHead() {
    const head = element("thead");
    const row = element("tr");
    const titles = this.view.tree.isDiff ? ["Before", "After", "Change"] : [this.view.type.type, "Share"];
    for (const title of ["Value", ...titles]) {
      const cell = element("th", title === "Value" ? "" : `numeric ${title.toLowerCase()}`);
      cell.scope = "col";
      cell.append(element("span", "", title));
      row.append(cell);
    }
    head.append(row);
    return head;
  }

  renderBody(shown, others) {
    const body = element("tbody");
    for (const row of shown) body.append(this.renderRow(row));
    if (others) body.append(this.renderRow(others));
    if (shown.length > 0) return body;
    const cell = element("td", "wide", "No value matches.");
    cell.colSpan = 4;
    const line = element("tr");
    line.append(cell);
    body.append(line);
    return body;
  }

  renderRow(row) {
    const line = element("tr", row.rest ? "others" : "");
    const name = element("th");
    name.scope = "row";
    name.append(row.rest ? element("span", "main", `${row.rest.toLocaleString("en")} others`)
      : this.renderButton(row.value));
    const isDiff = this.view.tree.isDiff;
    row.parts.slice(0, isDiff ? 2 : 1).forEach((part, i) => {
      const bar = element("span", isDiff && i === 0 ? "bar before" : "bar");
      bar.style.setProperty("--part", String(Math.max(0, Math.min(1, part / this.largest))));
      if (!row.rest) name.append(bar);
    });
    line.append(name);
    for (const [text, className] of this.numbers(row)) {
      line.append(element("td", `numeric ${className || ""}`, text));
    }
    return line;
  }

  numbers({ sums, parts }) {
    const { view } = this;
    if (!view.tree.isDiff) return [[view.value(sums[0])], [formatShare(parts[0])]];
    const change = parts[1] - parts[0];
    const sign = change > 0 ? "▲" : change < 0 ? "▼" : "=";
    return [[view.value(parts[0])], [view.value(parts[1])],
      [`${sign} ${view.change(change)}`, change > 0 ? "grew" : change < 0 ? "shrank" : ""]];
  }

  renderButton(value) {
    const button = element("button", "main");
    button.type = "button";
    button.podoValue = value;
    button.title = value || "";
    button.setAttribute("aria-pressed", String(this.filter.has(this.key, value)));
    button.append(labelValue(value));
    button.addEventListener("click", () => this.onToggle(this.key, value));
    return button;
  }

  // ---- keys

  buttons() {
    return [...this.table.querySelectorAll("button.main")];
  }

  focus() {
    if ($("label-body").hidden) this.fold();
    const first = $("label-search").hidden ? this.buttons()[0] : $("label-search");
    (first || $("label-key")).focus();
  }

  rowKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    const buttons = this.buttons();
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (next) next.focus();
    event.preventDefault();
  }

  searchKey(event) {
    const search = $("label-search");
    if (event.key === "Enter" && this.shownValues.length > 0) {
      this.onToggle(this.key, this.shownValues[0]);
    } else if (event.key === "ArrowDown") {
      const [first] = this.buttons();
      if (first) first.focus();
    } else if (event.key === "Escape" && search.value !== "") {
      search.value = "";
      this.render();
    } else {
      return;
    }
    event.preventDefault();
  }
}
