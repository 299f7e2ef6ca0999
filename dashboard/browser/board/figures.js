// @ts-check
// All figures of the page, whichever board drew them, and where their cells lie.
//
// It leans on Plotly's own notes about a drawn figure: gd._fullData, gd._fullLayout, axis._offset, axis._length, axis.c2p.
//
// A heatmap says through its trace's `meta` which cells of its matrix it shows:
//   { matrix, tile: [rows, columns],            how many of the matrix's cells each of its own stands for
//     row_start, row_count, column_start, column_count,    which token positions (start null: that axis is not tokens)
//     origin: { size, head, rows, columns,      rows and columns: the first one's number, or a list of all
//               turned,                         true: the heatmap's rows are the matrix's columns
//               matrix, tile, matrices } }      matrices: each row is of another one, at its row `rows`
// What is hidden by a mask is a second heatmap on the same axes, without a meta.

const LABELS = 48; // pixels left of a matrix for its row labels, at least
const LETTER = 7.3; // pixels of one letter of them

const figures = new Set();
const watchers = new Set();

export function figureDrawn(figure) {
  figures.add(figure);
  watchers.forEach((draw) => draw(figure));
}

export function figureGone(figure) {
  figures.delete(figure);
}

export function allFigures() {
  return [...figures];
}

/** Call draw(figure) for every figure now, whenever one is drawn again, and for those that come later. */
export function watchFigures(draw) {
  watchers.add(draw);
  figures.forEach(draw);
  return { draw: () => figures.forEach(draw), stop: () => watchers.delete(draw) };
}

// ---- where things are -----------------------------------------------------------------------------------------------

/** The two axes of a trace as Plotly drew them; null where it has not yet. */
export function axesOf(figure, trace) {
  const layout = figure._fullLayout;
  const x = layout?.[axisName(trace.xaxis, "x")];
  const y = layout?.[axisName(trace.yaxis, "y")];
  return x && y && x._offset !== undefined && y._offset !== undefined ? { x, y } : null;
}

function axisName(id, letter) {
  return letter + "axis" + (id || letter).slice(1);
}

/** From pixel to pixel along an axis, for cells first (inside) to last (outside), cut at the axis' ends. */
export function span(axis, first, last) {
  const inside = (pixel) => axis._offset + Math.min(Math.max(pixel, 0), axis._length);
  return [first, last].map((cell) => inside(axis.c2p(cell - 0.5))).sort((a, b) => a - b);
}

/** The matrices in a figure that lead to cells: { figure, meta, axes, size: [rows, columns] as they are drawn }. */
export function matricesIn(figure) {
  const seen = new Set();
  return (figure._fullData ?? []).flatMap((trace) => {
    const { meta } = trace;
    const place = `${trace.xaxis} ${trace.yaxis}`;
    const axes = meta?.origin && trace.visible === true && !seen.has(place) && axesOf(figure, trace);
    if (!axes) return [];
    seen.add(place);
    const tile = tileOf(meta);
    return [{ figure, meta, axes, place, size: meta.origin.size.map((count, i) => Math.ceil(count / tile[i])) }];
  });
}

/**
 * Each matrix from left to right: its left and right edge, in pixels of the figure, the room for its labels, and what it
 * is called.
 */
export function matricesAcross(figure) {
  const layout = figure._fullLayout;
  const places = [];
  for (const trace of figure._fullData || []) {
    const axis = layout && layout["xaxis" + (trace.xaxis || "x").slice(1)];
    if (!axis || axis._offset === undefined || trace.visible !== true) continue;
    const place = { left: Math.round(axis._offset), right: Math.round(axis._offset + axis._length),
                    labels: labelRoom(layout["yaxis" + (trace.yaxis || "y").slice(1)]),
                    label: String(trace.meta?.label ?? "") };
    // Matrices above each other (a cache over this step's rows) are one stop.
    if (!places.some((other) => Math.abs(other.left - place.left) < 8)) places.push(place);
  }
  return places.sort((a, b) => a.left - b.left);
}

/** Pixels left of a matrix for the labels of its rows. */
function labelRoom(axis) {
  const texts = axis?.showticklabels ? axis.ticktext ?? [] : [];
  return Math.round(Math.max(LABELS, 12 + LETTER * Math.max(0, ...Array.from(texts, (text) => text.length))));
}

/** How many rows and columns of the matrix each cell stands for. */
export function tileOf({ origin, tile }) {
  return origin?.tile ?? tile ?? [1, 1];
}

/** Where an event is, in pixels of the figure, which may be shown larger than it was drawn. */
export function inFigure(figure, event) {
  const paper = figure.querySelector(".svg-container");
  const { left, top, width } = paper.getBoundingClientRect();
  const scale = width / paper.offsetWidth || 1;
  return { x: (event.clientX - left) / scale, y: (event.clientY - top) / scale };
}
