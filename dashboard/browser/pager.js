// @ts-check
// Pages through the matrices of an equation that is wider than the screen.
// The looks are in page.css, since blocks and buttons lie in the page, outside this component.

import { startWriting, stopWriting } from "./cell_numbers.js";
import { tellNumbers } from "./codes.js";
import { whenUnmounted } from "./component.js";
import { element } from "./element.js";

const BLOCKS = '[class*="st-key-equation-"]';
const LABELS = 48; // pixels left of a matrix for its row labels, at least
const LETTER = 7.3; // pixels of one letter of them

const paging = { observer: null, sizes: null, frame: 0, blocks: new Map() };

export default function () {
  if (!paging.observer) {
    paging.observer = new MutationObserver(arrangeSoon);
    paging.observer.observe(document.body, { childList: true, subtree: true });
    paging.sizes = new ResizeObserver(arrangeSoon);
  }
  arrangeSoon();
  tellNumbers();
  startWriting();
  return whenUnmounted(paging, stopPaging);
}

function stopPaging() {
  stopWriting();
  paging.observer?.disconnect();
  paging.sizes?.disconnect();
  paging.observer = paging.sizes = null;
  for (const block of paging.blocks.values()) dismantle(block);
  paging.blocks.clear();
}

function arrangeSoon() {
  paging.frame ||= requestAnimationFrame(() => {
    paging.frame = 0;
    if (paging.observer) arrange();
  });
}

function arrange() {
  for (const [node, block] of paging.blocks) {
    if (node.isConnected) continue;
    dismantle(block);
    paging.blocks.delete(node);
  }
  for (const node of document.querySelectorAll(BLOCKS)) {
    const figure = node.querySelector(".js-plotly-plot");
    if (!figure) continue;
    if (!paging.blocks.has(node)) paging.blocks.set(node, newBlock(node));
    arrangeBlock(paging.blocks.get(node), figure);
  }
}

function newBlock(node) {
  const block = { node, bar: null, stops: [], signature: "" };
  block.onScroll = () => showPlace(block);
  node.addEventListener("scroll", block.onScroll, { passive: true });
  paging.sizes.observe(node);
  return block;
}

function dismantle(block) {
  block.node.removeEventListener("scroll", block.onScroll);
  block.bar?.remove();
  block.stops.forEach((stop) => stop.marker.remove());
  for (const name of ["data-more", "data-paged", "tabindex", "role", "aria-label"]) block.node.removeAttribute(name);
}

/** Find the matrices of the figure and put a stop at each. Changes nothing where nothing changed. */
function arrangeBlock(block, figure) {
  const overflows = block.node.scrollWidth > block.node.clientWidth + 1;
  const places = overflows ? placesOf(figure) : [];
  const home = figure.closest(".stElementContainer");
  const signature = JSON.stringify([places, block.node.clientWidth]);
  const whole = block.stops.every((stop) => stop.marker.parentElement === home);
  if (signature !== block.signature || !whole) {
    block.signature = signature;
    block.stops.forEach((stop) => stop.marker.remove());
    block.stops = places.map((place) => newStop(place, home, block.node.clientWidth));
  }
  setAttributes(block.node, overflows
    ? { tabindex: "0", role: "group", "aria-label": "Equation, scrolls sideways" }
    : { tabindex: block.node === document.activeElement ? "-1" : null, role: null, "aria-label": null });
  if (places.length < 2) {
    block.bar?.remove();
  } else {
    block.bar ||= newBar(block);
    if (block.bar.parentElement !== block.node) block.node.append(block.bar);
  }
  block.node.toggleAttribute("data-paged", places.length >= 2);
  showPlace(block);
}

/** Left and right edge, in pixels of the figure, of each matrix from left to right. */
export function placesOf(figure) {
  const layout = figure._fullLayout;
  const places = [];
  for (const trace of figure._fullData || []) {
    const axis = layout && layout["xaxis" + (trace.xaxis || "x").slice(1)];
    if (!axis || axis._offset === undefined || trace.visible !== true) continue;
    const place = { left: Math.round(axis._offset), right: Math.round(axis._offset + axis._length),
                    labels: labelRoom(layout["yaxis" + (trace.yaxis || "y").slice(1)]),
                    label: String(trace.meta?.label ?? "") };
    // Matrices above each other (a cache over this step's rows) are one stop.
    if (!places.some((other) => Math.abs(other.left - place.left) < 8)) places.push(place);
  }
  return places.sort((a, b) => a.left - b.left);
}

/** Pixels left of a matrix for the labels of its rows. */
function labelRoom(axis) {
  const texts = axis?.showticklabels ? axis.ticktext ?? [] : [];
  return Math.round(Math.max(LABELS, 12 + LETTER * Math.max(0, ...Array.from(texts, (text) => text.length))));
}

function newStop({ left, right, labels, label }, home, room) {
  const marker = element("span", "equation-stop");
  const start = Math.max(0, left - labels);
  const width = right - start + 8;
  marker.classList.toggle("wide", width > room);
  Object.assign(marker.style, { left: `${start}px`, width: `${width}px` });
  marker.setAttribute("aria-hidden", "true");
  home.append(marker);
  const target = width > room ? start : start + (width - room) / 2;
  return { marker, target, label };
}

function newBar(block) {
  const bar = element("div", "equation-pager");
  const button = (text, label, step) => {
    const made = element("button", "", text);
    made.type = "button";
    made.setAttribute("aria-label", label);
    made.addEventListener("click", () => goTo(block, placeNow(block) + step));
    return made;
  };
  bar.append(button("‹", "Matrix before", -1), element("output"), button("›", "Next matrix", 1));
  return bar;
}

function goTo(block, index) {
  const stop = block.stops[index];
  if (!stop) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  block.node.scrollTo({ left: Math.max(0, stop.target), behavior: still ? "instant" : "smooth" });
}

/** The stop nearest to where the block is scrolled. */
function placeNow(block) {
  const end = block.node.scrollWidth - block.node.clientWidth;
  const distances = block.stops.map((stop) =>
    Math.abs(Math.min(Math.max(stop.target, 0), end) - block.node.scrollLeft));
  return distances.indexOf(Math.min(...distances));
}

function showPlace(block) {
  const { node, bar, stops } = block;
  const left = node.scrollLeft > 1;
  const right = node.scrollLeft < node.scrollWidth - node.clientWidth - 1;
  setAttributes(node, { "data-more": [left && "left", right && "right"].filter(Boolean).join(" ") || null });
  if (left || right) node.style.setProperty("--words", `${wordsAbove(node)}px`);
  if (!bar || stops.length < 2) return;
  const place = placeNow(block);
  const [before, output, next] = bar.children;
  const text = `${stops[place].label} ${place + 1} of ${stops.length}`.trim();
  if (output.textContent !== text) output.textContent = text; // an idle write would wake the observer
  setAttributes(before, { "aria-disabled": String(place === 0) });
  setAttributes(next, { "aria-disabled": String(place === stops.length - 1) });
}

/** How high the words above a block's figure are: they do not scroll with it, and so do not fade out with it. */
function wordsAbove(node) {
  const figure = node.querySelector(':scope > [class*="st-key-chart-"]');
  return figure ? Math.round(figure.getBoundingClientRect().top - node.getBoundingClientRect().top) : 0;
}

function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) node.removeAttribute(name);
    else node.setAttribute(name, value);
  }
}
