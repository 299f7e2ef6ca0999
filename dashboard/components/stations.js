// The strip of stations. Needs choice.js and thumbnail.js.

const PICTURE_HEIGHT = 64;
const PICTURE_WIDTH = 80; // all pictures of one card together
const PICTURE_GAP = 4;

export default function ({ data, parentElement, setStateValue }) {
  const choice = choiceIn(parentElement);
  const root = parentElement.querySelector(".root");
  choice.report = (report) => setStateValue("report", report);
  choice.show = () => markChosen(choice);
  const signature = JSON.stringify([data.cards, data.colours, window.devicePixelRatio]);
  if (choice.signature !== signature) {
    choice.signature = signature;
    fillStrip(choice, root, data);
  }
  followPython(choice, data);
  choice.show();
  return whenUnmounted(choice, () => clearTimeout(choice.timer));
}

function fillStrip(choice, root, { cards, colours }) {
  choice.buttons.clear();
  root.setAttribute("role", "radiogroup");
  root.setAttribute("aria-label", "Stations from text to sampled token");
  root.replaceChildren(...cards.map((card) => {
    const button = element("button", "station");
    button.append(element("span", "title", card.title), pictures(card.thumbnails, colours),
                  element("span", "caption", card.caption));
    button.title = card.caption ? `${card.title}, ${card.caption}` : card.title;
    button.setAttribute("aria-label", button.title);
    addRadio(choice, button, card.id);
    return button;
  }));
}

function pictures(thumbnails, colours) {
  const row = element("span", "pictures");
  for (const [index, [width, height]] of pictureSizes(thumbnails).entries()) {
    const canvas = element("canvas", drawsItself(thumbnails[index]) ? "" : "matrix");
    canvas.setAttribute("aria-hidden", "true");
    row.append(canvas);
    drawThumbnail(canvas, thumbnails[index], width, height, colours);
  }
  return row;
}

/** Bars and tokens fill whatever place they get; matrices have cells to keep in shape. */
function drawsItself({ kind }) {
  return kind === "bars" || kind === "tokens";
}

/** Width and height of each picture: square cells of one size in a card, as large as fits. */
function pictureSizes(thumbnails) {
  const share = (PICTURE_WIDTH - PICTURE_GAP * (thumbnails.length - 1)) / thumbnails.length;
  const matrices = thumbnails.filter((picture) => !drawsItself(picture));
  const columns = matrices.reduce((sum, picture) => sum + picture.columns, 0);
  const rows = Math.max(...matrices.map((picture) => picture.rows));
  const cell = Math.min((share * matrices.length) / columns, PICTURE_HEIGHT / rows);
  // One long row would be a hair, a few long columns a thread: such pictures are stretched.
  const least = Math.min(24, share);
  return thumbnails.map((picture) => drawsItself(picture)
    ? [Math.floor(share), PICTURE_HEIGHT]
    : [Math.max(least, Math.round(picture.columns * cell)), Math.max(20, Math.round(picture.rows * cell))]);
}
