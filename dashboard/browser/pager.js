// @ts-check
// Pages through the matrices of an equation that is wider than the screen.
// The looks are in page.css, since blocks and buttons lie in the page, outside this component.

import { BLOCKS } from "./board/blocks.js";
import { matricesAcross, watchFigures } from "./board/figures.js";
import { whenUnmounted } from "./component.js";
import { element } from "./element.js";

const paging = { figures: null, sizes: null, frame: 0, blocks: new Map() };

export default function () {
  paging.sizes ??= new ResizeObserver(arrangeSoon);
  paging.figures ??= watchFigures((figure) => {
    const node = figure.closest(BLOCKS);
    if (!node) return;
    if (!paging.blocks.has(node)) paging.blocks.set(node, newBlock(node));
    paging.blocks.get(node).figure = figure;
    arrangeSoon();
  });
  arrangeSoon();
  return whenUnmounted(paging, stopPaging);
}

function stopPaging() {
  paging.figures?.stop();
  paging.sizes?.disconnect();
  paging.figures = paging.sizes = null;
  for (const block of paging.blocks.values()) dismantle(block);
  paging.blocks.clear();
}

function arrangeSoon() {
  paging.frame ||= requestAnimationFrame(() => {
    paging.frame = 0;
    if (paging.figures) arrange();
  });
}

function arrange() {
  for (const [node, block] of paging.blocks) {
    if (block.figure.isConnected && node.contains(block.figure)) arrangeBlock(block);
    else {
      dismantle(block);
      paging.blocks.delete(node);
    }
  }
}

function newBlock(node) {
  const block = { node, figure: null, bar: null, stops: [], signature: "" };
  block.onScroll = () => showPlace(block);
  node.addEventListener("scroll", block.onScroll, { passive: true });
  paging.sizes.observe(node);
  return block;
}

function dismantle(block) {
  paging.sizes?.unobserve(block.node);
  block.node.removeEventListener("scroll", block.onScroll);
  block.bar?.remove();
  block.stops.forEach((stop) => stop.marker.remove());
  for (const name of ["data-more", "data-paged", "tabindex", "role", "aria-label"]) block.node.removeAttribute(name);
}

/** Find the matrices of the figure and put a stop at each. Changes nothing where nothing changed. */
function arrangeBlock(block) {
  const overflows = block.node.scrollWidth > block.node.clientWidth + 1;
  const places = overflows ? matricesAcross(block.figure) : [];
  const home = block.figure.parentElement;
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
  const figure = node.querySelector(":scope > .board-picture");
  return figure ? Math.round(figure.getBoundingClientRect().top - node.getBoundingClientRect().top) : 0;
}

function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) node.removeAttribute(name);
    else node.setAttribute(name, value);
  }
}
