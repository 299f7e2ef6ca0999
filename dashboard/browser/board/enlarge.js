// @ts-check
// A picture over the whole window, and as a file.

import { element } from "../element.js";
/** @import { Drawing } from "./message.js" */

const EDGE = 32; // pixels around it
const LARGEST = 4; // times its own size
const SHARP = 2; // pixels of a file for each of the screen

let shown = null; // the picture that fills the window

/** Fill the window with a picture, or let it go back to its place. redraw(): draws it in the size that `scaled` says. */
export function toggleFullscreen(host, redraw) {
  const isOpen = shown?.host === host;
  shown?.end();
  if (isOpen) return;
  const onKey = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation(); // it closes this, and nothing behind it
    shown.end();
  };
  shown = {
    host,
    block: host.parentElement,
    end: () => {
      document.removeEventListener("keydown", onKey, true);
      window.removeEventListener("resize", redraw);
      shown = null;
      if (host.isConnected) host.hidePopover();
      host.removeAttribute("popover");
      host.parentElement?.style.removeProperty("min-height");
      redraw();
    },
  };
  document.addEventListener("keydown", onKey, true);
  window.addEventListener("resize", redraw);
  const { block } = shown;
  block.style.minHeight = `${block.offsetHeight}px`; // what is below it stays where it is
  host.popover = "manual"; // above all else of the page, without leaving its place in it
  host.showPopover();
  redraw();
}

export function leaveFullscreen(host) {
  if (shown?.host === host) shown.end();
}

/** How many times as large as on the page a picture of this size is drawn now. */
export function factorOf(host, width, height) {
  if (shown?.host !== host) return 1;
  return Math.min((innerWidth - 2 * EDGE) / width, (innerHeight - 2 * EDGE) / height, LARGEST);
}

/**
 * The same drawing, all of its letters and ticks larger, as figures/enlarged.py makes it.
 * @param {Drawing} drawing
 * @param {number} factor
 * @returns {Drawing}
 */
export function enlarged(drawing, factor) {
  if (factor === 1) return drawing;
  const numbers = ({ numbers, ...meta }) => (numbers ? { ...meta, numbers: larger(numbers, factor) } : meta);
  const traces = drawing.traces.map(({ meta, ...trace }) => ({ ...larger(trace, factor), ...(meta && { meta: numbers(meta) }) }));
  return { ...drawing, traces, layout: larger(drawing.layout, factor) };
}

function larger(value, factor) {
  if (Array.isArray(value)) return value[0]?.constructor === Object ? value.map((each) => larger(each, factor)) : value;
  if (value?.constructor !== Object) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, largerOf(name, each, factor)]));
}

function largerOf(name, value, factor) {
  if (["size", "ticklen"].includes(name) && typeof value === "number") return value * factor;
  if (name !== "text" || typeof value !== "string") return larger(value, factor);
  return value.replaceAll(/font-size:(\d+)px/g, (_, size) => `font-size:${Math.round(size * factor)}px`);
}

/** Save a figure as a PNG, in the colours of the page, with the numbers in its cells. */
export async function savePicture(plotly, figure, { key, traces, layout: { annotations } }) {
  const style = getComputedStyle(figure);
  const colour = style.color;
  const { width, height } = figure._fullLayout;
  const layout = { ...figure.layout, annotations, paper_bgcolor: backgroundBehind(figure),
                   font: { ...figure.layout.font, color: colour } };
  const picture = { data: [...traces, ...traces.flatMap(numbersAsTrace)], layout };
  const url = await plotly.toImage(picture, { format: "png", width, height, scale: SHARP });
  const link = element("a");
  Object.assign(link, { href: url, download: `${key.replaceAll(/[^\w.-]+/g, "-")}.png` });
  link.click();
}

/** The numbers in a heatmap's cells, which lie beside Plotly's figure, as a trace of texts. */
function numbersAsTrace({ meta, xaxis, yaxis, y0 }) {
  if (!meta?.numbers) return [];
  const { texts, size } = meta.numbers;
  const found = texts.flatMap((row, y) => row.map((text, x) => [x, (y0 ?? 0) + y, text]));
  const [x, y, text] = [0, 1, 2].map((place) => found.map((each) => each[place]));
  return [{ type: "scatter", mode: "text", x, y, text, textfont: { size, family: "monospace" }, xaxis, yaxis,
            hoverinfo: "skip", cliponaxis: false }];
}

function backgroundBehind(node) {
  for (let place = node; place; place = place.parentElement) {
    const { backgroundColor } = getComputedStyle(place);
    if (backgroundColor && !/^(transparent|rgba\(.*, 0\))$/.test(backgroundColor)) return backgroundColor;
  }
  return "white";
}
