import assert from "node:assert/strict";
import test from "node:test";

import { layoutWithoutTexts, linesOf, tracesWithoutTexts } from "./texts.js";

const PLAIN = { isBold: false, size: 10, colour: "", shift: 0 };

test("a text without marks is one run", () => {
  assert.deepEqual(linesOf("scale ±2.0", 10), [[{ ...PLAIN, text: "scale ±2.0" }]]);
});

test("bold, small letters set low, sizes and colours hold to the end of their mark, over the end of a line too", () => {
  const [first, second] = linesOf('<b>W<sub>q</sub></b>  <span style="font-size:8px;color:rgb(1, 2, 3)">8×8<br>random</span>!', 10);
  assert.deepEqual(first, [
    { ...PLAIN, isBold: true, text: "W" },
    { ...PLAIN, isBold: true, size: 7, shift: 3, text: "q" },
    { ...PLAIN, text: "  " },
    { ...PLAIN, size: 8, colour: "rgb(1, 2, 3)", text: "8×8" },
  ]);
  assert.deepEqual(second, [{ ...PLAIN, size: 8, colour: "rgb(1, 2, 3)", text: "random" }, { ...PLAIN, text: "!" }]);
});

test("what a tokenizer wrote is text: its brackets come as entities, and other marks are none", () => {
  assert.deepEqual(linesOf("&lt;b&gt; &amp;lt; <i>", 10)[0].map(({ text }) => text).join(""), "<b> &lt; <i>");
});

test("an empty line has its height", () => {
  assert.equal(linesOf("one<br><br>three", 10).length, 3);
});

test("Plotly is given no texts beside cells and bars, and what the message said stays as it is", () => {
  const bars = { type: "bar", x: [1], text: ["1 %"], textposition: "outside" };
  const cells = { type: "heatmap", z: [[1]] };
  assert.deepEqual(tracesWithoutTexts([bars, cells]), [{ ...bars, text: undefined, textposition: "none" }, cells]);
  assert.deepEqual(bars.text, ["1 %"]);
  assert.deepEqual(layoutWithoutTexts({ width: 3, annotations: [1] }), { width: 3, annotations: [] });
});
