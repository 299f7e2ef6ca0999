import assert from "node:assert/strict";
import test from "node:test";

import { whenUnmounted } from "./component.js";

test("a component stops when it leaves the page, and not when a younger call has overtaken one", () => {
  const owner = {};
  let stopped = 0;
  const first = whenUnmounted(owner, () => stopped++);
  const second = whenUnmounted(owner, () => stopped++);
  first();
  assert.equal(stopped, 0);
  second();
  assert.equal(stopped, 1);
});
