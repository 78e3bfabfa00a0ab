// SPDX-License-Identifier: Apache-2.0
// Links to what is shown, as files. With a token in use a link of the browser's would carry none, so
// the file is asked for by the page.

class Downloads {
  constructor(api, onError) {
    this.api = api;
    this.links = [["get-pprof", "pprof", "pb.gz"], ["get-html", "html", "html"]];
    for (const [id] of this.links) {
      $(id).addEventListener("click", (event) => {
        if (!this.api.token) return;
        event.preventDefault();
        this.save($(id)).catch(onError);
      });
    }
  }

  // The question that stands on the screen.
  show(path, params, name) {
    for (const [id, format, ending] of this.links) {
      const all = new URLSearchParams(params);
      all.set("format", format);
      $(id).href = ProcessApi.addressOf(path, all);
      $(id).download = `${name.replace(/[^\w.-]+/g, "_")}.${ending}`;
    }
  }

  async save(link) {
    const response = await this.api.get(link.href);
    const address = URL.createObjectURL(await response.blob());
    const saved = element("a");
    saved.href = address;
    saved.download = link.download;
    saved.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
}
