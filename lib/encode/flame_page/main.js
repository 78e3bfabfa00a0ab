// SPDX-License-Identifier: Apache-2.0
// The stand-alone page: one document, which stands in the page itself.

const page = new Page(new ProfileTree(JSON.parse($("document").textContent)));

// For tests and the curious, to read.
window.podo = Object.freeze({ page, graph: page.graph, tree: page.tree });
