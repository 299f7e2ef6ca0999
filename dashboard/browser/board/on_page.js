// The board as a component of the page.

import { whenUnmounted } from "../unmounting.js";
import { clearBoard, showBoard } from "./board.js";
import { loadPlotly } from "./plotly.js";

const owners = new WeakMap(); // parentElement -> what stays of its board over every rerun

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  if (!owners.has(parentElement)) owners.set(parentElement, {});
  showBoard(root, data, loadPlotly(new URL(root.dataset.plotly, document.baseURI)));
  return whenUnmounted(owners.get(parentElement), () => clearBoard(root));
}
