// SPDX-License-Identifier: Apache-2.0
// Colors of frames. Lightness is fixed a theme (OKLCH), so text on any hue keeps its contrast.

const HUES = 24;
const SHADES = 3;
const GREY = HUES * SHADES; // frames that are no code, and the root
const DIFF_STEPS = 8; // on either side of "no change"

const THEMES = {
  light: {
    text: "#14181d", background: "#ffffff", fadedText: "#59626d", ring: "#0b57d0", edge: "#ffffff",
    match: "#ffd84d", matchText: "#14181d", hatch: "rgba(10, 40, 90, 0.28)",
    package: { l: 0.85, c: 0.07, step: 0.022 }, grey: 0.9,
    diff: { none: 0.925, l: 0.775, grow: [0.135, 62], shrink: [0.105, 247] },
  },
  dark: {
    text: "#f4f6f8", background: "#15191e", fadedText: "#98a2ad", ring: "#8ab4ff", edge: "#15191e",
    match: "#f0c02f", matchText: "#14181d", hatch: "rgba(200, 225, 255, 0.26)",
    package: { l: 0.435, c: 0.07, step: 0.024 }, grey: 0.35,
    diff: { none: 0.33, l: 0.52, grow: [0.125, 55], shrink: [0.115, 252] },
  },
};

// OKLCH to sRGB in 0..255 (Björn Ottosson's matrices), clipped to the gamut.
function oklch(l, c, hueDegrees) {
  const hue = (hueDegrees * Math.PI) / 180;
  const a = c * Math.cos(hue);
  const b = c * Math.sin(hue);
  const l3 = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m3 = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s3 = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l3 - 3.3077115913 * m3 + 0.2309699292 * s3,
    -1.2684380046 * l3 + 2.6097574011 * m3 - 0.3413193965 * s3,
    -0.0041960863 * l3 - 0.7034186147 * m3 + 1.707614701 * s3,
  ];
  return linear.map((x) => {
    const clipped = Math.min(1, Math.max(0, x));
    const curved = clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055;
    return Math.round(curved * 255);
  });
}

function parseHex(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

function toCss(rgb) {
  return `rgb(${rgb.join(" ")})`;
}

function mix(rgb, other, share) {
  return rgb.map((x, i) => Math.round(x * (1 - share) + other[i] * share));
}

// Contrast ratio of WCAG 2.
function contrast(rgbA, rgbB) {
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((x) => {
      const s = x / 255;
      return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(rgbA), luminance(rgbB)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

// FNV-1a from a start at which boost, std, libc, libstdc++ and libcrypto get hues far apart.
const HASH_START = 0x811d46f0;

// The same package has the same hue on every page.
function hashText(text) {
  let hash = HASH_START;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  return hash >>> 0;
}

// Index into Palette.fills for a frame of a single profile.
function packageColor(packageName, functionName) {
  if (packageName.startsWith("[")) return GREY;
  return (hashText(packageName) % HUES) * SHADES + (hashText(functionName) % SHADES);
}

// Index into Palette.diffFills for a change in -1 (gone) .. 1 (new).
function diffColor(change) {
  return DIFF_STEPS + Math.round(Math.max(-1, Math.min(1, change)) * DIFF_STEPS);
}

class Palette {
  constructor(themeName) {
    this.theme = THEMES[themeName];
    const background = parseHex(this.theme.background);
    const fills = [...Palette.packageFills(this.theme), oklch(this.theme.grey, 0.004, 250)];
    const diffFills = Palette.diffFills(this.theme);
    this.fills = fills.map(toCss);
    this.diffFills = diffFills.map(toCss);
    this.fadedFills = fills.map((rgb) => toCss(mix(rgb, background, 0.72)));
    this.fadedDiffFills = diffFills.map((rgb) => toCss(mix(rgb, background, 0.72)));
    const lowest = (rgbs, text) => Math.min(...rgbs.map((rgb) => contrast(rgb, parseHex(text))));
    // What a reader with weak eyes gets at worst; the page test holds it against WCAG AA.
    this.lowestContrast = Math.min(
      lowest(fills, this.theme.text), lowest(diffFills, this.theme.text),
      lowest([parseHex(this.theme.match)], this.theme.matchText),
      lowest([...fills, ...diffFills].map((rgb) => mix(rgb, background, 0.72)), this.theme.fadedText));
  }

  static packageFills({ package: { l, c, step } }) {
    const fills = [];
    for (let hue = 0; hue < HUES; hue++) {
      for (let shade = 0; shade < SHADES; shade++) {
        fills.push(oklch(l + (shade - 1) * step, c, hue * (360 / HUES) + (shade - 1) * 4));
      }
    }
    return fills;
  }

  static diffFills({ diff: { none, l, grow, shrink } }) {
    const fills = [];
    for (let i = -DIFF_STEPS; i <= DIFF_STEPS; i++) {
      const strength = Math.abs(i) / DIFF_STEPS;
      const [c, hue] = i < 0 ? shrink : grow;
      fills.push(oklch(none + (l - none) * strength, c * strength, hue));
    }
    return fills;
  }
}
