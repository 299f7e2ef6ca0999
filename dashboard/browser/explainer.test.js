import assert from "node:assert/strict";
import test from "node:test";

import { clock } from "./clock.test.js";
import { comparedIn, goBack, oneByOne } from "./explainer.js";

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
