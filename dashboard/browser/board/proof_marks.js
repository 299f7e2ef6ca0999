// @ts-check
// The proof's marks: one for each matrix of a figure, below its lower right corner.

import { element } from "../element.js";
import { allFigures, axesOf, watchFigures } from "./figures.js";
/** @import { Mark } from "../messages" */

const LETTER = 6.4; // pixels of one letter of a figure's word

/** Mark matrices by their names from now on. Returns { show(marks), stop }; a mark is [kind, short, sentence]. */
export function markMatrices() {
  let marks = {};
  const figures = watchFigures((figure) => markFigure(figure, marks));
  return {
    show: (wanted) => {
      marks = wanted;
      figures.draw();
    },
    stop: () => {
      figures.stop();
      allFigures().forEach((figure) => markFigure(figure, {}));
    },
  };
}

function markFigure(figure, marks) {
  const paper = figure.querySelector(".svg-container");
  if (!paper) return;
  paper.querySelectorAll(":scope > .proof-mark").forEach((mark) => mark.remove());
  const seen = new Set();
  for (const trace of figure._fullData || []) {
    const mark = trace.type === "heatmap" && trace.meta ? marks[trace.meta.matrix] : undefined;
    const axes = mark && axesOf(figure, trace);
    if (!axes || seen.has(axes.x)) continue;
    seen.add(axes.x);
    paper.append(newMark(mark, axes, LETTER * (trace.meta.word ?? "").length));
  }
}

/**
 * taken: pixels of the word for the columns, on the same line at the left.
 * @param {Mark} mark
 */
function newMark([kind, short, sentence], { x, y }, taken) {
  const room = Math.max(x._length, taken + 14);
  const mark = element("div", "proof-mark", room - taken < 46 ? short.slice(0, 1) : short);
  mark.title = sentence;
  mark.dataset.kind = kind;
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", sentence);
  Object.assign(mark.style, { left: `${x._offset}px`, width: `${room}px`, top: `${y._offset + y._length + 2}px` });
  return mark;
}
