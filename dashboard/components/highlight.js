// Outlines the chosen token's row and column in every heatmap on the page, without asking Python.
//
// A heatmap says through its trace's `meta` which token positions its rows and columns are:
//   { matrix, row_start, row_count, column_start, column_count }   (start null: that axis is not tokens)
// It leans on Plotly's own notes about a drawn figure: gd.calcdata, axis._offset, axis._length, axis.c2p.

const highlight = {
  position: null,
  colours: { line: "black", halo: "white" },
  owner: null,
  observer: null,
  frame: 0,
  heard: new WeakMap(), // figure -> the event emitter that we listen to; a figure drawn anew has a new one
};

/** Outline this position from now on, in the colours of the theme that `style` (computed) carries. */
function highlightToken(position, style) {
  highlight.position = position;
  highlight.colours = {
    line: style.getPropertyValue("--st-primary-color").trim() || "black",
    halo: style.getPropertyValue("--st-background-color").trim() || "white",
  };
  document.querySelectorAll(".js-plotly-plot").forEach(outlineFigure);
}

/** Watch the page for figures that appear later: lazy tabs, reruns, other pages. */
function startHighlighting(owner) {
  highlight.owner = owner;
  if (highlight.observer) return;
  highlight.observer = new MutationObserver(() => {
    highlight.frame ||= requestAnimationFrame(() => {
      highlight.frame = 0;
      listenToFigures();
    });
  });
  highlight.observer.observe(document.body, { childList: true, subtree: true });
  listenToFigures();
}

/** Stop watching and take all outlines away, unless another ribbon has taken over. */
function stopHighlighting(owner) {
  if (highlight.owner !== owner) return;
  highlight.observer?.disconnect();
  highlight.observer = null;
  highlight.owner = null;
  highlight.position = null;
  document.querySelectorAll(".js-plotly-plot").forEach(outlineFigure);
}

function listenToFigures() {
  for (const figure of document.querySelectorAll(".js-plotly-plot")) {
    if (!figure.on || highlight.heard.get(figure) === figure._ev) continue;
    highlight.heard.set(figure, figure._ev);
    for (const event of ["plotly_afterplot", "plotly_relayouting"]) {
      figure.on(event, () => outlineFigure(figure));
    }
    outlineFigure(figure);
  }
}

/** Draw one figure's outlines anew. */
function outlineFigure(figure) {
  const paper = figure.querySelector(".svg-container");
  if (!paper) return;
  const boxes = (figure.calcdata || []).flatMap((cells) => outlinesOf(figure, cells && cells[0]));
  const old = [...paper.querySelectorAll(":scope > .token-outline")];
  boxes.forEach((box, index) => placeOutline(old[index] || paper.appendChild(newOutline()), box));
  old.slice(boxes.length).forEach((outline) => outline.remove());
}

/** The rectangles, in pixels of the figure, around the chosen token's row and column of one heatmap. */
function outlinesOf(figure, cells) {
  const trace = cells && cells.trace;
  const meta = trace && trace.meta;
  if (!meta || trace.type !== "heatmap" || trace.visible !== true || !cells.z) return [];
  const layout = figure._fullLayout;
  const xaxis = layout[axisName(trace.xaxis, "x")];
  const yaxis = layout[axisName(trace.yaxis, "y")];
  if (!xaxis || !yaxis || xaxis._offset === undefined) return [];
  const rows = cells.z.length;
  const columns = rows ? cells.z[0].length : 0;
  const row = indexOf(highlight.position, meta.row_start, meta.row_count ?? rows);
  const column = indexOf(highlight.position, meta.column_start, meta.column_count ?? columns);
  const boxes = [];
  if (row !== null && row < rows) {
    boxes.push({ kind: "row", x: span(xaxis, cells.x, 0, columns), y: span(yaxis, cells.y, row, row + 1) });
  }
  if (column !== null && column < columns) {
    boxes.push({ kind: "column", x: span(xaxis, cells.x, column, column + 1), y: span(yaxis, cells.y, 0, rows) });
  }
  return boxes.filter((box) => box.x[1] - box.x[0] > 0.5 && box.y[1] - box.y[0] > 0.5);
}

function axisName(id, letter) {
  return letter + "axis" + (id || letter).slice(1);
}

function indexOf(position, start, count) {
  if (position === null || start === null || start === undefined) return null;
  const index = position - start;
  return index >= 0 && index < count ? index : null;
}

/** From pixel to pixel along an axis, for cells first (inside) to last (outside), cut at the axis' ends. */
function span(axis, edges, first, last) {
  // Plotly keeps the edges of the cells; without them cell i reaches from i - 0.5 to i + 0.5.
  const edge = (index) => (edges && edges.length > last ? edges[index] : index - 0.5);
  const inside = (pixel) => axis._offset + Math.min(Math.max(pixel, 0), axis._length);
  return [edge(first), edge(last)].map((place) => inside(axis.c2p(place))).sort((a, b) => a - b);
}

function newOutline() {
  const outline = document.createElement("div");
  outline.className = "token-outline";
  outline.setAttribute("aria-hidden", "true");
  Object.assign(outline.style, {
    position: "absolute", pointerEvents: "none", boxSizing: "border-box", borderStyle: "solid",
    borderWidth: "2px", borderRadius: "3px", zIndex: "2",
  });
  return outline;
}

function placeOutline(outline, box) {
  const { line, halo } = highlight.colours;
  outline.dataset.kind = box.kind;
  // The line lies around the cells, not on them; the halo parts it from cells of a similar colour.
  Object.assign(outline.style, {
    left: `${box.x[0] - 2}px`, top: `${box.y[0] - 2}px`,
    width: `${box.x[1] - box.x[0] + 4}px`, height: `${box.y[1] - box.y[0] + 4}px`,
    borderColor: line, boxShadow: `0 0 0 1px ${halo}, inset 0 0 0 1px ${halo}`,
  });
}
