// @ts-check
// When pictures are drawn: at once what is on screen, then the others, those that are nearest first, between frames.

import { draw, sayNotDrawn } from "./picture.js";

const SLICE = 40; // milliseconds of drawing between two looks at what the visitor does
const waiting = new Set();
const sizes = new ResizeObserver(() => wake()); // what was hidden may be seen by now
let plotly = null;
let isDue = false; // what is on screen will be drawn
let isNext = false; // the others will be

/** Draw a picture as soon as it is its turn. loading: the promise of Plotly. */
export function drawSoon(picture, loading) {
  waiting.add(picture);
  sizes.observe(picture.host);
  loading.then((loaded) => {
    plotly = loaded;
    wake();
  }, (error) => complain(picture, error));
}

/** Do not draw it. */
export function forget(picture) {
  waiting.delete(picture);
  sizes.unobserve(picture.host);
}

function wake() {
  if (isDue || !plotly || !waiting.size) return;
  isDue = true;
  setTimeout(drawSeen); // not before all pictures that come together are there
}

function drawSeen() {
  isDue = false;
  for (const { picture } of inOrder().filter(({ distance }) => distance === 0)) drawNow(picture);
  goOn();
}

/** Go on once what is drawn is seen. A browser calls a page idle 60 ms and more later. */
function goOn() {
  if (isNext || !waiting.size) return;
  isNext = true;
  const soon = () => setTimeout(drawNearest);
  if (document.hidden) soon(); // it shows no frames
  else requestAnimationFrame(soon);
}

/** At least one, and as many as there is time for: each frame of the page costs about as much as a picture. */
function drawNearest() {
  isNext = false;
  const until = performance.now() + SLICE;
  const next = inOrder(); // what is hidden wakes us when it is seen
  for (const { picture } of next) {
    drawNow(picture);
    if (performance.now() >= until) break;
  }
  if (next.length) goOn();
}

/** What can be drawn now, the nearest first, with the pixels that it is away from the window. */
function inOrder() {
  const seen = [...waiting].filter(({ host }) => host.checkVisibility());
  return seen.map((picture) => ({ picture, distance: distanceOf(picture.host) })).sort((a, b) => a.distance - b.distance);
}

function distanceOf(host) {
  const { top, bottom } = host.getBoundingClientRect();
  return Math.max(0, top - innerHeight, -bottom);
}

function drawNow(picture) {
  forget(picture);
  draw(picture, plotly).catch((error) => complain(picture, error));
}

function complain(picture, error) {
  forget(picture);
  console.error(error);
  sayNotDrawn(picture);
}

window.addEventListener("beforeprint", () => plotly && [...waiting].forEach(drawNow));
