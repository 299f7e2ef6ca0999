// @ts-check
// The map of a model: one canvas with all thumbnails, and above it a grid of invisible cells that can be clicked, reached
// by arrow keys and read aloud.

import { choiceIn, chooseByHand, followPython } from "./choice.js";
import { rootOf, whenUnmounted } from "./component.js";
import { element } from "./element.js";
import { bringIntoView } from "./scroller.js";
import { MASKED } from "./thumbnail.js";
/** @import { Component } from "./streamlit" */
/** @import { ChoiceMessage, Colours, DrawnMap, Encoded, ModelMapMessage, Outside } from "./messages" */

const GAP = 2;
const BETWEEN = 8; // more room before another group of columns
const LETTER = 5; // pixels of one of a group's name
const NAMES = 34; // width of the layers' numbers
const BESIDE = 46; // of the symbols of what lies outside of the layers
const HEAD = 70; // height of what is written above the columns, as in model_map.css
const [NARROWEST, WIDEST, LOWEST, TALLEST] = [12, 56, 12, 620];

// The latest map, kept over reruns and remounts: Python sends it once.
const kept = { signature: null, map: null };

/** @param {Component<ModelMapMessage & ChoiceMessage>} component */
export default function ({ data, parentElement, setStateValue }) {
  const choice = choiceIn(parentElement);
  const root = rootOf(parentElement);
  choice.report = (report) => setStateValue("report", report);
  choice.show = () => showChosen(choice, root);
  if (data.map) Object.assign(kept, { signature: data.signature, map: data.map });
  const has = kept.signature === data.signature;
  if (choice.held !== (has ? data.signature : "")) {
    choice.held = has ? data.signature : "";
    setStateValue("held", choice.held); // not held: Python sends the map in its next answer
  }
  if (has && choice.signature !== data.signature) {
    choice.signature = data.signature;
    choice.map = kept.map;
    fillGrid(choice, root);
    choice.layout = "";
  }
  followPython(choice, data);
  if (choice.map) {
    drawMap(choice, root);
    choice.show();
  }
  choice.sizes ||= watchSize(choice, root);
  return whenUnmounted(choice, () => {
    clearTimeout(choice.timer);
    choice.sizes?.disconnect();
    choice.sizes = null;
  });
}

function watchSize(choice, root) {
  const sizes = new ResizeObserver(() => choice.map && drawMap(choice, root));
  sizes.observe(root);
  return sizes;
}

// ---- the grid -------------------------------------------------------------------------------------------------------

/** The cells as rows of buttons without looks: the canvas beneath shows them. */
function fillGrid(choice, root) {
  const { map } = choice;
  choice.buttons.clear();
  choice.lines = []; // rows of ids, as the arrow keys walk them
  choice.columns = []; // what is written above each column
  const grid = element("div", "map");
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-label", "Map of the model: layers down, matrices across. Choose one to see it in full.");
  grid.append(element("canvas"), groups(map), symbols(choice));
  grid.append(outside(choice, "in", "Before the layers", map.before));
  for (let layer = 0; layer < map.layers; layer++) grid.append(layerLine(choice, layer));
  grid.append(outside(choice, "out", "After the layers", map.after));
  grid.addEventListener("click", (event) => {
    const cell = event.target.closest(".cell");
    if (!cell) return;
    chooseByHand(choice, cell.dataset.id, 0);
    bringToSight(cell);
  });
  grid.addEventListener("keydown", (event) => walk(choice, event));
  root.replaceChildren(grid);
}

function layerLine(choice, layer) {
  const cells = choice.map.columns.map((column, index) => {
    const id = `layers.${layer}.${column.part}` + (column.head === null ? "" : `#${column.head}`);
    const head = column.head === null ? "" : `, head ${column.head}`;
    const cell = newCell(choice, id, `Layer ${layer}, ${column.title}${head}, ${column.shape}`);
    cell.classList.toggle("first", startsGroup(choice.map, index));
    return cell;
  });
  return newLine(choice, String(layer), `Layer ${layer}`, cells);
}

