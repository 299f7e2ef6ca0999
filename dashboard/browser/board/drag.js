// @ts-check
// A region that is dragged over a matrix, with a mouse or a pen: its rows and columns are asked for. A finger scrolls.

import { cellsBehind } from "./cells.js";
import { inFigure, span } from "./figures.js";
import { placeOutlines } from "./outlines.js";
import { cellAt, hasMoved, isPlain, matrixUnder } from "./pointing.js";

const drag = { ask: null, going: null, stop: null };

/** Call ask({ matrix, head, rows: [first, last], columns: [first, last] }, figure) for each region that is dragged. */
export function watchDrags(ask) {
  drag.ask = ask;
  if (drag.stop) return;
  const heard = { pointerdown: beginDrag, pointermove: goOnDragging, pointerup: endDrag, pointercancel: forgetDrag,
                  keydown: (event) => event.key === "Escape" && forgetDrag(),
                  selectstart: (event) => drag.going && event.preventDefault() };
  for (const [name, hear] of Object.entries(heard)) document.addEventListener(name, hear, true);
  drag.stop = () => {
    forgetDrag();
    for (const [name, hear] of Object.entries(heard)) document.removeEventListener(name, hear, true);
    drag.stop = null;
  };
}

export function stopDrags() {
  drag.stop?.();
}

function beginDrag(event) {
  forgetDrag();
  if (event.pointerType === "touch" || !isPlain(event)) return;
  const found = matrixUnder(event);
  if (found && isWhole(found.meta.origin)) drag.going = { ...found, began: event, moved: false };
}

function goOnDragging(event) {
  const { going } = drag;
  if (!going) return;
  if (!(event.buttons & 1)) return forgetDrag(); // let go where no one heard it
  going.moved ||= hasMoved(going.began, event);
  if (!going.moved) return;
  showLabels(going.figure, false);
  const [rows, columns] = dragged(going, inFigure(going.figure, event));
  const box = { kind: "drag", x: span(going.axes.x, columns[0], columns[1] + 1),
                y: span(going.axes.y, rows[0], rows[1] + 1) };
  placeOutlines(going.figure, "drag-outline", [box]);
}

function endDrag(event) {
  const { going } = drag;
  forgetDrag();
  if (!going?.moved || !hasMoved(going.began, event) || !going.figure.isConnected) return; // back again: never mind
  const [rows, columns] = dragged(going, inFigure(going.figure, event));
  const [first, last] = [0, 1].map((end) => cellsBehind(going.meta, rows[end], columns[end]));
  drag.ask?.({ matrix: first.matrix, head: first.head, rows: [first.rows[0], last.rows.at(-1)],
               columns: [first.columns[0], last.columns.at(-1)] }, going.figure);
}

function forgetDrag() {
  if (drag.going) {
    placeOutlines(drag.going.figure, "drag-outline", []);
    showLabels(drag.going.figure, true);
  }
  drag.going = null;
}

/** What is told of the cell pointed at; it would lie on the region. */
function showLabels(figure, seen) {
  const layer = figure.querySelector(".hoverlayer");
  if (layer) layer.style.visibility = seen ? "" : "hidden";
}

/** The cells from where the drag began to this place: first and last row, first and last column. */
function dragged({ axes, size, at }, to) {
  return [["y", size[0]], ["x", size[1]]].map(([name, count]) =>
    [at[name], to[name]].map((pixel) => cellAt(axes[name], pixel, count)).sort((a, b) => a - b));
}

/** True for a picture whose rows and columns are neighbours in its matrix as they are on screen. */
function isWhole(origin) {
  return !origin.matrices && !Array.isArray(origin.rows) && !Array.isArray(origin.columns);
}
