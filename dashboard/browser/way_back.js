// @ts-check
// From a region that was dragged over a matrix to its exact cells, and back again.

import { watchFigures } from "./board/figures.js";
import { button } from "./element.js";
import { blockOf, motion } from "./reveal.js";

const PATIENCE = 10_000; // milliseconds in which the exact cells may still come
const ROOM = 70; // pixels above them

/**
 * Returns { go(figure): scroll to the exact cells once they are drawn, figure being where they were asked for; button:
 * leads back there, gone once that is seen again; stop }. above(): pixels that are covered below the button.
 */
export function wayToExact(above) {
  const back = wayBack(above);
  let figures = null;
  let timer = null;
  const stopWaiting = () => {
    clearTimeout(timer);
    figures?.stop();
    figures = null;
    document.removeEventListener("wheel", stopWaiting, true);
  };
  const arrive = (figure, from) => {
    if (!figure.closest(".st-key-chart-exact")) return;
    const place = figure.closest(".st-key-depth") ?? figure;
    const { top, bottom } = place.getBoundingClientRect();
    if (top >= ROOM && bottom <= window.innerHeight) return;
    setTimeout(stopWaiting);
    place.style.scrollMargin = `${ROOM}px`;
    place.scrollIntoView({ block: "start", inline: "nearest", behavior: motion() });
    back.offer(blockOf(from));
  };
  return {
    button: back.button,
    go: (from) => {
      stopWaiting();
      timer = setTimeout(stopWaiting, PATIENCE);
      document.addEventListener("wheel", stopWaiting, true);
      figures = watchFigures((figure) => arrive(figure, from));
    },
    stop: () => {
      stopWaiting();
      back.end();
    },
  };
}

function wayBack(above) {
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
  const offer = (block) => {
    end();
    [place, left] = [block, false];
    made.style.bottom = `${above() + 18}px`;
    made.hidden = false;
    watch.observe(place);
  };
  return { button: made, offer, end };
}
