// @ts-check
// The numbers of small matrices, written into their cells.
//
// A heatmap says them through its trace's `meta`: numbers: { texts: a row of texts for each row of cells, size: pixels }.
// They lie in the figure's own picture, so that its hover labels cover them; their looks are in board.css.

import { svgElement } from "../element.js";
import { axesOf } from "./figures.js";

export function writeNumbers(figure) {
  const picture = figure.querySelector(".main-svg");
  const written = (figure._fullData ?? []).filter((trace) => trace.meta?.numbers && trace.visible === true);
  const wanted = written.map((trace) => [trace, axesOf(figure, trace)]).filter(([, axes]) => axes);
  const old = picture ? [...picture.querySelectorAll(":scope > .cell-numbers")] : [];
  if (old.length === wanted.length && wanted.every(([trace, axes], i) => rewritten(old[i], trace, axes))) return;
  old.forEach((group) => group.remove());
  picture?.append(...wanted.map(([trace, axes]) => numbersOf(trace, axes)));
}

/** Write other numbers into the texts that are there: a new text has to be laid out. False where they do not fit. */
function rewritten(group, { meta: { numbers }, y0 }, axes) {
  if (group.dataset.place !== placeOf(numbers, y0, axes)) return false;
  const texts = numbers.texts.flat().filter(Boolean);
  texts.forEach((text, i) => {
    const node = group.children[i].firstChild;
    if (node.data !== text) node.data = text;
  });
  return true;
}

/** Where the numbers stand, and of which size: which cells have one, and two corners say it all. */
function placeOf({ texts, size }, y0, { x, y }) {
  const corners = [x.c2p(0), x.c2p(1), y.c2p(0), y.c2p(1), x._offset, y._offset];
  return JSON.stringify([size, Number(y0) || 0, corners, texts.map((row) => row.map((text) => (text ? 1 : 0)).join(""))]);
}

function numbersOf(trace, axes) {
  const { meta: { numbers }, y0 } = trace;
  const group = svgElement("g", { class: "cell-numbers", "font-size": numbers.size, "aria-hidden": "true",
                                  "data-place": placeOf(numbers, y0, axes) });
  const first = Number(y0) || 0;
  numbers.texts.forEach((row, index) => {
    const y = axes.y._offset + axes.y.c2p(first + index);
    row.forEach((text, column) => {
      if (text) group.append(svgElement("text", { x: axes.x._offset + axes.x.c2p(column), y }, text));
    });
  });
  return group;
}
