// Which cell of which picture is under the pointer. Needs figures.js (for `axesOf`).
//
// Plotly's own click needs its own hover before it, and a figure that has just been drawn anew has forgotten that.

const STILL = 5; // pixels: what moves less is a click, what moves more a drag

/**
 * Call heard(event) for each click with the main button, and each tap, wherever it is. Returns what ends that.
 * The event is the one that began it: while a button is held down, Plotly covers the page.
 */
function watchClicks(heard) {
  let began = null;
  const ears = {
    pointerdown: (event) => (began = event.isPrimary && isPlain(event) ? event : null),
    pointerup: (event) => {
      if (began?.pointerId === event.pointerId && !hasMoved(began, event)) heard(began);
      began = null;
    },
    pointercancel: () => (began = null), // a finger that scrolls
  };
  for (const [name, hear] of Object.entries(ears)) document.addEventListener(name, hear, true);
  return () => Object.entries(ears).forEach(([name, hear]) => document.removeEventListener(name, hear, true));
}

function isPlain(event) {
  return event.button === 0 && !event.ctrlKey && !event.metaKey && !event.altKey;
}

function hasMoved(from, to) {
  return Math.hypot(to.clientX - from.clientX, to.clientY - from.clientY) >= STILL;
}

/** The picture under the pointer: its figure, meta, axes, size in cells, and the place there; null where there is none. */
function pictureUnder(event) {
  const figure = event.target.closest?.(".js-plotly-plot");
  if (!figure?._fullData) return null;
  const place = inFigure(figure, event);
  for (const trace of figure._fullData) {
    const { meta } = trace;
    const axes = meta?.origin && axesOf(figure, trace);
    const within = (axis, pixel) => pixel >= axis._offset && pixel <= axis._offset + axis._length;
    if (!axes || !within(axes.x, place.x) || !within(axes.y, place.y)) continue;
    const tile = meta.origin.tile ?? meta.tile ?? [1, 1];
    return { figure, meta, axes, place, size: meta.origin.size.map((count, i) => Math.ceil(count / tile[i])) };
  }
  return null;
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
