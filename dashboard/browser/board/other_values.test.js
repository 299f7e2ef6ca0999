import assert from "node:assert/strict";
import test from "node:test";

import { frameOf } from "./other_values.js";

const drawing = (values, more = {}) => ({
  traces: [{ type: "heatmap", z: values, zmin: -1, zmax: 1, meta: { numbers: { texts: [] } }, hovertemplate: "", ...more }],
  layout: { width: 100, annotations: [{ text: "scale ±1", x: 0 }] },
});

test("other values, another scale and other texts leave the frame as it is", () => {
  const other = drawing([Float32Array.of(3, 4)], { zmin: -4, zmax: 4, meta: { numbers: { texts: [["3", "4"]] } } });
  other.layout.annotations[0].text = "scale ±4";
  assert.equal(frameOf(other), frameOf(drawing([Float32Array.of(1, 2)])));
});

test("more rows or columns, another place of a text, a label and a bar's length are another frame", () => {
  const frame = frameOf(drawing([Float32Array.of(1, 2)]));
  const moved = drawing([Float32Array.of(1, 2)]);
  moved.layout.annotations[0].x = 0.5;
  const labelled = drawing([Float32Array.of(1, 2)]);
  labelled.layout.xaxis = { ticktext: ["a", "b"] };
  for (const other of [drawing([Float32Array.of(1, 2, 3)]), drawing([[1, 2], [3, 4]]), moved, labelled]) {
    assert.notEqual(frameOf(other), frame);
  }
  const bars = (length) => ({ traces: [{ type: "bar", x: [length] }], layout: {} });
  assert.notEqual(frameOf(bars(1)), frameOf(bars(2)));
});
