// The strip of stations. Needs choice.js and thumbnail.js.

const PICTURE_HEIGHT = 64;
const PICTURE_WIDTH = 96; // all pictures of one card together
const PICTURE_GAP = 4;

export default function ({ data, parentElement, setStateValue }) {
  const choice = choiceIn(parentElement);
  const root = parentElement.querySelector(".root");
  choice.report = (report) => setStateValue("report", report);
  choice.show = () => {
    markChosen(choice);
    bringIntoView(root, choice.buttons.get(choice.chosen));
  };
  const signature = JSON.stringify(data.cards);
  if (choice.signature !== signature) {
    choice.signature = signature;
    fillStrip(choice, root, data.cards);
  }
  const colours = themeColours(getComputedStyle(root));
  for (const draw of choice.pictures) draw(colours); // anew each time: the theme may have changed
  followPython(choice, data);
  choice.show();
  return () => clearTimeout(choice.timer);
}

function fillStrip(choice, root, cards) {
  choice.buttons.clear();
  choice.pictures = [];
  root.setAttribute("role", "radiogroup");
  root.setAttribute("aria-label", "Stations from text to sampled token");
  const parts = [];
  for (const card of cards) {
    if (parts.length) {
      const arrow = element("span", "arrow");
      arrow.setAttribute("aria-hidden", "true");
      parts.push(arrow);
    }
    const button = element("button", "station");
    button.append(element("span", "title", card.title), pictures(choice, card.thumbnails),
                  element("span", "caption", card.caption));
    button.setAttribute("aria-label", card.caption ? `${card.title}, ${card.caption}` : card.title);
    addRadio(choice, button, card.id);
    parts.push(button);
  }
  root.replaceChildren(...parts);
}

function pictures(choice, thumbnails) {
  const row = element("span", "pictures");
  for (const [index, [width, height]] of pictureSizes(thumbnails).entries()) {
    const canvas = element("canvas");
    canvas.setAttribute("aria-hidden", "true");
    row.append(canvas);
    choice.pictures.push((colours) => drawThumbnail(canvas, thumbnails[index], width, height, colours));
  }
  return row;
}

/** Width and height of each picture: square cells of one size in a card, as large as fits. */
function pictureSizes(thumbnails) {
  const grids = thumbnails.map(({ rows, columns, kind }) => (kind === "bars" || kind === "tokens" ? [1, 1] : [rows, columns]));
  const columns = grids.reduce((sum, grid) => sum + grid[1], 0) || 1;
  const rows = Math.max(1, ...grids.map((grid) => grid[0]));
  const width = PICTURE_WIDTH - PICTURE_GAP * (thumbnails.length - 1);
  const cell = Math.min(width / columns, PICTURE_HEIGHT / rows);
  return grids.map(([ownRows, ownColumns], index) => {
    if (thumbnails[index].kind === "bars" || thumbnails[index].kind === "tokens") {
      return [Math.round(width / thumbnails.length), PICTURE_HEIGHT];
    }
    // One long row would be a hair: such a picture is stretched in height.
    return [Math.max(6, Math.round(ownColumns * cell)), Math.max(12, Math.round(ownRows * cell))];
  });
}
