// @ts-check
// A region that is dragged over a heatmap, with a mouse or a pen: its rows and columns are asked for. A finger scrolls.

import { cells, cellsBehind } from "./cells.js";
import { button } from "./element.js";
import { placeOutlines, span, watchFigures } from "./figures.js";
import { cellAt, hasMoved, inFigure, isPlain, pictureUnder } from "./pointing.js";
import { blockOf, motion } from "./reveal.js";

export const drag = { ask: null, going: null, figures: null, timer: null, back: null, stop: null };

/** Call ask({ matrix, head, rows: [first, last], columns: [first, last] }) for each region that is dragged. */
export function watchDrags(ask) {
  drag.ask = ask;
  if (drag.stop) return;
  const heard = { pointerdown: beginDrag, pointermove: goOnDragging, pointerup: endDrag, pointercancel: forgetDrag, wheel: stopWaiting,
                  keydown: (event) => event.key === "Escape" && forgetDrag(),
                  selectstart: (event) => drag.going && event.preventDefault() };
  for (const [name, hear] of Object.entries(heard)) document.addEventListener(name, hear, true);
  drag.stop = () => {
    forgetDrag();
    stopWaiting();
    drag.back?.end();
    for (const [name, hear] of Object.entries(heard)) document.removeEventListener(name, hear, true);
    drag.stop = null;
  };
}

function beginDrag(event) {
  forgetDrag();
  if (event.pointerType === "touch" || !isPlain(event)) return;
  const found = pictureUnder(event);
  if (found && isWhole(found.meta.origin)) drag.going = { ...found, began: event, from: found.place, moved: false };
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
  const { cell, halo } = cells.colours ?? { cell: "black", halo: "white" };
  placeOutlines(going.figure, "drag-outline", [box], () => ({ line: cell, halo, width: 2, style: "solid", over: 5 }));
}

function endDrag(event) {
  const { going } = drag;
  forgetDrag();
  if (!going?.moved || !hasMoved(going.began, event) || !going.figure.isConnected) return; // back again: never mind
  const [rows, columns] = dragged(going, inFigure(going.figure, event));
  const [first, last] = [0, 1].map((end) => cellsBehind(going.meta, rows[end], columns[end]));
  stopWaiting();
  drag.timer = setTimeout(stopWaiting, 10_000);
  drag.figures = watchFigures((figure) => revealExact(figure, going.figure));
  drag.ask?.({ matrix: first.matrix, head: first.head, rows: [first.rows[0], last.rows.at(-1)],
               columns: [first.columns[0], last.columns.at(-1)] });
}

function forgetDrag() {
  if (drag.going) {
    placeOutlines(drag.going.figure, "drag-outline", [], null);
    showLabels(drag.going.figure, true);
  }
  drag.going = null;
}

/** What is told of the cell pointed at; it would lie on the region. */
function showLabels(figure, seen) {
  const layer = figure.querySelector(".hoverlayer");
  if (layer) layer.style.visibility = seen ? "" : "hidden";
}

/** The cells of the picture from where the drag began to this place: first and last row, first and last column. */
function dragged({ axes, size, from }, to) {
  return [["y", size[0]], ["x", size[1]]].map(([name, count]) =>
    [from[name], to[name]].map((pixel) => cellAt(axes[name], pixel, count)).sort((a, b) => a - b));
}

/** True for a picture whose rows and columns are neighbours in its matrix as they are on screen. */
function isWhole(origin) {
  return !origin.matrices && !Array.isArray(origin.rows) && !Array.isArray(origin.columns);
}

function stopWaiting() {
  clearTimeout(drag.timer);
  drag.figures?.stop();
  drag.figures = null;
}

/** Once the exact cells are drawn, scroll to them. Called for each figure that is drawn. */
function revealExact(figure, from) {
  if (!figure.closest(".st-key-chart-exact")) return;
  const place = figure.closest(".st-key-depth") ?? figure;
  const { top, bottom } = place.getBoundingClientRect();
  if (top >= 70 && bottom <= window.innerHeight) return;
  stopWaiting();
  place.style.scrollMargin = "70px";
  place.scrollIntoView({ block: "start", inline: "nearest", behavior: motion() });
  drag.back?.offer(blockOf(from));
}

/** A button that leads back to where a region was dragged; gone once that is seen again. above(): pixels below it. */
export function wayBack(above) {
  let place = null;
  let left = false;
  const watch = new IntersectionObserver(([{ intersectionRatio, intersectionRect, rootBounds }]) => {
    const seen = intersectionRatio > 0.5 || intersectionRect.height > 0.5 * (rootBounds?.height ?? Infinity);
    if (!place.isConnected || (seen && left)) end();
    left ||= !seen;
  }, { threshold: [0, 0.25, 0.5, 0.75, 1] });
  const end = () => {
    watch.disconnect();
    made.hidden = true;
  };
  const made = button("return", "‹ Back to the matrix", () => {
    place.scrollIntoView({ block: "center", inline: "nearest", behavior: motion() });
    end();
  });
  made.hidden = true;
  made.offer = (block) => {
    end();
    [place, left] = [block, false];
    made.style.bottom = `${above() + 18}px`;
    made.hidden = false;
    watch.observe(place);
  };
  made.end = end;
  return made;
}
