// SPDX-License-Identifier: Apache-2.0
// A sortable table of functions in real HTML. Every text goes in as text, never as markup.

const ROWS_AT_FIRST = 200; // more than one reads; the rest comes on request

class FunctionTable {
  // columns: [{key, title, label, format(row) -> {text, detail, className, bar}, value(row)}];
  // rows: objects with `frame`. onPick(frame) is called when a row's function is clicked.
  constructor(table, onPick) {
    this.table = table;
    this.head = table.createTHead();
    this.body = table.createTBody();
    this.onPick = onPick;
    this.limit = ROWS_AT_FIRST;
    this.rows = [];
    this.accept = null;
  }

  setColumns(columns, sortKey) {
    // The reader's own order stays for as long as there is such a column.
    const isChosen = this.columns && this.isSorted && columns.some(({ key }) => key === this.sort.key);
    this.columns = columns;
    if (!isChosen) this.sort = { key: sortKey, descending: true };
    this.isSorted = isChosen;
    const row = document.createElement("tr");
    this.headers = columns.map((column) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.className = column.numeric ? "numeric" : "";
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = column.title;
      button.title = column.label;
      button.addEventListener("click", () => this.sortBy(column));
      cell.append(button);
      row.append(cell);
      return cell;
    });
    this.head.replaceChildren(row);
  }

  sortBy(column) {
    this.isSorted = true;
    const same = this.sort.key === column.key;
    this.sort = { key: column.key, descending: same ? !this.sort.descending : Boolean(column.numeric) };
    this.render();
  }

  setRows(rows) {
    this.rows = rows;
    this.render();
  }

  // accept(frame) or null for all.
  setFilter(accept) {
    this.accept = accept;
    this.limit = ROWS_AT_FIRST;
    this.render();
  }

  sortedRows() {
    const column = this.columns.find(({ key }) => key === this.sort.key);
    const sign = this.sort.descending ? -1 : 1;
    const rows = this.accept ? this.rows.filter((row) => this.accept(row.frame)) : this.rows.slice();
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    return rows.sort((a, b) => sign * compare(column.value(a), column.value(b)) || a.frame - b.frame);
  }

  render() {
    this.columns.forEach((column, i) => {
      const sorted = column.key === this.sort.key;
      this.headers[i].setAttribute("aria-sort",
        sorted ? (this.sort.descending ? "descending" : "ascending") : "none");
    });
    const rows = this.sortedRows();
    const shown = rows.slice(0, this.limit).map((row) => this.renderRow(row));
    if (rows.length > this.limit) shown.push(this.renderMore(rows.length - this.limit));
    if (rows.length === 0) shown.push(this.renderNothing());
    this.body.replaceChildren(...shown);
    this.shownCount = rows.length;
  }

  renderRow(row) {
    const line = document.createElement("tr");
    for (const column of this.columns) {
      const { text, detail, className, swatch } = column.format(row);
      const cell = document.createElement(column.numeric ? "td" : "th");
      if (swatch) cell.style.setProperty("--swatch", swatch);
      if (!column.numeric) cell.scope = "row";
      cell.className = column.numeric ? `numeric ${className || ""}` : "function";
      const main = document.createElement(column.numeric ? "span" : "button");
      main.className = "main";
      FunctionTable.writeBreakable(main, text);
      if (!column.numeric) {
        main.type = "button";
        main.title = row.name;
        main.addEventListener("click", () => this.onPick(row.frame));
      }
      cell.append(main);
      if (detail) {
        const small = document.createElement("small");
        small.textContent = detail;
        cell.append(small);
      }
      line.append(cell);
    }
    return line;
  }

  // A qualified name may break after its "::".
  static writeBreakable(target, text) {
    text.split(/(?<=::)/).forEach((part, i) => {
      if (i > 0) target.append(document.createElement("wbr"));
      target.append(part);
    });
  }

  wideRow(content) {
    const line = document.createElement("tr");
    const cell = document.createElement("td");
    cell.colSpan = this.columns.length;
    cell.className = "wide";
    cell.append(content);
    line.append(cell);
    return line;
  }

  renderMore(count) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "more";
    button.textContent = `Show ${Math.min(count, ROWS_AT_FIRST)} more of ${count.toLocaleString("en")}`;
    button.addEventListener("click", () => {
      this.limit += ROWS_AT_FIRST;
      this.render();
    });
    return this.wideRow(button);
  }

  renderNothing() {
    return this.wideRow(this.accept ? "No function matches the search." : "No functions.");
  }
}
