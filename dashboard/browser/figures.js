// @ts-check
// The page's Plotly figures: found wherever they appear, listened to, and outlined, without asking Python.
//
// It leans on Plotly's own notes about a drawn figure: gd._fullData, gd._fullLayout, axis._offset, axis._length, axis.c2p.

/** @import { Figure } from "./plotly" */

const draws = new Set(); // what is done to each figure: one entry for each that watches
const heard = new WeakMap(); // figure -> the event emitter that we listen to; a figure drawn anew has a new one
let observer = null; // one for all that watch: the page changes often, and has many figures
let frame = 0;

/** Call draw(figure) for every figure now, whenever one is drawn anew, and for those that appear later: lazy tabs,
 * reruns, other pages. */
export function watchFigures(draw) {
  observer ??= new MutationObserver(listenSoon);
  if (!draws.size) observer.observe(document.body, { childList: true, subtree: true });
  listen();
  const mine = (figure) => draw(figure);
  draws.add(mine);
  allFigures().forEach((figure) => heard.has(figure) && draw(figure));
  return {
    draw: () => allFigures().forEach(draw),
    stop: () => {
      draws.delete(mine);
      if (!draws.size) observer.disconnect();
    },
  };
}

function listenSoon() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    if (draws.size) listen();
  });
}

function listen() {
  for (const figure of allFigures()) {
    if (!figure.on || heard.get(figure) === figure._ev) continue;
    heard.set(figure, figure._ev);
    const draw = () => draws.forEach((each) => each(figure));
    for (const event of ["plotly_afterplot", "plotly_relayouting"]) figure.on(event, draw);
    draw();
  }
}

/** @returns {NodeListOf<Figure>} */
export function allFigures() {
  return document.querySelectorAll(".js-plotly-plot");
}

/**
 * The outlines of figures that are on the page and not hidden.
 * @returns {HTMLElement[]}
 */
export function seenOutlines(selector) {
  return [...document.querySelectorAll(selector)].filter((outline) => outline.offsetParent);
}

/** The two axes of a trace as Plotly drew them; null where it has not yet. */
export function axesOf(figure, trace) {
  const layout = figure._fullLayout;
  const x = layout?.[axisName(trace.xaxis, "x")];
  const y = layout?.[axisName(trace.yaxis, "y")];
  return x && y && x._offset !== undefined && y._offset !== undefined ? { x, y } : null;
}

function axisName(id, letter) {
  return letter + "axis" + (id || letter).slice(1);
}

/** From pixel to pixel along an axis, for cells first (inside) to last (outside), cut at the axis' ends. */
export function span(axis, first, last) {
  const inside = (pixel) => axis._offset + Math.min(Math.max(pixel, 0), axis._length);
  return [first, last].map((cell) => inside(axis.c2p(cell - 0.5))).sort((a, b) => a - b);
}

const ABOVE_OUTLINES = 6; // they are at most 4 high, see `over`

/**
 * Draw these boxes, { kind, x: [from, to], y: [from, to], label (or none) }, over a figure, in place of the ones of this
 * class.
 */
export function placeOutlines(figure, className, boxes, look) {
  const paper = figure.querySelector(".svg-container");
  if (!paper) return;
  const old = [...paper.querySelectorAll(`:scope > .${className}`)];
  boxes.forEach((box, index) => placeOutline(old[index] || paper.appendChild(newOutline(className)), box, look(box)));
  old.slice(boxes.length).forEach((outline) => outline.remove());
  const told = paper.querySelector(".hoverlayer")?.ownerSVGElement;
  if (told && boxes.length) told.style.zIndex = String(ABOVE_OUTLINES); // what is told of the cell under the pointer
}

function newOutline(className) {
  const outline = document.createElement("div");
  outline.className = className;
  outline.setAttribute("aria-hidden", "true");
  Object.assign(outline.style, { position: "absolute", pointerEvents: "none", boxSizing: "border-box",
                                 borderRadius: "3px" });
  return outline;
}

/** The line lies around the cells, not on them; the halo parts it from cells of a similar colour. */
function placeOutline(outline, box, { line, halo, width, style, over }) {
  outline.dataset.kind = box.kind;
  if (box.label) outline.dataset.label = box.label;
  else delete outline.dataset.label;
  Object.assign(outline.style, {
    left: `${box.x[0] - width}px`, top: `${box.y[0] - width}px`,
    width: `${box.x[1] - box.x[0] + 2 * width}px`, height: `${box.y[1] - box.y[0] + 2 * width}px`,
    border: `${width}px ${style} ${line}`, boxShadow: `0 0 0 1px ${halo}, inset 0 0 0 1px ${halo}`,
    zIndex: String(over),
  });
}

/** The page's colours for lines over figures, from the style of an element that carries Streamlit's theme. */
export function outlineColours(style) {
  const colour = (name, other) => style.getPropertyValue(name).trim() || other;
  return { token: colour("--st-primary-color", "black"), cell: colour("--st-text-color", "black"),
           halo: colour("--st-background-color", "white") };
}
