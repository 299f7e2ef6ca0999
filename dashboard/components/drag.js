// A region that is dragged over a heatmap, with a mouse or a pen: its rows and columns are asked for. A finger scrolls.
// Needs figures.js, cells.js.

const drag = { ask: null, going: null, done: false, figures: null, timer: null, stop: null };
const LEAST = 5; // pixels: what moves less is a click

/** Call ask({ matrix, head, rows: [first, last], columns: [first, last] }) for each region that is dragged. */
function watchDrags(ask) {
  drag.ask = ask;
  if (drag.stop) return;
  const heard = { pointerdown: beginDrag, pointermove: goOnDragging, pointerup: endDrag, pointercancel: forgetDrag, wheel: stopWaiting,
                  keydown: (event) => event.key === "Escape" && forgetDrag(),
                  selectstart: (event) => drag.going && event.preventDefault() };
  for (const [name, hear] of Object.entries(heard)) document.addEventListener(name, hear, true);
  drag.stop = () => {
    forgetDrag();
    stopWaiting();
    for (const [name, hear] of Object.entries(heard)) document.removeEventListener(name, hear, true);
    drag.stop = null;
  };
}

function beginDrag(event) {
  forgetDrag();
  drag.done = false;
  if (event.pointerType === "touch" || event.button !== 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const figure = event.target.closest?.(".js-plotly-plot");
  const found = figure && pictureAt(figure, inFigure(figure, event));
  if (found) drag.going = { figure, ...found, x: event.clientX, y: event.clientY, from: inFigure(figure, event), moved: false };
}

function goOnDragging(event) {
  const { going } = drag;
  if (!going) return;
  if (!(event.buttons & 1)) return forgetDrag(); // let go where no one heard it
  going.moved ||= Math.hypot(event.clientX - going.x, event.clientY - going.y) >= LEAST;
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
  if (!going?.moved || !going.figure.isConnected) return;
  drag.done = true; // the click that may follow is none
  const [rows, columns] = dragged(going, inFigure(going.figure, event));
  const [first, last] = [0, 1].map((end) => cellsBehind(going.meta, rows[end], columns[end]));
  stopWaiting();
  drag.timer = setTimeout(stopWaiting, 10_000);
  drag.figures = watchFigures(revealExact);
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

function cellAt(axis, pixel, count) {
  return Math.min(Math.max(Math.round(axis.p2c(pixel - axis._offset)), 0), count - 1);
}

/** Where an event is, in pixels of the figure, which may be shown larger than it was drawn. */
function inFigure(figure, event) {
  const paper = figure.querySelector(".svg-container");
  const { left, top, width } = paper.getBoundingClientRect();
  const scale = width / paper.offsetWidth || 1;
  return { x: (event.clientX - left) / scale, y: (event.clientY - top) / scale };
}

/** The picture at this place, whose rows and columns are neighbours in its matrix as they are on screen. */
function pictureAt(figure, { x, y }) {
  for (const trace of figure._fullData || []) {
    const { meta } = trace;
    const axes = isWhole(meta?.origin) && axesOf(figure, trace);
    const within = (axis, pixel) => pixel >= axis._offset && pixel <= axis._offset + axis._length;
    if (!axes || !within(axes.x, x) || !within(axes.y, y)) continue;
    const tile = meta.origin.tile ?? meta.tile ?? [1, 1];
    return { meta, axes, size: meta.origin.size.map((count, i) => Math.ceil(count / tile[i])) };
  }
  return null;
}

function isWhole(origin) {
  return Boolean(origin) && !origin.matrices && !Array.isArray(origin.rows) && !Array.isArray(origin.columns);
}

function stopWaiting() {
  clearTimeout(drag.timer);
  drag.figures?.stop();
  drag.figures = null;
}

/** Once the exact cells are drawn, scroll to them. Called for each figure that is drawn. */
function revealExact(figure) {
  if (!figure.closest(".st-key-chart-exact")) return;
  const place = figure.closest(".st-key-depth") ?? figure;
  const { top, bottom } = place.getBoundingClientRect();
  if (top >= 70 && bottom <= window.innerHeight) return;
  stopWaiting();
  place.style.scrollMargin = "70px";
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  place.scrollIntoView({ block: "start", inline: "nearest", behavior: still ? "instant" : "smooth" });
}
