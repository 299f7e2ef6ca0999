// @ts-check
// What is told of a cell: in Plotly's hover labels, and in words to those who go from cell to cell with the keyboard.
//
// Cells of large heatmaps are codes (dashboard/figures/codes.py). A trace's `meta.codes` says what they stand for:
//   { unit, end: a code that means "this or more", masked: { code: why } }

const EXACT = "%{z:.9g}"; // in the templates of cells that are told exactly

/**
 * Put the words where Plotly looks for them: `customdata` of a figure that is drawn. Call it before Plotly makes its
 * hover labels; a figure drawn anew is told anew.
 */
export function tellFigure(figure) {
  for (const trace of figure._fullData ?? []) {
    tellCodes(trace);
    signNumbers(trace);
  }
}

function tellCodes(trace) {
  const codes = trace.meta?.codes;
  if (!codes || trace.customdata || !trace._arrayAttrs) return;
  const words = {};
  trace.customdata = Array.from(trace.z, (row) => Array.from(row, (code) => (words[code] ??= codeInWords(code, codes))));
  trace._arrayAttrs.push("customdata");
}

/** Of cells that are told exactly: a true minus sign in front of a number, which Plotly's own format does not write. */
function signNumbers(trace) {
  if (trace.type !== "heatmap" || !trace.hovertemplate?.includes(EXACT) || !trace._arrayAttrs) return;
  const told = trace.customdata;
  trace.customdata = Array.from(trace.z, (row, y) => Array.from(row, (value, x) => [told?.[y]?.[x], exactly(value)]));
  trace.hovertemplate = trace.hovertemplate.replace("%{customdata}", "%{customdata[0]}")
    .replace(EXACT, "%{customdata[1]}");
  if (!trace._arrayAttrs.includes("customdata")) trace._arrayAttrs.push("customdata");
}

export function exactly(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(9))).replaceAll("-", "−") : String(value);
}

/** A number as precise as its code is, and said to be rounded; of a masked cell the reason. */
export function codeInWords(code, { unit, end, masked }) {
  if (masked?.[code]) return masked[code];
  const place = Math.floor(Math.log10(unit)); // of the last digit that means something
  const size = Math.round(Math.abs(code) * unit / 10 ** place) * 10 ** place;
  const digits = Math.max(0, -place);
  const text = digits > 6 ? size.toExponential(1).replace("-", "−")
    : size.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const number = code < 0 ? `−${text}` : text;
  return Math.abs(code) === end ? `${number} or beyond` : `≈ ${number}`;
}

/** A cell of a matrix in a figure, in one line: what its hover label says. Empty where nothing is drawn. */
export function cellInWords({ figure, axes, place }, row, column) {
  for (const [index, trace] of figure._fullData.entries()) {
    if (trace.type !== "heatmap" || `${trace.xaxis} ${trace.yaxis}` !== place) continue;
    const first = Number(trace.y0) || 0;
    const value = trace.z[row - first]?.[column];
    if (value === undefined || Number.isNaN(value)) continue; // of another heatmap on the same axes
    const said = figure.data[index]; // as it was sent: `tellFigure` changes what Plotly has made of it
    const words = said.meta?.codes ? codeInWords(value, said.meta.codes) : said.customdata?.[row - first]?.[column];
    return plain(said.hovertemplate
      .replaceAll("%{x}", () => axes.x.ticktext?.[column] ?? column).replaceAll("%{x:d}", () => column)
      .replaceAll("%{y}", () => axes.y.ticktext?.[row] ?? row).replaceAll("%{y:d}", () => row)
      .replaceAll("%{customdata}", () => words ?? "").replaceAll(EXACT, () => exactly(value)));
  }
  return "";
}

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };

/** A template's text without the markup that Plotly reads. */
function plain(text) {
  const lines = text.replace("<extra></extra>", "").replaceAll("<br>", ", ");
  return lines.replaceAll(/<\/?b>/g, "").replaceAll(/&(lt|gt|amp);/g, (entity) => ENTITIES[entity]);
}
