// @ts-check
// The technical words of a component's own texts, as links to their tips (glossary.js).

import { element } from "./element.js";

const TOKENS = "\u2068[^\u2069]*\u2069"; // what a text quotes of a visitor's or a tokenizer's
const patterns = new Map(); // all forms, joined -> what finds them in a text

/** A text as nodes, each technical word a link where it first stands. forms: the key of each form, in lower case. */
export function glossed(text, forms, seen = new Set()) {
  const pattern = patternOf(Object.keys(forms));
  const nodes = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(pattern)) {
    const key = forms[found.toLowerCase()];
    if (!key || seen.has(key)) continue;
    seen.add(key);
    const link = element("a", "word", found);
    link.href = `#word-${key}`;
    nodes.push(document.createTextNode(text.slice(end, index)), link);
    end = index + found.length;
  }
  return [...nodes, document.createTextNode(text.slice(end))];
}

export function glossedElement(tag, className, text, forms, seen) {
  const made = element(tag, className);
  made.append(...glossed(text, forms, seen));
  return made;
}

function patternOf(forms) {
  const said = forms.join();
  if (!patterns.has(said)) {
    const longestFirst = [...forms].sort((a, b) => b.length - a.length);
    const either = longestFirst.map((form) => form.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
    patterns.set(said, new RegExp(`${TOKENS}|(?<![\\w-])(?:${either})(?![\\w-])`, "gi"));
  }
  return patterns.get(said);
}
