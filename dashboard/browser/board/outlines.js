// @ts-check
// Boxes drawn over a figure. Their colours are board.css's, from the page's theme.

const ABOVE_OUTLINES = 6; // they are at most 5 high

/** Draw these boxes, { kind, x: [from, to], y: [from, to], label (or none) }, in place of those of this class. */
export function placeOutlines(figure, className, boxes) {
  const paper = figure.querySelector(".svg-container");
  if (!paper) return;
  const old = [...paper.querySelectorAll(`:scope > .${className}`)];
  boxes.forEach((box, index) => placeOutline(old[index] || paper.appendChild(newOutline(className)), box));
  old.slice(boxes.length).forEach((outline) => outline.remove());
  const told = paper.querySelector(".hoverlayer")?.ownerSVGElement;
  if (told && boxes.length) told.style.zIndex = String(ABOVE_OUTLINES); // what is told of the cell under the pointer
}

/**
 * The outlines of the page that match and can be seen.
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export function seenOutlines(selector) {
  const outlines = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(selector));
  return [...outlines].filter((outline) => outline.offsetParent);
}

function newOutline(className) {
  const outline = document.createElement("div");
  outline.className = `outline ${className}`;
  outline.setAttribute("aria-hidden", "true");
  return outline;
}

function placeOutline(outline, { kind, label, x, y }) {
  outline.dataset.kind = kind;
  if (label) outline.dataset.label = label;
  else delete outline.dataset.label;
  const box = { left: x[0], top: y[0], width: x[1] - x[0], height: y[1] - y[0] };
  for (const [name, pixels] of Object.entries(box)) outline.style.setProperty(`--${name}`, `${pixels}px`);
}
