// @ts-check
// Which cell of which picture is under the pointer.
//
// Plotly's own click needs its own hover before it, and a figure that has just been drawn anew has forgotten that.

import { axesOf } from "./figures.js";

const STILL = 5; // pixels: what moves less is a click, what moves more a drag
const TAP = 500; // milliseconds: a finger that stays longer wants something else
const FLING = 150; // milliseconds after a scroll, in which a finger only stops it

/**
 * Call pick(found) for each click or tap on a picture, with what pictureUnder said when the button went down: while it
 * is held down Plotly covers the page, and the page may move. Returns what ends that.
 */
export function watchClicks(pick) {
  let began = null;
  let scrolled = -Infinity;
  const isTouch = ({ pointerType }) => pointerType === "touch";
  const ears = {
    pointerdown: (event) => {
      const stops = isTouch(event) && event.timeStamp - scrolled < FLING;
      const found = event.isPrimary && isPlain(event) && !stops && pictureUnder(event);
      began = found ? { event, found } : null;
    },
    pointermove: (event) => began && hasMoved(began.event, event) && (began = null), // also if it comes back
    pointerup: (event) => {
      const { event: down, found } = began ?? {};
      began = null;
      if (down?.pointerId !== event.pointerId || (isTouch(event) && event.timeStamp - down.timeStamp > TAP)) return;
      if (!hasMoved(down, event)) pick(found);
    },
    pointercancel: () => (began = null), // a finger that scrolls
    scroll: (event) => (scrolled = event.timeStamp),
  };
  for (const [name, hear] of Object.entries(ears)) document.addEventListener(name, hear, true);
  return () => Object.entries(ears).forEach(([name, hear]) => document.removeEventListener(name, hear, true));
}

export function isPlain(event) {
  return event.button === 0 && !event.ctrlKey && !event.metaKey && !event.altKey;
}

export function hasMoved(from, to) {
  return Math.hypot(to.clientX - from.clientX, to.clientY - from.clientY) >= STILL;
}

/**
 * The picture under the pointer: its figure, meta, axes, size in cells, and there the place in pixels and the cell (row,
 * column); null where there is none.
 */
export function pictureUnder(event) {
  const figure = event.target.closest?.(".js-plotly-plot");
  if (!figure?._fullData) return null;
  const place = inFigure(figure, event);
  for (const trace of figure._fullData) {
    const { meta } = trace;
    const axes = meta?.origin && axesOf(figure, trace);
    const within = (axis, pixel) => pixel >= axis._offset && pixel <= axis._offset + axis._length;
    if (!axes || !within(axes.x, place.x) || !within(axes.y, place.y)) continue;
    const tile = meta.origin.tile ?? meta.tile ?? [1, 1];
    const size = meta.origin.size.map((count, i) => Math.ceil(count / tile[i]));
    const cell = [cellAt(axes.y, place.y, size[0]), cellAt(axes.x, place.x, size[1])];
    return { figure, meta, axes, size, place, cell };
  }
  return null;
}

export function cellAt(axis, pixel, count) {
  return Math.min(Math.max(Math.round(axis.p2c(pixel - axis._offset)), 0), count - 1);
}

/** Where an event is, in pixels of the figure, which may be shown larger than it was drawn. */
export function inFigure(figure, event) {
  const paper = figure.querySelector(".svg-container");
  const { left, top, width } = paper.getBoundingClientRect();
  const scale = width / paper.offsetWidth || 1;
  return { x: (event.clientX - left) / scale, y: (event.clientY - top) / scale };
}
