import assert from "node:assert/strict";
import test from "node:test";

import { flow } from "./thumbnail.js";

test("boxes flow like words: onto the next line where there is no room, and none is wider than the picture", () => {
  const { boxes, overflow } = flow(Uint8Array.from([254, 254, 254, 254, 1]), 60, 30, 3);
  assert.equal(overflow, false);
  assert.equal(boxes.length, 5);
  for (const [left, , width] of boxes) assert.ok(left >= 0 && left + width <= 60);
  assert.ok(boxes[4][1] > boxes[0][1]);
});

test("what has no room on so many lines is said to overflow", () => {
  assert.equal(flow(new Uint8Array(200).fill(200), 60, 30, 3).overflow, true);
});
