// @ts-check
// A board: the pictures of one message, below each other.

import { readMessage } from "./message.js";
import { describe, discard, newPicture } from "./picture.js";
import { drawSoon, forget } from "./schedule.js";

const boards = new WeakMap(); // its root -> { pictures by key, bytes }

/** Show a message's pictures in `root`; those that are there under the same key are kept. loading: Plotly's promise. */
export function showBoard(root, bytes, loading) {
  const board = boards.get(root) ?? { pictures: new Map() };
  boards.set(root, board);
  const drawings = readMessage(bytes);
  const wanted = new Set(drawings.map(({ key }) => key));
  for (const key of board.pictures.keys()) if (!wanted.has(key)) remove(board, key);
  root.classList.add("board");
  drawings.forEach((drawing, index) => {
    const picture = board.pictures.get(drawing.key) ?? newPicture();
    board.pictures.set(drawing.key, picture);
    const isOther = describe(picture, drawing);
    const there = root.children[index] ?? null;
    if (there !== picture.block) root.insertBefore(picture.block, there); // what is moved would lose the focus
    if (isOther) drawSoon(picture, loading);
  });
}

/** Take all pictures away. */
export function clearBoard(root) {
  const board = boards.get(root);
  for (const key of board?.pictures.keys() ?? []) remove(board, key);
  boards.delete(root);
}

function remove(board, key) {
  const picture = board.pictures.get(key);
  forget(picture);
  discard(picture);
  board.pictures.delete(key);
}
