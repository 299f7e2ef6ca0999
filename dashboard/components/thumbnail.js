// Draws matrices as small pictures on a canvas.

const MASKED = 255;

/** The colours of the theme that `style` (computed) carries. */
function themeColours(style) {
  const background = toRgb(style.getPropertyValue("--st-background-color"));
  const dark = 0.299 * background[0] + 0.587 * background[1] + 0.114 * background[2] < 128;
  return {
    background,
    text: toRgb(style.getPropertyValue("--st-text-color")),
    masked: dark ? [74, 78, 86] : [205, 208, 213],
    negative: dark ? [84, 158, 255] : [33, 102, 190],
    neutral: dark ? [35, 39, 47] : [244, 244, 242],
    positive: dark ? [255, 158, 68] : [217, 95, 2],
    certain: dark ? [122, 226, 207] : [8, 86, 94],
  };
}

function toRgb(colour) {
  // A canvas understands every way to write a colour.
  const pen = toRgb.pen ||= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#888";
  pen.fillStyle = colour.trim();
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

/** Draw a thumbnail on a canvas of width × height CSS pixels. */
function drawThumbnail(canvas, thumbnail, width, height, colours) {
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
  const colourOf = kind === "signed" ? signedColour : probabilityColour;
  for (let row = 0; row < rows; row++) {
    // Edges on whole pixels: neighbours neither overlap nor leave a seam.
    const top = Math.round((row * height) / rows);
    const bottom = Math.round(((row + 1) * height) / rows);
    for (let column = 0; column < columns; column++) {
      const left = Math.round((column * width) / columns);
      const right = Math.round(((column + 1) * width) / columns);
      const cell = cells[row * columns + column];
      pen.fillStyle = toCss(cell === MASKED ? colours.masked : colourOf(cell, colours));
      pen.fillRect(left, top, right - left, bottom - top);
    }
  }
}

function drawBars(pen, thumbnail, cells, width, height, colours) {
  const step = height / cells.length;
  const thickness = Math.max(1, Math.floor(step * 0.72));
  pen.fillStyle = toCss(colours.certain);
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
  pen.fillStyle = toCss(mix(colours.background, colours.text, 0.3));
  for (const [left, top, boxWidth, boxHeight] of boxes) {
    pen.beginPath();
    pen.roundRect(left, top + lower, boxWidth, boxHeight, boxHeight / 4);
    pen.fill();
  }
}

function flow(cells, width, height, lines) {
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

function signedColour(cell, { negative, neutral, positive }) {
  const share = (cell - 127) / 127;
  return share < 0 ? mix(neutral, negative, -share) : mix(neutral, positive, share);
}

function probabilityColour(cell, { background, certain }) {
  return mix(background, certain, cell / 254);
}

function mix(from, to, share) {
  return from.map((value, index) => value + (to[index] - value) * share);
}

function toCss([red, green, blue]) {
  return `rgb(${Math.round(red)} ${Math.round(green)} ${Math.round(blue)})`;
}
