// @ts-check
// Which cell of which matrix is under the pointer.
//
// Plotly's own click needs its own hover before it, and a figure that has just been drawn anew has forgotten that.

import { inFigure, matricesIn } from "./figures.js";

const STILL = 5; // pixels: what moves less is a click, what moves more a drag
const TAP = 500; // milliseconds: a finger that stays longer wants something else
const FLING = 150; // milliseconds after a scroll, in which a finger only stops it

/**
 * Call pick(found) for each click or tap on a matrix, with what matrixUnder said when the button went down: while it is
 * held down Plotly covers the page, and the page may move. Returns what ends that.
 */
export function watchClicks(pick) {
  let began = null;
  let scrolled = -Infinity;
  const isTouch = ({ pointerType }) => pointerType === "touch";
  const ears = {
    pointerdown: (event) => {
      const stops = isTouch(event) && event.timeStamp - scrolled < FLING;
      const found = event.isPrimary && isPlain(event) && !stops && matrixUnder(event);
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
 * The matrix under the pointer, as matricesIn has it, and there the place in pixels and the cell (row, column); null
 * where there is none.
 */
export function matrixUnder(event) {
  const figure = event.target.closest?.(".board-figure");
  if (!figure?._fullData) return null;
  const place = inFigure(figure, event);
  const within = (axis, pixel) => pixel >= axis._offset && pixel <= axis._offset + axis._length;
  const found = matricesIn(figure).find(({ axes }) => within(axes.x, place.x) && within(axes.y, place.y));
  if (!found) return null;
  const { axes, size } = found;
  return { ...found, at: place, cell: [cellAt(axes.y, place.y, size[0]), cellAt(axes.x, place.x, size[1])] };
}

export function cellAt(axis, pixel, count) {
  return Math.min(Math.max(Math.round(axis.p2c(pixel - axis._offset)), 0), count - 1);
}
