// @ts-check
// Which cells of its matrix a picture's cell stands for, and outlines around cells of matrices wherever they are drawn.

import { matricesIn, span, tileOf, watchFigures } from "./figures.js";
import { placeOutlines } from "./outlines.js";
/** @import { CellMark } from "../messages" */
/** @import { Figure } from "../plotly" */

// ---- from a picture's cell to the matrix ----

/** The cells behind one of a picture: { matrix, head, rows, columns }, each of the two a list of numbers. */
export function cellsBehind(meta, row, column) {
  const { origin } = meta;
  const tile = tileOf(meta);
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

// ---- from the matrix to pictures' cells ----

/**
 * Outline cells in every figure from now on.
 *
 * @param {string} className of the outlines
 * @param {(figure: Figure, boxes: any[]) => void} after called when those of a figure are drawn
 * @returns {{ show(marks: CellMark[]): void, stop(): void }}
 */
export function outlineCells(className, after = () => {}) {
  let marks = [];
  const figures = watchFigures((figure) => {
    const boxes = marks.length ? cellBoxes(figure, marks) : [];
    placeOutlines(figure, className, boxes);
    after(figure, boxes);
  });
  const show = (wanted) => {
    marks = wanted;
    figures.draw();
  };
  return {
    show,
    stop: () => {
      show([]);
      figures.stop();
    },
  };
}

/**
 * The rectangles, in pixels of the figure, around what these marks mark in it.
 * @param {Figure} figure
 * @param {CellMark[]} marks
 */
export function cellBoxes(figure, marks) {
  return matricesIn(figure).flatMap(({ meta, axes }) => marks.flatMap((mark) => runsIn(meta, mark)
    .map(({ rows, columns }) => ({ kind: mark.kind, label: mark.label, x: wide(span(axes.x, ...columns)),
                                   y: wide(span(axes.y, ...rows)) }))));
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
  const tile = tileOf(meta);
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
