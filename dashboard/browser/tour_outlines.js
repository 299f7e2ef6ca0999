// @ts-check
// What the tour points at: cells outlined in the page's figures, other parts outlined whole, and the scroll that brings
// the first of them into view above the card.

import { watchFigures } from "./board/figures.js";
import { seenOutlines } from "./board/outlines.js";
import { markStop } from "./board/tour_marks.js";
import { blockOf, bringAbove, bringAcross, keepScrolling } from "./reveal.js";

/** Point at these things from now on: { marks, covered, keys }, covered cells hidden until they are guessed. */
export function pointAt(pointer, things) {
  Object.assign(pointer, things);
  pointer.figures ||= watchFigures((figure) => {
    markStop(figure, pointer, Boolean(figure.closest("[data-tour-shown]")));
    pointer.scrolling?.now();
  });
  document.querySelectorAll("[data-tour-shown]").forEach((part) => part.removeAttribute("data-tour-shown"));
  for (const part of shownParts(pointer)) part.setAttribute("data-tour-shown", "");
  pointer.figures.draw();
}

export function stopPointing(pointer) {
  pointAt(pointer, { marks: [], covered: [], keys: [] });
  pointer.figures.stop();
  pointer.figures = null;
}

function shownParts({ keys }) {
  return keys.map((key) => document.querySelector(`.st-key-${key}`)).filter(Boolean);
}

/** Bring what the stop is about into view, now or as soon as its figure comes. */
export function revealSoon(pointer, coveredBelow) {
  pointer.coveredBelow = coveredBelow;
  pointer.scrolling?.stop();
  pointer.scrolling = keepScrolling(() => revealStop(pointer), 8_000);
}

function revealStop(pointer) {
  const place = placeOfStop(pointer);
  if (!place) return;
  bringAbove(place, pointer.coveredBelow());
  bringAcross(place);
}

/** The first thing that is pointed at: its outline in a figure, and the equation that holds it. */
function placeOfStop(pointer) {
  const [part] = shownParts(pointer);
  if (part) return { block: part, mark: part.querySelector(".tour-outline[data-kind=cell]") };
  const wanted = pointer.covered.length || pointer.marks.some(({ kind }) => kind === "cell");
  const seen = seenOutlines(wanted ? ".tour-cover, .tour-outline[data-kind=cell]" : ".tour-outline");
  const mark = seen.find((outline) => outline.closest(".st-key-sections")) ?? seen[0];
  return mark ? { block: blockOf(mark), mark } : null;
}
