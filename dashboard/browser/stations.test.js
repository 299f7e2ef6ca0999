import assert from "node:assert/strict";
import test from "node:test";

import { pictureSizes } from "./stations.js";

const matrix = (rows, columns) => ({ rows, columns, kind: "signed" });

test("the cells of all pictures of a card are equally large, and the pictures fit beside each other", () => {
  const [[wide, high], [narrow, same]] = pictureSizes([matrix(8, 8), matrix(8, 4)]);
  assert.equal(high, same);
  assert.ok(Math.abs(wide - 2 * narrow) <= 1); // whole pixels
  assert.ok(wide + narrow + 4 <= 80);
});

test("one long row and a few long columns can still be seen", () => {
  assert.ok(pictureSizes([matrix(1, 64)])[0][1] >= 20);
  assert.ok(pictureSizes([matrix(64, 2)])[0][0] >= 24);
});

test("bars fill the height of the card", () => {
  assert.deepEqual(pictureSizes([{ rows: 5, columns: 1, kind: "bars" }]), [[80, 64]]);
});
