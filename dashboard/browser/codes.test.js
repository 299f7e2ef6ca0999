import assert from "node:assert/strict";
import test from "node:test";

import { exactly, numberOf } from "./codes.js";

test("a code has as many digits as its unit, and a sign that it is rounded", () => {
  assert.equal(numberOf(37, { unit: 0.0133, end: 126 }), "≈ 0.49");
  assert.equal(numberOf(-37, { unit: 0.0133, end: 126 }), "≈ −0.49");
  assert.equal(numberOf(3, { unit: 250, end: 126 }), "≈ 800");
});

test("the last code of a scale means that number or more", () => {
  assert.equal(numberOf(126, { unit: 10, end: 126 }), "1,260 or beyond");
  assert.equal(numberOf(-126, { unit: 10, end: 126 }), "−1,260 or beyond");
});

test("numbers of tiny units have a power of ten", () => {
  assert.equal(numberOf(2, { unit: 1e-9, end: 126 }), "≈ 2.0e−9");
});

test("an exact number has nine digits and a true minus sign", () => {
  assert.equal(exactly(-1.23456789012), "−1.23456789");
  assert.equal(exactly(1e-12), "1e−12");
  assert.equal(exactly(Infinity), "Infinity");
});
