// @ts-check
// Outlines the chosen token's row and column in every heatmap on the page, without asking Python.
//
// A heatmap says through its trace's `meta` which token positions its rows and columns are:
//   { matrix, row_start, row_count, column_start, column_count }   (start null: that axis is not tokens)

import { allFigures, axesOf, outlineColours, placeOutlines, span, watchFigures } from "./figures.js";

const highlight = { position: null, colours: { token: "black", cell: "black", halo: "white" }, owner: null, figures: null };

/** Outline this position from now on, in the colours of the theme that `style` (computed) carries. */
export function highlightToken(position, style) {
  highlight.position = position;
  highlight.colours = outlineColours(style);
  allFigures().forEach(outlineToken);
}

/** Watch the page for figures that appear later. */
export function startHighlighting(owner) {
  highlight.owner = owner;
  highlight.figures ||= watchFigures(outlineToken);
}

/** Stop watching and take all outlines away, unless another ribbon has taken over. */
export function stopHighlighting(owner) {
  if (highlight.owner !== owner) return;
  highlight.figures?.stop();
  highlight.figures = highlight.owner = highlight.position = null;
  allFigures().forEach(outlineToken);
}

function outlineToken(figure) {
  const boxes = (figure.calcdata || []).flatMap((cells) => tokenBoxes(figure, cells && cells[0]));
  const { token, halo } = highlight.colours;
  placeOutlines(figure, "token-outline", boxes, () => ({ line: token, halo, width: 2, style: "solid", over: 2 }));
}

/** The rectangles, in pixels of the figure, around the chosen token's row and column of one heatmap. */
function tokenBoxes(figure, cells) {
  const trace = cells && cells.trace;
  const meta = trace && trace.meta;
  if (!meta || trace.type !== "heatmap" || trace.visible !== true || !cells.z) return [];
  const axes = axesOf(figure, trace);
  if (!axes) return [];
  const first = Number(trace.y0) || 0; // rows from the cache are a heatmap of their own, above this step's
  const rows = cells.z.length;
  const columns = rows ? cells.z[0].length : 0;
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