/**
 * @param {any} choice
 * @param {string} name
 * @param {string} title
 * @param {Outside[]} items
 */
function outside(choice, name, title, items) {
  const line = newLine(choice, name, title, items.map((item) =>
    newCell(choice, item.id, `${title}: ${item.title}, ${item.shape}`)));
  [...line.querySelectorAll(".cell")].forEach((cell, index) => {
    const symbol = element("span", "beside", items[index].symbol);
    symbol.setAttribute("aria-hidden", "true");
    cell.before(symbol);
  });
  return line;
}

function newLine(choice, name, title, cells) {
  const line = element("div", "line");
  const label = element("div", "name", name);
  line.setAttribute("role", "row");
  label.setAttribute("role", "rowheader");
  label.setAttribute("aria-label", title);
  line.append(label, ...cells);
  choice.lines.push(cells.map((cell) => cell.dataset.id));
  return line;
}

function newCell(choice, id, words) {
  const label = [words, choice.map.thumbnails[id]?.said].filter(Boolean).join(", ");
  const cell = element("div", "cell");
  cell.dataset.id = id;
  cell.title = label;
  cell.tabIndex = -1;
  cell.setAttribute("role", "gridcell");
  cell.setAttribute("aria-label", label);
  choice.buttons.set(id, cell);
  return cell;
}

/**
 * @param {DrawnMap} map
 * @param {number} index
 */
function startsGroup({ columns }, index) {
  return index > 0 && columns[index].group !== columns[index - 1].group;
}

/**
 * What neighbouring columns have in common; as wide as they are together.
 * @param {DrawnMap} map
 */
function groups(map) {
  const line = element("div", "groups");
  line.setAttribute("aria-hidden", "true");
  map.columns.forEach((column, index) => {
    if (index === 0 || startsGroup(map, index)) {
      const group = element("span", index ? "group first" : "group", column.group);
      group.title = column.group;
      group.dataset.count = "0";
      line.append(group);
    }
    line.lastChild.dataset.count = String(Number(line.lastChild.dataset.count) + 1);
  });
  return line;
}

function symbols(choice) {
  const line = element("div", "line symbols");
  line.setAttribute("role", "row");
  const corner = element("div", "name");
  corner.setAttribute("role", "columnheader");
  corner.setAttribute("aria-label", "Layer");
  line.append(corner, ...choice.map.columns.map((column, index) => {
    const symbol = element("div", "symbol");
    const text = element("span", column.head === null ? "" : "flat", column.symbol);
    symbol.classList.toggle("first", startsGroup(choice.map, index));
    symbol.setAttribute("role", "columnheader");
    symbol.setAttribute("aria-label", column.head === null ? column.title : `${column.title}, head ${column.head}`);
    symbol.title = symbol.getAttribute("aria-label");
    symbol.append(text);
    choice.columns.push(symbol);
    return symbol;
  }));
  return line;
}

function walk(choice, event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const here = event.target.closest(".cell")?.dataset.id;
  const row = choice.lines.findIndex((line) => line.includes(here));
  if (row < 0) return;
  const column = choice.lines[row].indexOf(here);
  const last = choice.lines[row].length - 1;
  const steps = { ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1], ArrowDown: [row + 1, column],
                  ArrowUp: [row - 1, column], Home: [row, 0], End: [row, last],
                  PageDown: [choice.lines.length - 2, column], PageUp: [1, column] };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const [to, across] = steps[event.key];
  const line = choice.lines[Math.min(Math.max(to, 0), choice.lines.length - 1)];
  const id = line[Math.min(Math.max(across, 0), line.length - 1)];
  // A held arrow key passes many cells: Python hears only of the one where it stops.
  chooseByHand(choice, id, 150);
  choice.buttons.get(id).focus({ preventScroll: true });
  bringToSight(choice.buttons.get(id));
}

