// @ts-check
// What the tour points at in figures: cells outlined, cells covered until they are guessed, and the drawn token's bars.

import { cellBoxes } from "./cells.js";
import { axesOf, span } from "./figures.js";
import { placeOutlines } from "./outlines.js";

/** Mark a figure. pointed: whether the figure as a whole is pointed at. */
export function markStop(figure, { marks, covered }, pointed) {
  const boxes = [...(marks.length ? cellBoxes(figure, marks) : []), ...(pointed ? barBoxes(figure) : [])];
  placeOutlines(figure, "tour-outline", boxes);
  placeOutlines(figure, "tour-cover", covered.length ? cellBoxes(figure, covered) : []);
  for (const cover of figure.querySelectorAll(".tour-cover")) cover.textContent = "?";
}

/** Around the drawn token's bars, where a figure of bars names their row in its traces' `meta`. */
function barBoxes(figure) {
  const trace = figure._fullData?.find(({ meta }) => meta?.drawn !== undefined);
  const axes = trace && axesOf(figure, trace);
  if (!axes) return [];
  const [top, bottom] = span(axes.y, trace.meta.drawn, trace.meta.drawn + 1);
  return [{ kind: "cell", x: [3, figure._fullLayout.width - 3], y: [top + 2, bottom - 2] }]; // the rows lie close
}
