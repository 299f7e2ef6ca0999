// @ts-check
// The board as a component of the page.

import { rootOf, whenUnmounted } from "../component.js";
import { clearBoard, showBoard } from "./board.js";
import { loadPlotly } from "./plotly.js";

export default function ({ data, parentElement }) {
  const root = rootOf(parentElement);
  showBoard(root, data, loadPlotly(new URL(root.dataset.plotly, document.baseURI)));
  return whenUnmounted(parentElement, () => clearBoard(root));
}
