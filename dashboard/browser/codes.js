// @ts-check
// What the codes in the cells of a large heatmap stand for (dashboard/figures/codes.py), for Plotly's hover text.
//
// A trace's `meta.codes` says it: { unit, end: a code that means "this or more", masked: { code: why } }; of empty values
// Plotly keeps none.
// The words go where Plotly looks for a trace's `customdata` once it is drawn; a figure drawn anew is told anew.

/** @import { Figure } from "./plotly" */

const EXACT = "%{z:.9g}"; // in the templates of cells that are told exactly
const numbers = { listening: false };

/** Tell a figure's numbers as soon as it is pointed at: before Plotly makes its hover text of them. */
export function tellNumbers() {
  if (numbers.listening) return;
  numbers.listening = true;
  document.addEventListener("mousemove", ({ target }) => {
    const figure = target instanceof Element ? /** @type {Figure} */ (target.closest(".js-plotly-plot")) : null;
    for (const trace of figure?._fullData ?? []) {
      tellTrace(trace);
      signTrace(trace);
    }
  }, { capture: true, passive: true });
}

function tellTrace(trace) {
  const codes = trace.meta?.codes;
  if (!codes || trace.customdata || !trace._arrayAttrs) return;
  const words = {};
  const word = (code) => (words[code] ??= codes.masked?.[code] ?? numberOf(code, codes));
  trace.customdata = Array.from(trace.z, (row) => Array.from(row, word));
  trace._arrayAttrs.push("customdata");
}

/** Of cells that are told exactly: a true minus sign in front of a number, which Plotly's own format does not write. */
function signTrace(trace) {
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

/** A number as precise as its code is, and said to be rounded. */
export function numberOf(code, { unit, end }) {
  const place = Math.floor(Math.log10(unit)); // of the last digit that means something
  const size = Math.round(Math.abs(code) * unit / 10 ** place) * 10 ** place;
  const digits = Math.max(0, -place);
  const text = digits > 6 ? size.toExponential(1).replace("-", "−")
    : size.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const number = code < 0 ? `−${text}` : text;
  return Math.abs(code) === end ? `${number} or beyond` : `≈ ${number}`;
}
