// @ts-check
// Writes the numbers of small matrices into their cells.
//
// A heatmap says them through its trace's `meta`: numbers: { texts: a row of texts for each row of cells, size: pixels }.
// They lie in the figure's own picture, so that its hover labels cover them; their looks are in style.css.

import { svgElement } from "./element.js";
import { axesOf, watchFigures } from "./figures.js";

const cellNumbers = { figures: null };

export function startWriting() {
  cellNumbers.figures ||= watchFigures(writeNumbers);
}

export function stopWriting() {
  cellNumbers.figures?.stop();
  cellNumbers.figures = null;
}

function writeNumbers(figure) {
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
      if (!text) return;
      group.append(svgElement("text", { x: axes.x._offset + axes.x.c2p(column), y }, text));
    });
  });
  return group;
}
