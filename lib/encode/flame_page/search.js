// SPDX-License-Identifier: Apache-2.0
// What the search field means.
//   text          function names that contain it, upper or lower case alike
//   =text         the function of exactly this name
//   file:text     functions whose file contains it; module:text likewise
// With `isRegex`, text is a regular expression, also after file: and module:.

// Returns null for an empty query, {error} for a broken expression, else {frames}: one byte a frame.
function searchFrames(tree, query, isRegex) {
  if (query === "") return null;
  const [, prefix, text] = /^(?:(file:|module:|=))?([^]*)$/.exec(query);
  const texts = { "file:": tree.files, "module:": tree.modules }[prefix] || tree.names;
  if (text === "") return null;
  let accept;
  if (prefix === "=") {
    accept = (name) => name === text;
  } else if (isRegex) {
    let expression;
    try {
      expression = new RegExp(text, "i");
    } catch (error) {
      return { error: String(error.message).replace(/^Invalid regular expression: /, "") };
    }
    accept = (name) => expression.test(name);
  } else {
    const wanted = text.toLowerCase();
    accept = (name) => name.toLowerCase().includes(wanted);
  }
  return { frames: Uint8Array.from(texts, (one) => (accept(one) ? 1 : 0)) };
}
