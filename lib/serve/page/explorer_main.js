// SPDX-License-Identifier: Apache-2.0
// Starts the page.

const explorer = new Explorer();

// For tests and the curious, to read.
window.podo = Object.freeze({
  explorer, page: explorer.page, graph: explorer.page.graph, timeline: explorer.timeline,
  get tree() { return explorer.page.tree; },
});
