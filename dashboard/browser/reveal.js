// @ts-check
// Bringing a part of a figure into view, above what is docked at the bottom of the page.

import { BLOCKS } from "./board/blocks.js";

const ROOM_BELOW = 40; // pixels of a block that is too high, seen below what is marked in it

/** Pixels that stay free above: on a phone Streamlit's header covers some. */
export function freeAbove() {
  return window.innerWidth > 640 ? 20 : 70;
}

/**
 * Scroll the page, no more than is needed, until a block is seen above what covers the page's bottom, or, where it is
 * too high, what is marked in it. mark: an element in the block, or null.
 */
export function bringAbove({ block, mark }, coveredBelow) {
  const down = distance({ block, mark }, window.innerHeight - coveredBelow - 14);
  if (Math.abs(down) > 2) document.querySelector(".stMain")?.scrollBy({ top: down, behavior: motion() });
}

/** Scroll a block sideways to its mark, where that is out of sight. */
export function bringAcross({ block, mark }) {
  if (block.scrollWidth <= block.clientWidth + 1 || !mark) return;
  const [outer, inner] = [block.getBoundingClientRect(), mark.getBoundingClientRect()];
  if (inner.width > outer.width) return;
  if (inner.left >= outer.left + 40 && inner.right <= outer.right - 20) return;
  block.scrollBy({ left: (inner.left + inner.right - outer.left - outer.right) / 2, behavior: motion() });
}

/**
 * Scroll now and for a while again and again, as what lies above may still come and go; the visitor's own hand ends it.
 * Returns: `now`, to scroll at once if it still goes on, and `stop`.
 */
export function keepScrolling(scroll, milliseconds) {
  const until = Date.now() + milliseconds;
  const hands = ["wheel", "touchmove", "pointerdown", "keydown"];
  const byHand = (event) => ["ArrowLeft", "ArrowRight"].includes(event.key) || stop(); // these do not scroll the page
  const stop = () => {
    clearInterval(timer);
    timer = null;
    hands.forEach((name) => document.removeEventListener(name, byHand, { capture: true }));
  };
  const now = () => {
    if (timer !== null && Date.now() < until) scroll();
    else stop();
  };
  let timer = setInterval(now, 300);
  hands.forEach((name) => document.addEventListener(name, byHand, { passive: true, capture: true }));
  now();
  return { now, stop };
}

/** @returns {ScrollBehavior} */
export function motion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
}

/** How far to scroll down until the block, or where that is too high its beginning with the mark, lies in view. */
function distance({ block, mark }, bottom) {
  const top = freeAbove();
  const all = block.getBoundingClientRect();
  if (all.height <= bottom - top || !mark) {
    if (all.top < top || all.height > bottom - top) return all.top - top;
    return Math.max(0, all.bottom - bottom);
  }
  const part = mark.getBoundingClientRect();
  if (part.top >= top && part.bottom <= bottom) return 0;
  const asFarAsNeeded = part.bottom + ROOM_BELOW - bottom;
  return Math.min(Math.max(all.top - top, asFarAsNeeded), part.top - top);
}

/** The equation around an outline; the outline itself where there is none. */
export function blockOf(mark) {
  return mark.closest(BLOCKS) ?? mark;
}
