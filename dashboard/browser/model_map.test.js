import assert from "node:assert/strict";
import test from "node:test";

import { behind, palette, strongest } from "./model_map.js";
import { MASKED } from "./thumbnail.js";

const COLOURS = { negative: "0, 0, 255", positive: "255, 128, 0", certain: "0, 128, 128", masked: "9, 9, 9", strongest: 0.5 };
const rgba = (pixel) => [...new Uint8Array(new Uint32Array([pixel]).buffer)];

test("all cells are behind some pixel, in order, and each pixel has one", () => {
  assert.deepEqual(behind(4, 2), [[0, 1], [0, 1], [1, 2], [1, 2]]);
  assert.deepEqual(behind(2, 5), [[0, 3], [2, 5]]);
  assert.deepEqual(behind(3, 3), [[0, 1], [1, 2], [2, 3]]);
});

test("of several cells behind a pixel the largest magnitude is seen, whatever its sign", () => {
  const bytes = Uint8Array.from([127, 130, 100, 140]);
  assert.equal(strongest(bytes, 2, [0, 2], [0, 2], 127), 100);
  assert.equal(strongest(bytes, 2, [0, 1], [0, 2], 127), 130);
});

test("a masked cell is seen only where nothing else is", () => {
  assert.equal(strongest(Uint8Array.from([MASKED, 3]), 2, [0, 1], [0, 2], 0), 3);
  assert.equal(strongest(Uint8Array.from([MASKED, MASKED]), 2, [0, 1], [0, 2], 0), MASKED);
});

test("zero is transparent, and the largest magnitudes have their sign's colour in full strength", () => {
  const signed = palette(COLOURS, true);
  assert.deepEqual(rgba(signed[0]), [0, 0, 255, 128]);
  assert.deepEqual(rgba(signed[254]), [255, 128, 0, 128]);
  assert.equal(rgba(signed[127])[3], 0);
  assert.equal(rgba(palette(COLOURS, false)[0])[3], 0);
  assert.deepEqual(rgba(signed[MASKED]).slice(0, 3), [9, 9, 9]);
});
