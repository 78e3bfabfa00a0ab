// SPDX-License-Identifier: Apache-2.0
// What a demangled C++ name consists of, and shorter ways to write it.

const OPERATOR = /^operator\s*(\(\)|<=>|<<=?|>>=?|->\*?|<=?|>=?)/;

function baseName(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

// Calls visit(char, depth, index, isSign) for each char; depth = nesting in <>, () and {}. The
// brackets in operator<, operator-> and the like nest nothing; for them isSign is true.
function scanName(name, visit) {
  let depth = 0;
  for (let i = 0; i < name.length; i++) {
    const begins = name.startsWith("operator", i) && (i === 0 || !/\w/.test(name[i - 1]));
    const operator = begins && OPERATOR.exec(name.slice(i, i + 14));
    if (operator) {
      for (const c of operator[0]) visit(c, depth, i++, true);
      i--;
      continue;
    }
    const c = name[i];
    const opens = c === "<" || c === "(" || c === "{";
    const closes = c === ">" || c === ")" || c === "}";
    if (closes) depth = Math.max(0, depth - 1);
    visit(c, depth, i, false);
    if (opens) depth++;
  }
}

// The parts of a C++ name without template arguments, parameters and return type.
// "void a::b<int>::c(int)::{lambda()#1}::operator()() const" gives a, b, c, λ, operator().
function nameParts(name) {
  if (/^\[.*\]$/.test(name)) return [name];
  const plain = name.replaceAll("(anonymous namespace)::", "").replace(/^decltype ?\(auto\) /, "")
    .replace(/\{lambda\([^{}]*\)#\d+\}|<lambda\([^<>]*\)>/g, "λ");
  let text = "";
  let ended = false;
  scanName(plain, (c, depth, i, isSign) => {
    if (depth > 0) return;
    if (c === "(" && !isSign) {
      ended = text !== "";
    } else if (ended) {
      // Parameters are the end, unless they are those of a function that others stand in.
      if (c === ")") ended = !/^( const)?( ?&{1,2})?(\[abi:\w+\])?::/.test(plain.slice(i + 1));
    } else if (isSign || !"<>(){}".includes(c)) {
      text += c;
    }
  });
  const operator = text.indexOf("operator ");
  const space = operator >= 0 ? text.lastIndexOf(" ", operator - 1) : text.trimEnd().lastIndexOf(" ");
  const parts = text.slice(space + 1).trim().split("::").filter((part) => part !== "");
  return parts.length > 0 ? parts : [name];
}

// What a frame's color stands for: the outermost namespace, else the module without its version.
function packageOf(name, module) {
  if (/^\[.*\]$/.test(name)) return name;
  const parts = nameParts(name);
  if (parts.length > 1 && !/^(\S+ )?\(anonymous namespace\)/.test(name)) return parts[0];
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
