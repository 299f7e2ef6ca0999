import assert from "node:assert/strict";
import test from "node:test";

import { glossed } from "./words.js";

globalThis.document = { createTextNode: (text) => ({ text }), createElement: (tag) => ({ tag }) };

const FORMS = { key: "key", keys: "key", "attention weights": "weights", weights: "weight", "c++": "plus" };
const told = (text, seen) => glossed(text, FORMS, seen).map(({ text, textContent, href }) => textContent ? [textContent, href] : text);

test("a technical word is a link where it first stands, whatever its form and case", () => {
  assert.deepEqual(told("Keys, and a key."), ["", ["Keys", "#word-key"], ", and a key."]);
});

test("of two words at one place the longer one is found", () => {
  assert.deepEqual(told("attention weights"), ["", ["attention weights", "#word-weights"], ""]);
});

test("a part of another word is none, and neither is what is quoted of a token", () => {
  assert.deepEqual(told("keyboard, low-key, \u2068key\u2069"), ["keyboard, low-key, \u2068key\u2069"]);
});

test("a form may hold what means something in a pattern", () => {
  assert.deepEqual(told("in C++ too"), ["in ", ["C++", "#word-plus"], " too"]);
});

test("texts that share what was seen link each word once", () => {
  const seen = new Set();
  told("a key", seen);
  assert.deepEqual(told("a key", seen), ["a key"]);
});
