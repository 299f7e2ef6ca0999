// @ts-check
// One picture: its element, and the figure that Plotly draws into it.

import { button, element, svgElement } from "../element.js";
import { newBlock, writeText } from "./blocks.js";
import { writeNumbers } from "./cell_numbers.js";
import { enlarged, factorOf, leaveFullscreen, savePicture, toggleFullscreen } from "./enlarge.js";
import { figureDrawn, figureGone } from "./figures.js";
import { newWalker } from "./keyboard.js";
import { tellFigure } from "./cell_words.js";
import { drawValues, frameOf, onlyValuesDiffer } from "./other_values.js";
import { layoutWithoutTexts, tracesWithoutTexts, writeTexts } from "./texts.js";

/** @import { Drawing } from "./message.js" */

// What makes Plotly's set-up of interactions several times slower is off: nothing here is zoomed or panned.
const CONFIG = { displayModeBar: false, doubleClick: false, showAxisDragHandles: false, showAxisRangeEntryBoxes: false,
                 showTips: false };
const CORNERS = "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4";
const ARROW_DOWN = "M8 2v8M4.5 7 8 10.5 11.5 7M3 14h10";

/** A picture without a drawing yet. */
export function newPicture() {
  const host = element("div", "board-picture");
  const figure = element("div", "board-figure");
  host.setAttribute("role", "figure");
  host.append(figure);
  return { host, figure, block: newBlock(host), drawing: null, inHand: null, shown: null, signature: "", frame: "", turn: 0, plotly: null, walker: null };
}

/**
 * Say what is to be drawn. Returns true where that is another drawing than before.
 * @param {any} picture
 * @param {Drawing} drawing
 */
export function describe(picture, drawing) {
  const { host, block } = picture;
  const { key, step, matrices, width, height, alternative, text } = drawing;
  writeText(block, text);
  block.toggleAttribute("data-scrolls", Boolean(width)); // others take the page's width
  Object.assign(host.dataset, { key, matrix: matrices.join(" ") });
  if (step === null) delete host.dataset.step;
  else host.dataset.step = step;
  host.setAttribute("aria-label", alternative);
  Object.assign(host.style, { width: width ? `${width}px` : "100%", height: height ? `${height}px` : "" });
  const signature = signatureOf(drawing);
  const isOther = signature !== picture.signature;
  Object.assign(picture, { drawing, signature });
  if (isOther) host.removeAttribute("data-drawn"); // until it is
  return isOther;
}

/**
 * All that is drawn: the numbers in the cells by their digest.
 * @param {Drawing} drawing
 */
function signatureOf({ digest, traces, layout }) {
  return digest + JSON.stringify([traces, layout], (_, value) => (ArrayBuffer.isView(value) ? 0 : value));
}

/** Draw it now: anew, or over what is there. */
export async function draw(picture, plotly) {
  const { figure, drawing, host } = picture;
  const isNew = !picture.plotly;
  picture.plotly = plotly;
  picture.inHand = drawing;
  if (isNew) prepare(picture);
  const wide = drawing.width ?? host.clientWidth;
  const factor = factorOf(host, wide, drawing.height);
  const size = { width: Math.round(wide * factor), height: Math.round(drawing.height * factor) };
  const shown = picture.shown = enlarged(drawing, factor);
  host.style.setProperty("--larger", String(factor));
  const frame = JSON.stringify(size) + frameOf(shown);
  const hasFrame = frame === picture.frame && onlyValuesDiffer(figure, shown.traces);
  const turn = ++picture.turn;
  picture.frame = ""; // until it is drawn: what fails half-way is drawn anew the next time
  if (hasFrame) drawValues(figure, shown.traces);
  else {
    const layout = { ...layoutWithoutTexts(shown.layout), autosize: false, ...size };
    await plotly.react(figure, tracesWithoutTexts(shown.traces), layout, CONFIG);
  }
  if (picture.turn === turn) picture.frame = frame;
  if (!isNew || !picture.plotly) return; // Plotly has said it, or it is gone by now
  figure.on("plotly_afterplot", () => drawn(picture));
  drawn(picture);
}

/** In place of a picture that failed; the next drawing of it begins anew. */
export function sayNotDrawn(picture) {
  picture.signature = "";
  picture.complaint ??= element("p", "board-complaint", "This picture could not be drawn. Load the page again.");
  picture.host.append(picture.complaint);
}

function prepare(picture) {
  const { host, figure, plotly } = picture;
  const redraw = () => picture.plotly && draw(picture, plotly).catch((error) => {
    console.error(error);
    sayNotDrawn(picture);
  });
  const full = () => toggleFullscreen(host, redraw);
  const save = () => savePicture(plotly, figure, picture.shown);
  picture.walker = newWalker(figure, plotly, { f: full, s: save });
  picture.tools = element("div", "board-tools");
  picture.tools.append(tool(CORNERS, "Fullscreen", full), tool(ARROW_DOWN, "Save as PNG", save));
  host.append(...picture.walker.parts, picture.tools);
  host.addEventListener("mousemove", () => tellFigure(figure), { capture: true, passive: true });
  let wide = host.clientWidth;
  picture.sizes = new ResizeObserver(() => {
    if (picture.drawing.width || host.clientWidth === wide || !host.clientWidth) return;
    wide = host.clientWidth;
    redraw();
  });
  picture.sizes.observe(host);
}

/** A button with a drawing instead of words: a path in 16 × 16 pixels. */
function tool(path, label, onClick) {
  const made = button("", "", onClick);
  const icon = svgElement("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" });
  icon.append(svgElement("path", { d: path }));
  made.append(icon);
  made.title = label;
  made.setAttribute("aria-label", label);
  return made;
}

function drawn(picture) {
  const { figure, host, walker, tools, inHand: drawing } = picture;
  const hasCells = drawing.traces.some((trace) => trace.meta?.origin);
  host.toggleAttribute("data-cells", hasCells);
  for (const tool of tools.children) tool.tabIndex = hasCells ? -1 : 0; // the cells' stop has keys for them
  host.dataset.digest = drawing.digest; // of what is seen, not of what is still to be drawn
  host.toggleAttribute("data-drawn", drawing === picture.drawing);
  picture.complaint?.remove();
  writeTexts(figure, picture.shown);
  writeNumbers(figure);
  walker.draw();
  figureDrawn(figure);
}

/** Let go of all that a picture holds. */
export function discard(picture) {
  const { plotly } = picture;
  picture.plotly = null; // nothing draws it from here on
  leaveFullscreen(picture.host);
  picture.sizes?.disconnect();
  figureGone(picture.figure);
  plotly?.purge(picture.figure);
  picture.block.remove();
}
