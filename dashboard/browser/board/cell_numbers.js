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
  const groups = written.map((trace) => numbersOf(trace, axesOf(figure, trace))).filter(Boolean);
  picture?.querySelectorAll(":scope > .cell-numbers").forEach((old) => old.remove());
  picture?.append(...groups);
}

function numbersOf(trace, axes) {
  if (!axes) return null;
  const group = svgElement("g", { class: "cell-numbers", "font-size": trace.meta.numbers.size, "aria-hidden": "true" });
  const first = Number(trace.y0) || 0;
  trace.meta.numbers.texts.forEach((row, index) => {
    const y = axes.y._offset + axes.y.c2p(first + index);
    row.forEach((text, column) => {
      if (text) group.append(svgElement("text", { x: axes.x._offset + axes.x.c2p(column), y }, text));
    });
  });
  return group;
}
