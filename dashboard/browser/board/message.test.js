import assert from "node:assert/strict";
import test from "node:test";

import { readMessage } from "./message.js";

/** A message as Python packs it: two rows of three numbers, and three numbers of one byte. */
function message() {
  const trace = { type: "heatmap", z: { array: 0 }, x: { array: 1 }, meta: { array: "not one" } };
  const arrays = [{ kind: "float32", offset: 0, shape: [2, 3] }, { kind: "int8", offset: 24, shape: [3] }];
  const said = JSON.stringify({ drawings: [{ key: "a", traces: [trace], layout: {}, arrays }] });
  const header = new TextEncoder().encode(said + " ".repeat(7 - ((said.length + 3) % 8)));
  const bytes = new Uint8Array(4 + header.length + 32);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, 4);
  bytes.set(new Uint8Array(Float32Array.of(1, 2, NaN, 4, 5, 6).buffer), 4 + header.length);
  bytes.set([127, 255, 0], 4 + header.length + 24);
  return bytes;
}

test("arrays are rows of numbers where they lie in the message", () => {
  const bytes = message();
  const [{ key, traces: [{ z, x, meta }] }] = readMessage(bytes);
  assert.equal(key, "a");
  assert.deepEqual(z, [Float32Array.of(1, 2, NaN), Float32Array.of(4, 5, 6)]);
  assert.deepEqual(x, Int8Array.of(127, -1, 0));
  assert.deepEqual(meta, { array: "not one" });
  assert.equal(z[1].buffer, bytes.buffer);
});

test("a message may begin anywhere in something longer", () => {
  const longer = new Uint8Array(message().length + 3);
  longer.set(message(), 3);
  const [{ traces: [{ z }] }] = readMessage(longer.subarray(3));
  assert.deepEqual(z[1], Float32Array.of(4, 5, 6));
});
