import assert from "node:assert/strict";
import test from "node:test";

import { cellsBehind, runsIn } from "./cells.js";

const mark = (more) => ({ kind: "cell", matrix: "q", head: null, rows: [0, 1], columns: [0, 1], label: "", ...more });
const picture = (more) => ({ matrix: "q", origin: { size: [4, 6], ...more } });

test("a cell of a whole picture is that cell of its matrix", () => {
  assert.deepEqual(cellsBehind(picture({ head: 2 }), 1, 5), { matrix: "q", head: 2, rows: [1], columns: [5] });
});

test("rows and columns count from the picture's first ones", () => {
  assert.deepEqual(cellsBehind(picture({ rows: 10, columns: 20 }), 1, 5).rows, [11]);
  assert.deepEqual(runsIn(picture({ rows: 10 }), mark({ rows: [11, 13] })), [{ rows: [1, 3], columns: [0, 1] }]);
});

test("a pooled cell stands for all cells of its tile, and for fewer at the edge", () => {
  const meta = picture({ tile: [3, 4] });
  assert.deepEqual(cellsBehind(meta, 0, 0), { matrix: "q", head: null, rows: [0, 1, 2], columns: [0, 1, 2, 3] });
  assert.deepEqual(cellsBehind(meta, 1, 1), { matrix: "q", head: null, rows: [3], columns: [4, 5] });
});

test("a mark within a tile outlines the tile, and one that spans tiles all of them", () => {
  const meta = picture({ tile: [2, 2] });
  assert.deepEqual(runsIn(meta, mark({ rows: [1, 2], columns: [3, 4] })), [{ rows: [0, 1], columns: [1, 2] }]);
  assert.deepEqual(runsIn(meta, mark({ rows: [1, 4], columns: [1, 3] })), [{ rows: [0, 2], columns: [0, 2] }]);
});

test("in a turned picture rows are the matrix's columns", () => {
  const meta = picture({ turned: true });
  assert.deepEqual(cellsBehind(meta, 1, 5), { matrix: "q", head: null, rows: [5], columns: [1] });
  assert.deepEqual(runsIn(meta, mark({ rows: [5, 6], columns: [1, 2] })), [{ rows: [1, 2], columns: [5, 6] }]);
});

test("columns that are listed by number are outlined as one where they are neighbours, else one by one", () => {
  const meta = picture({ columns: [7, 3, 4, 90, 5, 1] });
  assert.deepEqual(cellsBehind(meta, 0, 3).columns, [90]);
  const found = runsIn(meta, mark({ columns: [3, 6] })).map(({ columns }) => columns);
  assert.deepEqual(found, [[1, 3], [4, 5]]);
});

test("where each row is of another matrix, a cell and a mark are of that one", () => {
  const meta = picture({ matrices: ["a", "b", "c", "d"], rows: 5 });
  assert.deepEqual(cellsBehind(meta, 2, 1), { matrix: "c", head: null, rows: [5], columns: [1] });
  assert.deepEqual(runsIn(meta, mark({ matrix: "c", rows: [5, 6] })), [{ rows: [2, 3], columns: [0, 1] }]);
  assert.deepEqual(runsIn(meta, mark({ matrix: "c", rows: [6, 7] })), []);
});

test("a mark of another matrix, of other heads or of cells that are not shown outlines nothing", () => {
  assert.deepEqual(runsIn(picture({}), mark({ matrix: "k" })), []);
  assert.deepEqual(runsIn(picture({ head: 2 }), mark({ head: [0, 2] })), []);
  assert.deepEqual(runsIn(picture({}), mark({ rows: [4, 5] })), []);
  assert.equal(runsIn(picture({ head: 2 }), mark({ head: [0, 3] })).length, 1);
});
