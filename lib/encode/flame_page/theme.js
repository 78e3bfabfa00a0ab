// SPDX-License-Identifier: Apache-2.0
// Light or dark: what the reader chose last, else what the system asks for.

function savedTheme() {
  let saved = null;
  try {
    saved = localStorage.getItem("podo-theme");
  } catch {
    // A file may have no storage; the system's choice holds then.
  }
  if (saved === "light" || saved === "dark") return saved;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function saveTheme(theme) {
  try {
    localStorage.setItem("podo-theme", theme);
  } catch {
    // As above: it holds for this visit only.
  }
}
