import assert from "node:assert/strict";
import test from "node:test";

import { choiceIn, chooseByHand, followPython } from "./choice.js";
import { clock } from "./clock.test.js";

function choiceOf(reports) {
  return Object.assign(choiceIn({}), { show: () => {}, report: (report) => reports.push(report) });
}

test("a click is shown at once and stays while Python says what was before it", (t) => {
  const { pass } = clock(t);
  const reports = [];
  const choice = choiceOf(reports);
  followPython(choice, { chosen: "a", seen: 0 });
  chooseByHand(choice, "b", 0);
  followPython(choice, { chosen: "a", seen: 0 });
  assert.equal(choice.chosen, "b");
  pass(1);
  followPython(choice, { chosen: "c", seen: reports[0].click });
  assert.equal(choice.chosen, "c", "what Python says after it has taken the click");
});

test("of a held key's many items only the last one is reported, under a number that grows", (t) => {
  const { pass } = clock(t);
  const reports = [];
  const choice = choiceOf(reports);
  for (const value of [1, 2, 3]) chooseByHand(choice, value, 150);
  pass(150);
  chooseByHand(choice, 4, 0);
  pass(1);
  assert.deepEqual(reports.map(({ value }) => value), [3, 4]);
  assert.ok(reports[1].click > reports[0].click);
});
