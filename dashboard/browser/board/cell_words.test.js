import assert from "node:assert/strict";
import test from "node:test";

import { cellInWords, codeInWords, exactly } from "./cell_words.js";

test("a code has as many digits as its unit, and a sign that it is rounded", () => {
  assert.equal(codeInWords(37, { unit: 0.0133, end: 126 }), "≈ 0.49");
  assert.equal(codeInWords(-37, { unit: 0.0133, end: 126 }), "≈ −0.49");
  assert.equal(codeInWords(3, { unit: 250, end: 126 }), "≈ 800");
});

test("the last code of a scale means that number or more", () => {
  assert.equal(codeInWords(126, { unit: 10, end: 126 }), "1,260 or beyond");
  assert.equal(codeInWords(-126, { unit: 10, end: 126 }), "−1,260 or beyond");
});

test("numbers of tiny units have a power of ten", () => {
  assert.equal(codeInWords(2, { unit: 1e-9, end: 126 }), "≈ 2.0e−9");
});

test("an exact number has nine digits and a true minus sign", () => {
  assert.equal(exactly(-1.23456789012), "−1.23456789");
  assert.equal(exactly(1e-12), "1e−12");
  assert.equal(exactly(Infinity), "Infinity");
});

test("the words of a masked cell are the reason", () => {
  const codes = { unit: 0.5, end: 126, masked: { "-128": "in the future" } };
  assert.equal(codeInWords(-128, codes), "in the future");
  assert.equal(codeInWords(-126, codes), "−63.0 or beyond");
});

test("the words of a cell are those of its label, on one line and without markup", () => {
  const axis = { ticktext: ["&lt;b&gt;a", "b"] };
  const data = [
    { hovertemplate: "token %{y:d} %{y}<br>column %{x}<br><b>%{z:.9g}</b><extra></extra>" },
    { hovertemplate: "<b>masked</b><extra></extra>" },
  ];
  const _fullData = [[[-0.5, NaN]], [[NaN, 1]]].map((z) => ({ type: "heatmap", xaxis: "x", yaxis: "y", z }));
  const matrix = { figure: { data, _fullData }, place: "x y", axes: { x: {}, y: axis } };
  assert.equal(cellInWords(matrix, 0, 0), "token 0 <b>a, column 0, −0.5");
  assert.equal(cellInWords(matrix, 0, 1), "masked");
});
