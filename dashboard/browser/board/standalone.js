// @ts-check
// A board without a server: the page that dashboard.browser.board.html writes.

import { showBoard } from "./board.js";
import { outlineCells } from "./cells.js";
import { watchCells } from "./choosing.js";
import { loadPlotly, usePlotly } from "./plotly.js";

const root = document.querySelector(".board");
const said = document.querySelector(".board-chosen");
const outlines = outlineCells("cell-outline");
const { plotly, message } = JSON.parse(document.querySelector("#board-data").textContent);

if (!plotly) usePlotly(window.Plotly);
showBoard(root, Uint8Array.from(atob(message), (letter) => letter.charCodeAt(0)), loadPlotly(plotly));
watchCells(root, ({ matrix, head, rows, columns }, words) => {
  /** @returns {[number, number]} */
  const ends = (numbers) => [Math.min(...numbers), Math.max(...numbers) + 1];
  const heads = head === null ? null : ends([head]);
  outlines.show([{ kind: "cell", label: "", matrix, head: heads, rows: ends(rows), columns: ends(columns) }]);
  said.textContent = `${matrix}: ${words}`;
});
