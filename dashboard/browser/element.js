// @ts-check
// The elements that the components are made of. A text is never read as markup.

/** An element with a class and a text. */
export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function button(className, text, onClick) {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

/** A symbol or formula with its small letters set low: W_q. */
export function formula(tag, className, text) {
  const made = element(tag, className);
  made.append(...text.split(/_(\w+)/).map((part, i) => (i % 2 ? element("sub", "", part) : document.createTextNode(part))));
  return made;
}

/** An element of an SVG picture. */
export function svgElement(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
