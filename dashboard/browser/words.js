// The technical words of a component's own texts, as links to their tips (glossary.js). Needs choice.js (for `element`).

const TOKENS = "\u2068[^\u2069]*\u2069"; // what a text quotes of a visitor's or a tokenizer's
let pattern = null;

/** A text as nodes, each technical word a link where it first stands. forms: the key of each form, in lower case. */
function glossed(text, forms, seen = new Set()) {
  pattern ??= new RegExp(`${TOKENS}|(?<![\\w-])(?:${Object.keys(forms).sort((a, b) => b.length - a.length)
    .map((form) => form.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})(?![\\w-])`, "gi");
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

function glossedElement(tag, className, text, forms, seen) {
  const made = element(tag, className);
  made.append(...glossed(text, forms, seen));
  return made;
}
