// SPDX-License-Identifier: Apache-2.0
// What the page says when something is not as usual: one line, and the dialog that asks for a token.

class Notices {
  constructor({ onAgain, onToken }) {
    this.onToken = onToken;
    $("notice-again").addEventListener("click", onAgain);
    $("token-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const token = $("token").value.trim();
      if (token === "") return;
      $("token").value = "";
      $("ask-token").close();
      onToken(token);
    });
  }

  // kind: "error", "lost" or "note"; "" says nothing.
  say(text, kind = "note", { again = false } = {}) {
    const box = $("notice");
    box.className = `notice ${kind}`;
    if ($("notice-text").textContent !== text) $("notice-text").textContent = text;
    $("notice-again").hidden = !again;
    box.hidden = text === "";
  }

  askToken({ wasRefused }) {
    $("token-wrong").hidden = !wasRefused;
    if (!$("ask-token").open) $("ask-token").showModal();
    this.say("The process asks for a token.", "error", { again: true });
  }
}

// What is to be said of a process that answers, "" if all is well.
function noteOfStatus({ state, note }) {
  return state === "stopped" ? `${stoppedText(note)}. What is shown was recorded before.` : "";
}

function stoppedText(note) {
  return `Profiling is stopped${note ? `: ${note.replace(/\.$/, "")}` : ""}`;
}

// [title, text] for a graph that has nothing to show, null if it is for the page itself to say.
function explainNothing(status, answer, isStuck) {
  const waiting = isStuck ? ["Nothing to show yet", ""] : ["Asking the process …", ""];
  if (!status) return waiting;
  const { history: kept, window_ms: windowMs, started_ms: started, now_ms: now } = status;
  if (kept.begin_ms === null) {
    if (status.state === "stopped") {
      return ["No data", `${stoppedText(status.note)}. Nothing was recorded before.`];
    }
    const left = Math.max(1000, windowMs - (now - started));
    return ["No data yet", `The first window closes in about ${lengthText(left)}. This page fills by itself.`];
  }
  if (!answer) return waiting;
  const { resolution, base_resolution: base } = answer;
  if (resolution.windows > 0 && (!base || base.windows > 0)) return null;
  const which = !base ? "this range" : resolution.windows > 0 ? "the earlier range" : base.windows > 0
    ? "the later range" : "both ranges";
  return [`Nothing is kept of ${which}`,
    `History begins at ${momentText(kept.begin_ms)}; in between, times without a recording are blank. ` +
    "Choose another range on the time line, or press Esc there to see all."];
}
