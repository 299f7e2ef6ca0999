// @ts-check
// Which cell of which matrix was clicked, and outlines around the explained cell and those that it was made from.
//
// A heatmap says through its trace's `meta` which cells of its matrix it shows:
//   { matrix, tile: [rows, columns],            how many of the matrix's cells each of its own stands for
//     origin: { size, head, rows, columns,      rows and columns: the first one's number, or a list of all
//               turned,                         true: the heatmap's rows are the matrix's columns
//               matrix, tile, matrices } }      matrices: each row is of another one, at its row `rows`
// What is hidden by a mask is a second heatmap on the same axes, without a meta.

import { allFigures, axesOf, outlineColours, placeOutlines, seenOutlines, span, watchFigures } from "./figures.js";
import { watchClicks } from "./pointing.js";
import { blockOf, bringAbove, bringAcross, freeAbove } from "./reveal.js";
/** @import { CellMark } from "./messages" */
/** @import { Figure } from "./plotly" */

export const cells = { marks: [], colours: null, owner: null, figures: null, pick: null, deafen: null, reveal: 0 };

/** Call pick({ matrix, head, rows, columns }) for each click on a cell, whatever is drawn later too. */
export function watchCells(owner, pick) {
  cells.owner = owner;
  cells.pick = pick;
  cells.figures ||= watchFigures(outlineCells);
  cells.deafen ||= watchClicks(pickCell);
}

export function stopCells(owner) {
  if (cells.owner !== owner) return;
  cells.figures?.stop();
  cells.deafen?.();
  Object.assign(cells, { marks: [], figures: null, owner: null, pick: null, deafen: null });
  allFigures().forEach(outlineCells);
}

/**
 * Outline these cells; bring the explained one into view where it is covered, now or when its figure comes.
 * @param {CellMark[]} marks
 * @param {CSSStyleDeclaration} style
 * @param {boolean} reveal
 */
export function markCells(marks, style, reveal) {
  cells.marks = marks;
  cells.colours = outlineColours(style);
  const until = !marks.length ? 0 : reveal ? Date.now() + 10_000 : cells.reveal;
  cells.reveal = 0; // not before all figures are outlined: in some there are still outlines of the cell before
  allFigures().forEach(outlineCells);
  cells.reveal = until;
  revealCell();
}

// ---- a click ----

function pickCell({ meta, cell }) {
  cells.pick?.(cellsBehind(meta, ...cell));
}

export function cellsBehind(meta, row, column) {
  const { origin } = meta;
  const tile = origin.tile ?? meta.tile ?? [1, 1];
  let rows = numbersBehind(origin.rows ?? 0, tile[0], origin.size[0], row);
  let columns = numbersBehind(origin.columns ?? 0, tile[1], origin.size[1], column);
  if (origin.matrices) rows = [origin.rows ?? 0];
  if (origin.turned) [rows, columns] = [columns, rows];
  const matrix = origin.matrices?.[row * tile[0]] ?? origin.matrix ?? meta.matrix;
  return { matrix, head: origin.head ?? null, rows, columns };
}

function numbersBehind(numbers, each, size, index) {
  const places = Array.from({ length: Math.min(each, size - index * each) }, (_, i) => index * each + i);
  return places.map((place) => (Array.isArray(numbers) ? numbers[place] : numbers + place));
}

// ---- outlines ----

function outlineCells(figure) {
  const boxes = cells.marks.length ? cellBoxes(figure, cells.marks) : [];
  const { cell, halo } = cells.colours ?? { cell: "black", halo: "white" };
  figure.toggleAttribute("data-cells", (figure.data || []).some((trace) => trace.meta?.origin));
  placeOutlines(figure, "cell-outline", boxes, ({ kind }) => kind === "cell"
    ? { line: cell, halo, width: 3, style: "solid", over: 4 }
    : { line: cell, halo, width: 2, style: "dashed", over: 3 });
  if (boxes.some(({ kind }) => kind === "cell")) revealCell();
}

/**
 * The rectangles, in pixels of the figure, around what these marks mark in it.
 * @param {Figure} figure
 * @param {CellMark[]} marks
 */
export function cellBoxes(figure, marks) {
  const seen = new Set();
  return (figure._fullData || []).flatMap((trace) => {
    const place = `${trace.xaxis} ${trace.yaxis}`;
    const axes = trace.meta?.origin && trace.visible === true && !seen.has(place) && axesOf(figure, trace);
    if (!axes) return [];
    seen.add(place);
    return marks.flatMap((mark) => runsIn(trace.meta, mark).map(({ rows, columns }) =>
      ({ kind: mark.kind, label: mark.label, x: wide(span(axes.x, ...columns)), y: wide(span(axes.y, ...rows)) })));
  });
}

/**
 * A cell of few pixels must still be found.
 * @param {number[]} edges
 */
function wide([from, to], least = 7) {
  const more = Math.max(0, least - (to - from)) / 2;
  return [from - more, to + more];
}

/**
 * The rows and columns of a picture that a mark is about, as runs from first to last.
 * @param {any} meta
 * @param {CellMark} mark
 */
export function runsIn(meta, mark) {
  const { origin } = meta;
  const tile = origin.tile ?? meta.tile ?? [1, 1];
  const head = origin.head ?? null;
  if (head !== null && mark.head && !(mark.head[0] <= head && head < mark.head[1])) return [];
  let [down, across] = origin.turned ? [mark.columns, mark.rows] : [mark.rows, mark.columns];
  let numbers = origin.rows ?? 0;
  if (origin.matrices) {
    const door = origin.matrices.indexOf(mark.matrix);
    if (door < 0 || !(down[0] <= numbers && numbers < down[1])) return [];
    [numbers, down] = [0, [door, door + 1]];
  } else if ((origin.matrix ?? meta.matrix) !== mark.matrix) {
    return [];
  }
  const rows = runs(numbers, tile[0], origin.size[0], down);
  const columns = runs(origin.columns ?? 0, tile[1], origin.size[1], across);
  return rows.flatMap((one) => columns.map((other) => ({ rows: one, columns: other })));
}

function runs(numbers, each, size, [from, to]) {
  if (!Array.isArray(numbers)) {
    const [first, last] = [Math.max(from - numbers, 0), Math.min(to - numbers, size)];
    return first < last ? [[Math.floor(first / each), Math.ceil(last / each)]] : [];
  }
  const found = [];
  numbers.forEach((number, place) => {
    if (number < from || number >= to) return;
    const cell = Math.floor(place / each);
    const latest = found[found.length - 1];
    if (latest && cell <= latest[1]) latest[1] = cell + 1;
    else found.push([cell, cell + 1]);
  });
  return found;
}

/** Scroll to the outline of the explained cell that is nearest, unless it is seen above the panel as it is. */
function revealCell() {
  if (Date.now() > cells.reveal || !cells.owner) return;
  const outlines = seenOutlines(".cell-outline[data-kind=cell]");
  if (!outlines.length) return;
  cells.reveal = 0;
  const covered = cells.owner.coveredBelow();
  const hidden = (outline) => {
    const { top, bottom } = outline.getBoundingClientRect();
    return Math.max(freeAbove() - top, bottom - (window.innerHeight - covered), 0);
  };
  const [nearest] = outlines.sort((a, b) => hidden(a) - hidden(b));
  const place = { block: blockOf(nearest), mark: nearest };
  if (hidden(nearest)) bringAbove(place, covered);
  bringAcross(place);
}
