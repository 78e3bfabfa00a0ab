// SPDX-License-Identifier: Apache-2.0
// Numbers and names as people read them.

const THIN_SPACE = "\u202f";

// [divisor, unit], largest first; the first that gives a number >= 1 is taken.
const SCALES = {
  nanoseconds: [[3.6e12, "h"], [6e10, "min"], [1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]],
  bytes: [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]],
};

function formatDigits(x) {
  const size = Math.abs(x);
  const digits = size >= 100 || Number.isInteger(x) ? 0 : size >= 10 ? 1 : 2;
  return x.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// A value of a sample type, as "1.24 s", "12.5 MiB", "1,204 samples".
function formatValue(value, type, unit) {
  const scale = SCALES[unit];
  if (!scale) {
    const noun = unit === "count" || unit === "" ? type : unit;
    return `${formatDigits(value)}${THIN_SPACE}${noun}`.trim();
  }
  const [divisor, name] =
    scale.find(([size]) => Math.abs(value) >= size) || scale[scale.length - 1];
  return `${formatDigits(value / divisor)}${THIN_SPACE}${name}`;
}

// 0.123 as "12.3 %". Small but present is never shown as nothing.
function formatShare(share) {
  const percent = share * 100;
  if (percent > 0 && percent < 0.01) return `<${THIN_SPACE}0.01${THIN_SPACE}%`;
  const digits = percent !== 0 && Math.abs(percent) < 10 ? 2 : 1;
  return `${percent.toFixed(digits)}${THIN_SPACE}%`;
}

// "+", a true minus sign, or nothing, and the absolute value by `format`.
function formatSigned(x, format) {
  return (x > 0 ? "+" : x < 0 ? "−" : "±") + format(Math.abs(x));
}

// A difference of shares, in percentage points.
function formatPoints(x) {
  const points = Math.abs(x) * 100;
  const text = points > 0 && points < 0.01 ? "<0.01" : points.toFixed(points < 10 ? 2 : 1);
  return `${x > 0 ? "+" : x < 0 ? "−" : "±"}${text}${THIN_SPACE}pp`;
}

function formatDuration(ns) {
  return formatValue(ns, "", "nanoseconds");
}

function baseName(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

// Calls visit(char, depth) for each char, depth = nesting in <>, () and {}. The brackets of
// operator<, operator-> and the like nest nothing.
function scanName(name, visit) {
  let depth = 0;
  for (let i = 0; i < name.length; i++) {
    const operator = /^operator\s*(\(\)|<=>|<<=?|>>=?|->\*?|<=?|>=?)/.exec(
      name.startsWith("operator", i) ? name.slice(i, i + 14) : "");
    if (operator) {
      for (const c of operator[0]) visit(c, depth, i++);
      i--;
      continue;
    }
    const c = name[i];
    if (c === "<" || c === "(" || c === "{") visit(c, depth++, i);
    else if (c === ">" || c === ")" || c === "}") visit(c, --depth, i);
    else visit(c, depth, i);
    if (depth < 0) depth = 0;
  }
}

// The parts of a C++ name: template arguments, parameters and return type taken off.
// "void a::b<int>::c(int) const" gives ["a", "b", "c"].
function nameParts(name) {
  if (/^\[.*\]$/.test(name)) return [name];
  const plain = name.replaceAll("(anonymous namespace)", "{anon}");
  let text = "";
  let ended = false;
  scanName(plain, (c, depth) => {
    if (ended || depth > 0) return;
    if (c === "(" && !text.endsWith("operator")) ended = text !== "";
    else if (!"<>(){}".includes(c) || /operator[<>=\-()*]*$/.test(text)) text += c;
  });
  const operator = text.indexOf("operator ");
  const space = operator >= 0 ? text.lastIndexOf(" ", operator - 1) : text.trimEnd().lastIndexOf(" ");
  text = text.slice(space + 1).trim();
  const parts = text.split("::").filter((part) => part !== "");
  return parts.length > 0 ? parts : [name];
}

// What a frame's color stands for: the outermost namespace, else the module without its version.
function packageOf(name, module) {
  if (/^\[.*\]$/.test(name)) return name;
  const parts = nameParts(name);
  if (parts.length > 1) return parts[0];
  return baseName(module).replace(/\.so(\.[0-9.]+)?$/, "") || "unknown";
}

// Ever shorter ways to write a name; the last is the function alone.
function shorterNames(name) {
  const parts = nameParts(name);
  const forms = [name, parts.join("::")];
  for (let i = Math.max(1, parts.length - 2); i < parts.length; i++) {
    forms.push(parts.slice(i).join("::"));
  }
  return forms.filter((form, i) => i === 0 || form.length < forms[i - 1].length);
}
