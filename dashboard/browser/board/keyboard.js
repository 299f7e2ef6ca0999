// @ts-check
// From cell to cell with the keyboard: arrows walk, Enter does what a click does, and each cell is told.

import { element } from "../element.js";
import { pickCell } from "./choosing.js";
import { matricesIn, span } from "./figures.js";
import { placeOutlines } from "./outlines.js";
import { cellInWords, tellFigure } from "./cell_words.js";

const KEYS = "Arrow keys go from cell to cell, Page Up and Page Down from matrix to matrix, Enter chooses a cell, " +
  "F fills the window, S saves the picture.";

/**
 * What takes the focus, and what tells the cell, for a figure. keys: { key: what else a key does } by its name.
 * Returns { parts: elements to put beside the figure, draw(): call it when the figure is drawn }.
 */
export function newWalker(figure, plotly, keys) {
  const walker = { figure, plotly, keys, matrix: 0, cell: [0, 0], isTold: false };
  walker.stop = element("div", "board-walker");
  walker.said = element("div", "board-said");
  walker.stop.setAttribute("role", "application");
  walker.said.setAttribute("aria-live", "polite");
  walker.stop.addEventListener("keydown", (event) => onKey(walker, event));
  walker.stop.addEventListener("focus", () => walker.stop.matches(":focus-visible") && tell(walker));
  walker.stop.addEventListener("blur", () => forget(walker));
  return { parts: [walker.stop, walker.said], draw: () => draw(walker) };
}

function draw(walker) {
  const matrices = matricesIn(walker.figure);
  const names = matrices.map(({ meta }) => meta.label ?? "").filter(Boolean).join(", ");
  walker.stop.tabIndex = matrices.length ? 0 : -1;
  walker.stop.hidden = !matrices.length;
  walker.stop.setAttribute("aria-label", `Cells${names && ` of ${names}`}. ${KEYS}`);
  if (walker.isTold) say(walker, matrices); // another step, say, has another number there
}

function onKey(walker, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const matrices = matricesIn(walker.figure);
  if (!matrices.length) return;
  const act = walker.keys[event.key.toLowerCase()] ?? (event.key in MOVES || ["Enter", " "].includes(event.key) ?
    () => walkOrPick(walker, matrices, event.key) : null);
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

function walkOrPick(walker, matrices, key) {
  clamp(walker, matrices);
  if (!(key in MOVES)) return pickCell(matrices[walker.matrix], walker.cell);
  MOVES[key](walker, matrices);
  tell(walker);
}

/** Past its edge at the left or the right one comes to the matrix beside. */
const MOVES = {
  ArrowUp: (walker) => (walker.cell[0] -= 1),
  ArrowDown: (walker) => (walker.cell[0] += 1),
  ArrowLeft: (walker, matrices) => {
    if (--walker.cell[1] < 0 && walker.matrix > 0) walker.cell[1] = matrices[--walker.matrix].size[1] - 1;
  },
  ArrowRight: (walker, matrices) => {
    const isPast = ++walker.cell[1] >= matrices[walker.matrix].size[1];
    if (isPast && walker.matrix < matrices.length - 1) [walker.matrix, walker.cell[1]] = [walker.matrix + 1, 0];
  },
  Home: (walker) => (walker.cell[1] = 0),
  End: (walker, matrices) => (walker.cell[1] = matrices[walker.matrix].size[1] - 1),
  PageUp: (walker) => [walker.matrix, walker.cell] = [walker.matrix - 1, [0, 0]],
  PageDown: (walker) => [walker.matrix, walker.cell] = [walker.matrix + 1, [0, 0]],
};

function clamp(walker, matrices) {
  const inside = (number, count) => Math.min(Math.max(number, 0), count - 1);
  walker.matrix = inside(walker.matrix, matrices.length);
  walker.cell = walker.cell.map((number, axis) => inside(number, matrices[walker.matrix].size[axis]));
}

/** Say the cell and bring it into view. */
function tell(walker) {
  const matrices = matricesIn(walker.figure);
  if (!matrices.length) return;
  walker.isTold = true;
  say(walker, matrices);
  walker.figure.querySelector(".cursor-outline")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function say(walker, matrices) {
  if (!matrices.length) return;
  point(walker, matrices);
  const matrix = matrices[walker.matrix];
  const words = [matrix.meta.label, cellInWords(matrix, ...walker.cell)].filter(Boolean).join(": ");
  if (walker.said.textContent !== words) walker.said.textContent = words;
}

/** Outline the cell, and show its hover label. */
function point(walker, matrices) {
  clamp(walker, matrices);
  const { axes, place } = matrices[walker.matrix];
  const [row, column] = walker.cell;
  const box = { kind: "cursor", x: span(axes.x, column, column + 1), y: span(axes.y, row, row + 1) };
  placeOutlines(walker.figure, "cursor-outline", [box]);
  tellFigure(walker.figure);
  walker.plotly.Fx.hover(walker.figure, { xval: column, yval: row }, place.replace(" ", ""));
}

function forget(walker) {
  walker.isTold = false;
  placeOutlines(walker.figure, "cursor-outline", []);
  walker.plotly.Fx.unhover(walker.figure);
}
