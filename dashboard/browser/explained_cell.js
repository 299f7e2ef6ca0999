// @ts-check
// The explained cell, and those that it was made from, outlined wherever they are drawn; and the scroll that brings it
// into view where it is covered.

import { outlineCells } from "./board/cells.js";
import { seenOutlines } from "./board/outlines.js";
import { blockOf, bringAbove, bringAcross, freeAbove } from "./reveal.js";

const PATIENCE = 10_000; // milliseconds in which its figure may still come

/** coveredBelow(): pixels that are covered at the bottom of the page. Returns { show(marks, reveal), stop }. */
export function explainedCell(coveredBelow) {
  let until = 0;
  const reveal = () => {
    if (Date.now() <= until && revealNearest(coveredBelow())) until = 0;
  };
  const outlines = outlineCells("cell-outline", (_, boxes) => boxes.some(({ kind }) => kind === "cell") && reveal());
  return {
    /** reveal: bring it into view, now or when its figure comes. */
    show: (marks, wanted) => {
      const next = !marks.length ? 0 : wanted ? Date.now() + PATIENCE : until;
      until = 0; // not before all figures are outlined: in some there are still outlines of the cell before
      outlines.show(marks);
      until = next;
      reveal();
    },
    stop: outlines.stop,
  };
}

/** Scroll to the outline that is nearest, unless it is seen as it is. False where there is none yet. */
function revealNearest(covered) {
  const outlines = seenOutlines(".cell-outline[data-kind=cell]");
  if (!outlines.length) return false;
  const hidden = (outline) => {
    const { top, bottom } = outline.getBoundingClientRect();
    return Math.max(freeAbove() - top, bottom - (window.innerHeight - covered), 0);
  };
  const [nearest] = outlines.sort((a, b) => hidden(a) - hidden(b));
  const place = { block: blockOf(nearest), mark: nearest };
  if (hidden(nearest)) bringAbove(place, covered);
  bringAcross(place);
  return true;
}
