// The strip of stations. Needs choice.js and thumbnail.js.

const PICTURE_HEIGHT = 64;
const PICTURE_WIDTH = 80; // all pictures of one card together
const PICTURE_GAP = 4;

export default function ({ data, parentElement, setStateValue }) {
  const choice = choiceIn(parentElement);
  const root = parentElement.querySelector(".root");
  choice.report = (report) => setStateValue("report", report);
  choice.show = () => markChosen(choice);
  const signature = JSON.stringify(data.cards);
  if (choice.signature !== signature) {
    choice.signature = signature;
    fillStrip(choice, root, data.cards);
  }
  const colours = themeColours(getComputedStyle(root));
  for (const draw of choice.pictures) draw(colours); // anew each time: the theme may have changed
  followPython(choice, data);
  choice.show();
  return whenUnmounted(choice, () => clearTimeout(choice.timer));
}

function fillStrip(choice, root, cards) {
  choice.buttons.clear();
  choice.pictures = [];
  root.setAttribute("role", "radiogroup");
  root.setAttribute("aria-label", "Stations from text to sampled token");
  root.replaceChildren(...cards.map((card) => {
    const button = element("button", "station");
    button.append(element("span", "title", card.title), pictures(choice, card.thumbnails),
                  element("span", "caption", card.caption));
    button.title = card.caption ? `${card.title}, ${card.caption}` : card.title;
    button.setAttribute("aria-label", button.title);
    addRadio(choice, button, card.id);
    return button;
  }));
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
  const drawn = ({ kind }) => kind === "bars" || kind === "tokens"; // these fill whatever place they get
  const columns = thumbnails.reduce((sum, picture) => sum + (drawn(picture) ? 0 : picture.columns), 0) || 1;
  const rows = Math.max(1, ...thumbnails.map((picture) => (drawn(picture) ? 1 : picture.rows)));
  const width = PICTURE_WIDTH - PICTURE_GAP * (thumbnails.length - 1);
  const cell = Math.min(width / columns, PICTURE_HEIGHT / rows);
  return thumbnails.map((picture) => {
    if (drawn(picture)) return [Math.floor(width / thumbnails.length), PICTURE_HEIGHT];
    // One long row would be a hair, a few long columns a thread: such pictures are stretched.
    return [Math.max(Math.min(24, width / thumbnails.length), Math.round(picture.columns * cell)), Math.max(20, Math.round(picture.rows * cell))];
  });
}
