// SPDX-License-Identifier: Apache-2.0
// Buttons and keys that choose in time; what they do is the explorer's.

class TimeControls {
  constructor(explorer) {
    this.explorer = explorer;
    this.onPress("span", (value) => explorer.setSpan(Number(value)));
    this.onPress("which", (value) => explorer.setWhich(value));
    const actions = {
      older: () => explorer.moveView(-1), newer: () => explorer.moveView(1),
      "zoom-time": () => explorer.zoomTime(),
      follow: () => explorer.setFollowing(!explorer.choice.isFollowing),
      compare: () => explorer.setComparing(!explorer.choice.before),
    };
    for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
    $("divide").addEventListener("change", () => explorer.setBy($("divide").value));
    $("earlier").addEventListener("change", () => {
      const ago = $("earlier").value;
      $("earlier").value = "";
      if (ago) explorer.compareWith(ago);
    });
    document.addEventListener("keydown", (event) => this.key(event));
    this.extendHelp();
  }

  onPress(id, action) {
    for (const button of $(id).querySelectorAll("button")) {
      button.addEventListener("click", () => action(button.dataset.value));
    }
  }

  static press(id, value) {
    for (const button of $(id).querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.value === value));
    }
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.matches("input, select, textarea")) return;
    const { explorer } = this;
    const actions = {
      g: () => $("timeline").focus(),
      c: () => explorer.setComparing(!explorer.choice.before),
      b: () => explorer.choice.before && explorer.setWhich(explorer.which === "after" ? "before" : "after"),
      p: () => explorer.setFollowing(!explorer.choice.isFollowing),
      z: () => explorer.zoomTime(),
      "[": () => explorer.moveView(-1),
      "]": () => explorer.moveView(1),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }

  extendHelp() {
    const list = element("dl", "keys");
    const line = (keys, text) => {
      const name = element("dt");
      for (const key of keys) name.append(element("kbd", "", key), " ");
      list.append(name, element("dd", "", text));
    };
    line(["g"], "go to the time line");
    line(["←", "→"], "there: move the range by a bar, with Shift its end; PageUp, PageDown by ten; " +
      "Home, End; Esc lets it go");
    line(["c"], "compare two ranges, or one again; Shift and a drag chooses the earlier one");
    line(["b"], "choose the other one of the two");
    line(["[", "]"], "earlier, later");
    line(["z"], "the chosen range fills the time line");
    line(["p"], "live, or hold still");
    $("help-title").after(element("h3", "", "Time"), list, element("h3", "", "Graph and table"));
  }

  show({ choice, which, hasRoom }) {
    TimeControls.press("span", String(choice.spanS));
    TimeControls.press("which", which);
    const isComparing = choice.before !== null;
    $("compare").setAttribute("aria-pressed", String(isComparing));
    for (const id of ["which", "earlier"]) $(id).hidden = !isComparing;
    $("follow").setAttribute("aria-pressed", String(choice.isFollowing));
    $("newer").disabled = choice.isFollowing;
    $("older").disabled = !hasRoom;
    $("zoom-time").disabled = choice.after === null;
  }

  showKeys(keys, by) {
    const all = by && !keys.includes(by) ? [...keys, by] : keys;
    const old = [...$("divide").options].slice(1).map(({ value }) => value);
    if (old.join("\n") !== all.join("\n")) {
      $("divide").replaceChildren(new Option("no label", ""), ...all.map((key) => new Option(key, key)));
    }
    $("divide").value = by || "";
    $("divide").parentElement.hidden = all.length === 0;
  }
}
