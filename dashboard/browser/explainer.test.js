import assert from "node:assert/strict";
import test from "node:test";

import { clock } from "./clock.test.js";
import { comparedIn, goBack, oneByOne, setNumber } from "./explainer.js";

test("two numbers are the same, or the same apart from rounding, or apart by so much", () => {
  assert.equal(comparedIn({ stored: "1.5", apart: "" }), ", the same number");
  assert.equal(comparedIn({ stored: "−1.5", apart: "−1e−7" }), ": the same, apart from rounding");
  assert.equal(comparedIn({ stored: "1.5", apart: "0.5" }), ", which differs by 0.5");
});

test("questions in quick succession are asked apart, in their order, and none is lost", (t) => {
  const { pass } = clock(t);
  const asked = [];
  const ask = oneByOne((kind, value) => asked.push([kind, value, Date.now()]));
  ask("go", 1);
  ask("go", 2);
  ask("back", 0);
  pass(2000);
  ask("close");
  assert.deepEqual(asked.map(([kind, value]) => [kind, value]), [["go", 1], ["go", 2], ["back", 0], ["close", undefined]]);
  const times = asked.map(([, , time]) => time);
  for (let i = 1; i < times.length; i++) assert.ok(times[i] - times[i - 1] >= 400);
});

test("quick clicks on Back lead back one cell each, also before the first is answered", () => {
  const asked = [];
  const panel = { crumbCount: 4, goal: null, ask: (kind, value) => asked.push([kind, value]) };
  goBack(panel);
  goBack(panel);
  goBack(panel);
  goBack(panel);
  assert.deepEqual(asked, [["back", 2], ["back", 1], ["back", 0]]);
});

/** A field with the keyboard's focus. */
function fieldWith(value, { typed, invalid } = {}) {
  const field = { value, dataset: typed === undefined ? {} : { typed }, getAttribute: () => String(Boolean(invalid)),
                  removeAttribute: () => {} };
  field.getRootNode = () => ({ activeElement: field });
  return field;
}

test("an answer to what was there before leaves a number that was typed since, and its own answer ends that", () => {
  const field = fieldWith("3", { typed: "3" });
  setNumber(field, 1);
  assert.equal(field.value, "3");
  setNumber(field, 3);
  setNumber(field, 1);
  assert.equal(field.value, 1);
});

test("what is typed and cannot be used stays until it is mended, and the number that is meant is the answer's", () => {
  const field = fieldWith("99", { invalid: true });
  setNumber(field, 4);
  assert.equal(field.value, "99");
  assert.equal(field.dataset.good, 4);
});
