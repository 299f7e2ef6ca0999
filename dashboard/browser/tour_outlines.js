// @ts-check
// What the tour points at: cells outlined in the page's figures, other parts outlined whole, and the scroll that brings
// the first of them into view above the card.

import { cellBoxes } from "./cells.js";
import { axesOf, placeOutlines, seenOutlines, span, watchFigures } from "./figures.js";
import { blockOf, bringAbove, bringAcross, keepScrolling } from "./reveal.js";

/** Point at these things from now on: { marks, covered, keys, colours }, covered cells hidden until they are guessed. */
export function pointAt(pointer, things) {
  Object.assign(pointer, things);
  pointer.figures ||= watchFigures((figure) => {
    outlineStop(pointer, figure);
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

function outlineStop({ marks, covered, colours }, figure) {
  const { cell, halo } = colours;
  const boxes = [...(marks.length ? cellBoxes(figure, marks) : []), ...barBoxes(figure)];
  placeOutlines(figure, "tour-outline", boxes, ({ kind }) => kind === "cell"
    ? { line: cell, halo, width: 3, style: "solid", over: 4 }
    : { line: cell, halo, width: 2, style: "dashed", over: 3 });
  const hidden = covered.length ? cellBoxes(figure, covered) : [];
  placeOutlines(figure, "tour-cover", hidden, () => ({ line: cell, halo, width: 2, style: "solid", over: 5 }));
  for (const cover of figure.querySelectorAll(".tour-cover")) {
    Object.assign(cover.style, { background: halo, color: cell });
    cover.textContent = "?";
  }
}

/** Around the drawn token's bars, where a figure of bars that is pointed at names their row in its traces' `meta`. */
function barBoxes(figure) {
  const trace = figure.closest("[data-tour-shown]") && figure._fullData?.find(({ meta }) => meta?.drawn !== undefined);
  const axes = trace && axesOf(figure, trace);
  if (!axes) return [];
  const [top, bottom] = span(axes.y, trace.meta.drawn, trace.meta.drawn + 1);
  return [{ kind: "cell", x: [3, figure._fullLayout.width - 3], y: [top + 2, bottom - 2] }]; // the rows lie close
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