/**
 * Once the visitor has chosen, the chosen matrix lies over the lower part of a narrow screen (style.css, data-used).
 * Scroll the page where the cell is not seen.
 */
function bringToSight(cell) {
  cell.getRootNode().host?.closest(".st-key-map-frame")?.setAttribute("data-used", "");
  const { top, bottom } = cell.getBoundingClientRect();
  const end = innerHeight * (innerWidth > 1100 ? 0.97 : 0.54);
  if (top < 70 || bottom > end) cell.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
}

/** Mark the chosen cell, its layer and its column; exactly one cell is reachable with the Tab key. */
function showChosen(choice, root) {
  const cell = choice.buttons.get(choice.chosen);
  const stop = cell || choice.buttons.values().next().value;
  if (choice.marked === cell && choice.stop === stop) return;
  for (const old of [choice.marked, choice.stop]) {
    old?.setAttribute("aria-selected", "false");
    if (old) old.tabIndex = -1;
  }
  root.querySelectorAll(".here").forEach((label) => label.classList.remove("here"));
  stop.tabIndex = 0;
  Object.assign(choice, { marked: cell, stop });
  if (!cell) return;
  cell.setAttribute("aria-selected", "true");
  const row = choice.lines.findIndex((line) => line.includes(choice.chosen));
  cell.parentElement.firstChild.classList.add("here");
  if (row > 0 && row < choice.lines.length - 1) {
    choice.columns[choice.lines[row].indexOf(choice.chosen)].classList.add("here");
  }
  bringIntoView(root, cell);
  requestAnimationFrame(() => choice.marked === cell && bringIntoView(root, cell)); // a map just made has no width yet
}

// ---- the canvas -----------------------------------------------------------------------------------------------------

/** Give the cells a size that fits the page, and draw all thumbnails; nothing where nothing has changed. */
function drawMap(choice, root) {
  const { map } = choice;
  const between = map.columns.filter((_, index) => startsGroup(map, index)).length * BETWEEN;
  const room = root.clientWidth - 4 - NAMES - between;
  const width = Math.min(Math.max(Math.floor(room / map.columns.length) - GAP, NARROWEST), WIDEST);
  const height = Math.min(width, Math.max(LOWEST, Math.floor(TALLEST / (map.layers + 2)) - GAP));
  const ratio = Math.max(1, window.devicePixelRatio || 1);
  const layout = [width, height, ratio].join();
  if (root.clientWidth === 0 || choice.layout === layout) return;
  choice.layout = layout;
  const grid = root.firstChild;
  const sizes = { "cell-width": width, "cell-height": height, gap: GAP, between: BETWEEN, names: NAMES, beside: BESIDE };
  for (const [name, pixels] of Object.entries(sizes)) grid.style.setProperty(`--${name}`, `${pixels}px`);
  for (const group of grid.querySelectorAll(".group")) {
    const room = Number(group.dataset.count) * (width + GAP) - GAP;
    const [word] = group.title.split(" ");
    group.style.width = `${room}px`;
    group.textContent = group.title.length * LETTER <= room ? group.title : word;
    group.classList.toggle("spills", word.length * LETTER <= room + BETWEEN); // into the room before the next group
  }
  const left = (index) => index * (width + GAP)
    + map.columns.filter((_, other) => other <= index && startsGroup(map, other)).length * BETWEEN;
  paintAll(choice, grid.querySelector("canvas"), { width, height, ratio, left: map.columns.map((_, i) => left(i)) });
}

