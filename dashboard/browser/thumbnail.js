// @ts-check
// Draws matrices as small pictures on a canvas, in the colours of the large figures: zero is transparent and
// strength is opacity, so the pictures are right on a light and on a dark page.

/** @import { Colours, Encoded } from "./messages" */

export const MASKED = 255;

/**
 * Draw a thumbnail on a canvas of width × height CSS pixels.
 * @param {HTMLCanvasElement} canvas
 * @param {Encoded} thumbnail
 * @param {number} width
 * @param {number} height
 * @param {Colours} colours
 */
export function drawThumbnail(canvas, thumbnail, width, height, colours) {
  const ratio = Math.max(1, window.devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  const cells = Uint8Array.from(atob(thumbnail.cells), (letter) => letter.charCodeAt(0));
  const draw = { bars: drawBars, tokens: drawTokens }[thumbnail.kind] || drawCells;
  draw(pen, thumbnail, cells, canvas.width, canvas.height, colours);
}

function drawCells(pen, { rows, columns, kind }, cells, width, height, colours) {
  const paintOf = kind === "signed" ? signedPaint : probabilityPaint;
  for (let row = 0; row < rows; row++) {
    // Edges on whole pixels: neighbours neither overlap nor leave a seam.
    const top = Math.round((row * height) / rows);
    const bottom = Math.round(((row + 1) * height) / rows);
    for (let column = 0; column < columns; column++) {
      const left = Math.round((column * width) / columns);
      const right = Math.round(((column + 1) * width) / columns);
      const cell = cells[row * columns + column];
      pen.fillStyle = cell === MASKED ? paint(colours.masked, 0.3) : paintOf(cell, colours);
      pen.fillRect(left, top, right - left, bottom - top);
    }
  }
}

function drawBars(pen, thumbnail, cells, width, height, colours) {
  const step = height / cells.length;
  const thickness = Math.max(1, Math.floor(step * 0.72));
  pen.fillStyle = paint(colours.certain, 0.75);
  cells.forEach((cell, index) => {
    if (cell !== MASKED) pen.fillRect(0, Math.round(index * step), Math.max(2, (cell / 254) * width), thickness);
  });
}

/** Boxes that flow like words, on as few lines as hold them all. */
function drawTokens(pen, thumbnail, cells, width, height, colours) {
  let lines = 3;
  while (lines < 12 && flow(cells, width, height, lines).overflow) lines++;
  const { boxes } = flow(cells, width, height, lines);
  const [, lastTop, , lastHeight] = boxes.at(-1) || [0, 0, 0, height];
  const lower = Math.max(0, (height - lastTop - lastHeight - boxes[0]?.[1]) / 2); // centred from top to bottom
  pen.fillStyle = paint(colours.masked, 0.5);
  for (const [left, top, boxWidth, boxHeight] of boxes) {
    pen.beginPath();
    pen.roundRect(left, top + lower, boxWidth, boxHeight, boxHeight / 4);
    pen.fill();
  }
}

export function flow(cells, width, height, lines) {
  const line = height / lines;
  const gap = Math.max(1, line * 0.25);
  const boxes = [];
  let [left, top, overflow] = [0, 0, false];
  for (const cell of cells) {
    const box = Math.min(width, Math.max(line * 0.5, (cell / 254) * line * 2.4));
    if (left > 0 && left + box > width) [left, top] = [0, top + line];
    if (top + line > height + 1) {
      overflow = true;
      break;
    }
    boxes.push([left, top + gap / 2, box, line - gap]);
    left += box + gap;
  }
  return { boxes, overflow };
}

/**
 * @param {number} cell
 * @param {Colours} colours
 */
function signedPaint(cell, { negative, positive, strongest }) {
  const share = (cell - 127) / 127;
  return share < 0 ? paint(negative, -share * strongest) : paint(positive, share * strongest);
}

/**
 * @param {number} cell
 * @param {Colours} colours
 */
function probabilityPaint(cell, { certain, strongest }) {
  return paint(certain, (cell / 254) * strongest);
}

/** A colour ("red, green, blue") as strong as `opacity`. */
function paint(colour, opacity) {
  return `rgba(${colour}, ${opacity.toFixed(3)})`;
}
