import assert from "node:assert/strict";
import test from "node:test";

import { placesOf } from "./pager.js";

const axis = (left, width) => ({ _offset: left, _length: width });

test("each matrix of a figure is a stop, from left to right, and a cache above its new rows is one with them", () => {
  const figure = {
    _fullLayout: { xaxis: axis(300, 80), xaxis2: axis(50, 100), xaxis3: axis(51, 100),
                   yaxis: { showticklabels: true, ticktext: ["a token of some length"] }, yaxis2: {}, yaxis3: {} },
    _fullData: [
      { xaxis: "x", yaxis: "y", visible: true, meta: { label: "Q" } },
      { xaxis: "x2", yaxis: "y2", visible: true, meta: { label: "X" } },
      { xaxis: "x3", yaxis: "y3", visible: true },
      { xaxis: "x", yaxis: "y", visible: false },
    ],
  };
  const places = placesOf(figure);
  assert.deepEqual(places.map(({ left, right, label }) => [left, right, label]), [[50, 150, "X"], [300, 380, "Q"]]);
  assert.ok(places[1].labels > places[0].labels, "row labels have room beside their matrix");
});
