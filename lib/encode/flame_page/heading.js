// SPDX-License-Identifier: Apache-2.0
// What the page says about its profiles: the lines under the title, and the About box.

function showHeading(tree) {
  $("title").textContent = tree.title;
  $("help-diff").hidden = !tree.isDiff;
  $("main").classList.toggle("is-diff", tree.isDiff);
  $("facts").replaceChildren();
  $("about-text").replaceChildren();
  tree.profiles.forEach((profile, i) => {
    const line = element("div");
    const side = tree.isDiff ? ["Before", "After"][i] : "";
    if (side) line.append(element("span", "side", side));
    for (const [what, text, className] of profileFacts(tree, i)) {
      const pair = element("span", className || "");
      pair.append(element("i", "", what), element("b", "", text));
      line.append(pair);
    }
    $("facts").append(line);
    describeProfile(tree, side, i);
  });
}

function describeProfile(tree, side, index) {
  const profile = tree.profiles[index];
  const about = $("about-text");
  if (side) about.append(element("h3", "", side));
  const list = element("dl", "keys");
  const [type, unit] = profile.periodType;
  const lines = [...profileFacts(tree, index).filter(([what]) => what !== "Drops")];
  if (profile.traces > 0 && profile.spans > 0) lines.push(["Spans", profile.spans.toLocaleString("en")]);
  if (profile.timeMs > 0) lines.push(["Begin, UTC", new Date(profile.timeMs).toISOString()]);
  if (profile.period > 0) lines.push(["Period", formatValue(profile.period, type, unit)]);
  for (const comment of profile.comments) lines.push(["Comment", comment]);
  for (const [what, text] of lines) list.append(element("dt", "", what), element("dd", "", text));
  about.append(list);
}
