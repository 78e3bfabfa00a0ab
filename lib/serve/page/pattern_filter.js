// SPDX-License-Identifier: Apache-2.0
// Label filters by regular expression: chips and a field beside those of the label filter. The
// process applies them (RE2), so that what matches is what it matches everywhere.

class PatternFilter {
  // onChange(patterns) gets the new list.
  constructor(onChange) {
    this.onChange = onChange;
    this.patterns = [];
    $("filter-add").after($("patterns"));
    $("patterns").addEventListener("submit", (event) => {
      event.preventDefault();
      this.add();
    });
    $("pattern").addEventListener("keydown", (event) => this.key(event));
    $("pattern").addEventListener("input", () => this.setError(""));
  }

  setKeys(keys) {
    const select = $("pattern-key");
    const chosen = select.value;
    select.replaceChildren(...keys.map((key) => new Option(key, key)));
    if (keys.includes(chosen)) select.value = chosen;
    $("patterns").hidden = keys.length === 0 && this.patterns.length === 0;
  }

  // What the process says of an expression it does not take.
  setError(message) {
    $("pattern").setAttribute("aria-invalid", String(message !== ""));
    $("pattern").title = message || "RE2, matches the whole value; Enter adds it";
  }

  add() {
    const [key, pattern] = [$("pattern-key").value, $("pattern").value];
    if (pattern === "" || key === "") return;
    $("pattern").value = "";
    const others = this.patterns.filter((one) => one.key !== key || one.pattern !== pattern);
    this.onChange([...others, { key, pattern }]);
  }

  key(event) {
    if (event.key === "Escape") {
      $("pattern").value = "";
      this.setError("");
    } else if (event.key === "Enter") {
      this.add(); // the form has no button of its own
    } else {
      return;
    }
    event.preventDefault();
  }

  show(patterns) {
    this.patterns = patterns;
    this.setError("");
    $("pattern-chips").replaceChildren(...patterns.map((one) => {
      const button = element("button", "chip");
      button.type = "button";
      button.title = `Take ${one.key} ~ ${one.pattern} out of the filter`;
      button.append(element("span", "", `${one.key} ~ ${one.pattern}`), element("span", "cross", "✕"));
      button.addEventListener("click", () => {
        this.onChange(this.patterns.filter((other) => other !== one));
        $("pattern").focus();
      });
      return button;
    }));
  }
}
