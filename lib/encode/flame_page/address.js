// SPDX-License-Identifier: Apache-2.0
// Where the stand-alone page keeps the label filter: in the fragment of its address, which a file
// has too, so that a link or the Back button keeps it.

class FragmentAddress {
  read() {
    return new URLSearchParams(location.hash.slice(1));
  }

  // `fill` puts all that is to stand there into empty parameters.
  write(fill, { replace = false } = {}) {
    const params = new URLSearchParams();
    fill(params);
    const hash = params.toString();
    if (hash === location.hash.slice(1)) return;
    try {
      const address = location.pathname + location.search + (hash ? `#${hash}` : "");
      history[replace ? "replaceState" : "pushState"](null, "", address);
    } catch {
      // A page without an address of its own, in a frame or a preview: the filter holds, unlinked.
    }
  }

  onChange(react) {
    window.addEventListener("hashchange", react);
  }
}
