// @ts-check
// The texts of a picture beside its cells and bars: titles, captions, signs, and what stands at the end of each bar. They
// are a figure's annotations and the texts of its bars, written by us: Plotly would measure each of them, which takes a
// third of its time, and of bars two thirds. Kept of an annotation: text, x, y (of the paper), xshift, xanchor, yanchor, borderpad,
// font, textangle; of the markup: b, sub, br, and span with a font-size and a colour. Of bars: text and textfont.

import { svgElement } from "../element.js";
import { axesOf } from "./figures.js";

/** @import { Drawing } from "./message.js" */

const LINE = 1.3; // height of a line, in letters
const [ASCENT, DESCENT] = [0.984, 0.273]; // of the page's typeface above and below a line, in letters
const ANCHORS = { left: "start", center: "middle", right: "end" };
const BEHIND = 3; // pixels between a bar's end and its text
const LOW = { size: 0.7, shift: 0.3 }; // a small letter set low: its size, and how much lower, in letters
const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };

/** What Plotly is to draw of a picture's traces. */
export function tracesWithoutTexts(traces) {
  return traces.map((trace) => (trace.type === "bar" ? { ...trace, text: undefined, textposition: "none" } : trace));
}

/** What Plotly is to draw of its layout. */
export function layoutWithoutTexts(layout) {
  return { ...layout, annotations: [] };
}

/**
 * Write a picture's texts into its figure, in place of those that are there.
 * @param {any} figure
 * @param {Pick<Drawing, "traces" | "layout">} drawing
 */
export function writeTexts(figure, { traces, layout: { annotations = [] } }) {
  const picture = figure.querySelector(".main-svg");
  const size = figure._fullLayout?._size;
  if (!picture || !size) return;
  picture.querySelectorAll(":scope > .board-texts").forEach((old) => old.remove());
  const texts = [...annotations.map((annotation, index) => written(annotation, index, size)),
                 ...traces.flatMap((trace) => (trace.type === "bar" ? atBars(trace, axesOf(figure, trace)) : []))];
  if (!texts.length) return;
  const group = svgElement("g", { class: "board-texts", "aria-hidden": "true" });
  group.append(...texts);
  picture.append(group);
}

/**
 * The texts at the ends of bars that lie.
 * @param {Record<string, any>} trace
 */
function atBars({ x, y, text, textfont }, axes) {
  if (!axes || !text) return [];
  return text.map((said, index) => {
    const place = { x: axes.x._offset + axes.x.c2p(x[index]) + BEHIND, y: axes.y._offset + axes.y.c2p(y[index]) };
    const node = svgElement("text", { class: "bar-text", "font-size": textfont.size, ...place }, said);
    node.style.fontFamily = textfont.family;
    return node;
  });
}

function written(annotation, index, { l, t, w, h }) {
  const { text, xanchor = "center", yanchor = "middle", xshift = 0, borderpad = 1, textangle = 0 } = annotation;
  const { size = 12, color } = annotation.font ?? {};
  const lines = linesOf(text, size);
  const x = l + annotation.x * w + xshift + ({ left: 1, right: -1 }[xanchor] ?? 0) * borderpad;
  const y = t + (1 - annotation.y) * h + ({ top: 1, bottom: -1 }[yanchor] ?? 0) * borderpad;
  const node = svgElement("text", { "font-size": size, "text-anchor": ANCHORS[xanchor] });
  if (color) node.style.fill = color;
  if (textangle) node.setAttribute("transform", `rotate(${textangle} ${x} ${y})`);
  const first = y + baseline(lines, size, yanchor);
  lines.forEach((runs, line) => runs.forEach((run, place) => {
    const part = svgElement("tspan", place ? {} : { x, y: first + line * LINE * size }, run.text);
    if (run.isBold) part.style.fontWeight = "700";
    if (run.size !== size) part.style.fontSize = `${run.size}px`;
    if (run.colour) part.style.fill = run.colour;
    if (run.shift !== (runs[place - 1]?.shift ?? 0)) part.setAttribute("dy", String(run.shift - (runs[place - 1]?.shift ?? 0)));
    node.append(part);
  }));
  const group = svgElement("g", { class: "annotation", "data-index": index });
  group.append(node);
  return group;
}

/** How far the first line's baseline lies below the place that `yanchor` says. */
function baseline(lines, size, yanchor) {
  const tallest = (runs) => Math.max(...runs.map((run) => run.size));
  const above = ASCENT * tallest(lines[0]);
  const below = (lines.length - 1) * LINE * size + DESCENT * tallest(lines[lines.length - 1]);
  return { top: above, bottom: -below }[yanchor] ?? (above - below) / 2;
}

/** A text's lines, each a list of runs of one look: { text, isBold, size, colour, shift }. */
export function linesOf(text, size) {
  const lines = [[]];
  const looks = [{ isBold: false, size, colour: "", shift: 0 }];
  for (const [part, closes, tag, style] of text.matchAll(/<(\/?)(b|sub|span|br)\b([^>]*)>|[^<]+|</g)) {
    const look = looks[looks.length - 1];
    if (!tag) lines[lines.length - 1].push({ ...look, text: plain(part) });
    else if (tag === "br") lines.push([]);
    else if (closes) looks.length > 1 && looks.pop();
    else looks.push(lookWithin(look, tag, style));
  }
  return lines.map((runs) => (runs.length ? runs : [{ ...looks[0], text: "" }]));
}

function lookWithin(look, tag, style) {
  if (tag === "b") return { ...look, isBold: true };
  if (tag === "sub") return { ...look, size: LOW.size * look.size, shift: look.shift + LOW.shift * look.size };
  const size = /font-size:\s*([\d.]+)px/.exec(style)?.[1];
  const colour = /(?:^|[\s;"'])color:\s*([^;"']+)/.exec(style)?.[1];
  return { ...look, size: size ? Number(size) : look.size, colour: colour ?? look.colour };
}

function plain(text) {
  return text.replaceAll(/&(lt|gt|amp);/g, (entity) => ENTITIES[entity]);
}
