// @ts-check
// The chosen token's row and column, outlined in every matrix of the page.

import { axesOf, span, watchFigures } from "./figures.js";
import { placeOutlines } from "./outlines.js";

const highlight = { position: null, owner: null, figures: null };

/** Outline this position in all figures from now on. owner: whoever chooses; the latest one does. */
export function highlightToken(owner, position) {
  Object.assign(highlight, { owner, position });
  if (highlight.figures) highlight.figures.draw();
  else highlight.figures = watchFigures(outlineToken);
}

/** Take all outlines away, unless another owner has taken over. */
export function stopHighlighting(owner) {
  if (highlight.owner !== owner) return;
  Object.assign(highlight, { owner: null, position: null });
  highlight.figures.draw();
  highlight.figures.stop();
  highlight.figures = null;
}

function outlineToken(figure) {
  placeOutlines(figure, "token-outline", (figure._fullData ?? []).flatMap((trace) => tokenBoxes(figure, trace)));
}

/** The rectangles, in pixels of the figure, around the chosen token's row and column of one heatmap. */
function tokenBoxes(figure, trace) {
  const { meta } = trace;
  const axes = meta && trace.type === "heatmap" && trace.visible === true && trace.z && axesOf(figure, trace);
  if (!axes) return [];
  const first = Number(trace.y0) || 0; // rows from the cache are a heatmap of their own, above this step's
  const rows = trace.z.length;
  const columns = rows ? trace.z[0].length : 0;
  const row = indexOf(highlight.position, meta.row_start, meta.row_count ?? rows);
  const column = indexOf(highlight.position, meta.column_start, meta.column_count ?? columns);
  const boxes = [];
  if (row !== null && row < rows) {
    boxes.push({ kind: "row", x: span(axes.x, 0, columns), y: span(axes.y, first + row, first + row + 1) });
  }
  if (column !== null && column < columns) {
    boxes.push({ kind: "column", x: span(axes.x, column, column + 1), y: span(axes.y, first, first + rows) });
  }
  return boxes.filter((box) => box.x[1] - box.x[0] > 0.5 && box.y[1] - box.y[0] > 0.5);
}

function indexOf(position, start, count) {
  if (position === null || start === null || start === undefined) return null;
  const index = position - start;
  return index >= 0 && index < count ? index : null;
}