function paintAll({ map, lines }, canvas, { width, height, ratio, left }) {
  const beside = lines.length ? Math.max(map.before.length, map.after.length) * (BESIDE + width + GAP) : 0;
  const across = Math.ceil(Math.max(left.at(-1) + width, beside) * ratio);
  const down = Math.ceil(lines.length * (height + GAP) * ratio);
  Object.assign(canvas, { width: across, height: down });
  Object.assign(canvas.style, { width: `${across / ratio}px`, height: `${down / ratio}px`, left: `${NAMES}px`,
                                top: `${HEAD}px` });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(across, down);
  const pixels = new Uint32Array(image.data.buffer);
  const palettes = { signed: palette(map.colours, true), probability: palette(map.colours, false) };
  const frame = colour(map.colours.masked, 0.45);
  lines.forEach((line, row) => {
    const isLayer = row > 0 && row < lines.length - 1;
    line.forEach((id, index) => {
      const x = isLayer ? left[index] : index * (BESIDE + width + GAP) + BESIDE;
      const box = [x, row * (height + GAP), width, height].map((size) => Math.round(size * ratio));
      const thumbnail = map.thumbnails[id];
      if (thumbnail) paintThumbnail(pixels, across, thumbnail, palettes[thumbnail.kind], box, frame);
    });
  });
  pen.putImageData(image, 0, 0);
}

/**
 * Each pixel takes its cell's colour, and where there are fewer pixels than cells that of the largest magnitude; around
 * the cells is a frame, which covers none of them.
 * @param {Encoded} thumbnail
 * @param {number[]} box left, top, width and height in pixels
 */
function paintThumbnail(pixels, across, thumbnail, colours, box, frame) {
  const [left, top, width, height] = box;
  const { rows, columns, cells, kind } = thumbnail;
  const bytes = Uint8Array.from(atob(cells), (letter) => letter.charCodeAt(0));
  const [down, over] = [behind(height - 2, rows), behind(width - 2, columns)];
  const zero = kind === "signed" ? 127 : 0;
  for (let y = 0; y < height; y++) {
    const start = (top + y) * across + left;
    for (let x = 0; x < width; x++) {
      const edge = x === 0 || y === 0 || x === width - 1 || y === height - 1;
      pixels[start + x] = edge ? frame : colours[strongest(bytes, columns, down[y - 1], over[x - 1], zero)];
    }
  }
}

/** Of each pixel along an axis, the first cell behind it and the one after the last. */
export function behind(pixels, cells) {
  return Array.from({ length: pixels }, (_, pixel) => {
    const first = Math.floor((pixel * cells) / pixels);
    return [first, cells <= pixels ? first + 1 : Math.ceil(((pixel + 1) * cells) / pixels)];
  });
}

/**
 * The byte of the largest magnitude among some cells; masked only where all of them are.
 * @param {number[]} down
 * @param {number[]} across
 */
export function strongest(bytes, columns, down, across, zero) {
  const [top, bottom] = down;
  const [left, right] = across;
  let found = MASKED;
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const byte = bytes[row * columns + column];
      if (found === MASKED || (byte !== MASKED && Math.abs(byte - zero) > Math.abs(found - zero))) found = byte;
    }
  }
  return found;
}

/**
 * The colour of each byte: zero is transparent and strength is opacity, so it suits a light and a dark page.
 * @param {Colours} colours
 * @param {boolean} signed
 */
export function palette({ negative, positive, certain, masked, strongest }, signed) {
  const colours = new Uint32Array(256);
  for (let byte = 0; byte < MASKED; byte++) {
    const share = signed ? (byte - 127) / 127 : byte / 254;
    const hue = signed ? (share < 0 ? negative : positive) : certain;
    colours[byte] = colour(hue, Math.abs(share) * strongest);
  }
  colours[MASKED] = colour(masked, 0.3);
  return colours;
}

/** A colour ("red, green, blue") with an opacity, as one number for a canvas's pixel. */
function colour(hue, opacity) {
  const pixel = new Uint8ClampedArray([...hue.split(",").map(Number), Math.round(opacity * 255)]);
  return new Uint32Array(pixel.buffer)[0];
}
