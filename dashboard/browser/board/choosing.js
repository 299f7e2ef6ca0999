// @ts-check
// What a visitor chooses on the board, with whatever hand: one cell, or a region that is dragged over.

import { cellsBehind } from "./cells.js";
import { watchClicks } from "./pointing.js";
import { cellInWords } from "./cell_words.js";

const choosing = { owner: null, pick: null, deafen: null };

/**
 * Call pick({ matrix, head, rows, columns }, words) for each cell that is clicked, tapped, or chosen with the keyboard.
 * words: what its hover label says, in one line.
 */
export function watchCells(owner, pick) {
  Object.assign(choosing, { owner, pick });
  choosing.deafen ??= watchClicks((found) => pickCell(found, found.cell));
}

/** Stop calling, unless another owner has taken over. */
export function stopCells(owner) {
  if (choosing.owner !== owner) return;
  choosing.deafen();
  Object.assign(choosing, { owner: null, pick: null, deafen: null });
}

/** Choose a cell of a matrix in a figure, as matricesIn has it. */
export function pickCell(matrix, [row, column]) {
  choosing.pick?.(cellsBehind(matrix.meta, row, column), cellInWords(matrix, row, column));
}
