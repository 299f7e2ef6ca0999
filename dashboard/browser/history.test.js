import assert from "node:assert/strict";
import test from "node:test";

import keepHistory, { view } from "./history.js";

globalThis.history = { pushState: Object.assign(() => {}, { isOurs: true }) };

test("addresses that differ in quiet names alone, or in their order, show the same view", () => {
  keepHistory({ data: { quiet: ["temperature"] } });
  const of = (address) => view(new URL(address, "http://here"));
  assert.equal(of("/?a=1&b=2&temperature=1"), of("/?b=2&a=1"));
  assert.notEqual(of("/?a=1"), of("/?a=2"));
  assert.notEqual(of("/?a=1"), of("/whole_model?a=1"));
});
