// @ts-check
// The strip of stations.

import { addRadio, choiceIn, followPython, markChosen } from "./choice.js";
import { rootOf, whenUnmounted } from "./component.js";
import { element } from "./element.js";
import { drawThumbnail } from "./thumbnail.js";
/** @import { Component } from "./streamlit" */
/** @import { Card, ChoiceMessage, Colours, Encoded, StationsMessage } from "./messages" */

const PICTURE_HEIGHT = 64;
const PICTURE_WIDTH = 80; // all pictures of one card together
const PICTURE_GAP = 4;

/**
 * Its title is a technical word: pointed at or focused, it is explained (glossary.js).
 * @param {Card} card
 */
function titleOf(card) {
  const title = element("span", "title", card.title);
  if (card.word) title.dataset.word = card.word;
  return title;
}

/** @param {Component<StationsMessage & ChoiceMessage>} component */
export default function ({ data, parentElement, setStateValue }) {
  const choice = choiceIn(parentElement);
  const root = rootOf(parentElement);
  choice.report = (report) => setStateValue("report", report);
  choice.show = () => markChosen(choice);
  const signature = JSON.stringify([data.cards, data.colours, window.devicePixelRatio]);
  if (choice.signature !== signature) {
    choice.signature = signature;
    fillStrip(choice, root, data);
  }
  followPython(choice, data);
  choice.show();
  readAsSeen(choice, data);
  return whenUnmounted(choice, () => [choice.timer, choice.reading].forEach(clearTimeout));
}

/**
 * Once all sections are there and the chosen station's is seen first, they are read aloud in the order in which they are
 * seen: style alone would not do, since Chromium keeps the order in which it first read them.
 */
function readAsSeen(choice, { cards, chosen }, tries = 100) {
  clearTimeout(choice.reading);
  const sections = document.querySelector(".st-key-sections");
  const blocks = sections ? [...sections.querySelectorAll('[class*="st-key-section-"]')] : [];
  const named = new Map(blocks.map((block) => [/st-key-(section-\S+)/.exec(block.className)[1], block]));
  const order = new Map(blocks.map((block) => [block, Number(getComputedStyle(block).order)]));
  const complete = ["rest", ...cards.map((card) => card.id)].every((name) => named.has(`section-${name}`));
  if (complete && order.get(named.get(`section-${chosen}`)) === -2) {
    for (const [name, block] of named) block.id = name;
    blocks.sort((one, other) => order.get(one) - order.get(other)); // those of one order stay as they are in the page
    sections.setAttribute("aria-owns", blocks.map((block) => block.id).join(" "));
  } else if (tries) {
    choice.reading = setTimeout(() => readAsSeen(choice, { cards, chosen }, tries - 1), 100);
  }
}

/**
 * @param {any} choice
 * @param {HTMLElement} root
 * @param {StationsMessage} message
 */
function fillStrip(choice, root, { cards, colours }) {
  choice.buttons.clear();
  root.setAttribute("role", "radiogroup");
  root.setAttribute("aria-label", "Stations from text to sampled token");
  root.replaceChildren(...cards.map((card) => {
    const button = element("button", "station");
    button.append(titleOf(card), pictures(card.thumbnails, colours),
                  element("span", "caption", card.caption));
    button.setAttribute("aria-label", card.caption ? `${card.title}, ${card.caption}` : card.title);
    addRadio(choice, button, card.id);
    return button;
  }));
}

/**
 * @param {Encoded[]} thumbnails
 * @param {Colours} colours
 */
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

/**
 * Width and height of each picture: square cells of one size in a card, as large as fits.
 * @param {Encoded[]} thumbnails
 */
export function pictureSizes(thumbnails) {
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
