// @ts-check
// Other numbers in the cells of a picture that is drawn, all else being as it was: a fifth of the time of drawing it.
//
// Plotly redraws axes, labels and frames whatever has changed. So only its heatmap's own two functions are called, calc and
// plot, as Plotly itself calls them (plots.doCalcdata and Cartesian.plot of Plotly.js 4.1). It leans on gd._fullData,
// gd.calcdata and trace._module.

const VALUES = ["z", "zmin", "zmax", "customdata", "hovertemplate", "meta"]; // of a trace

/** @import { Drawing } from "./message.js" */

/**
 * What a picture is besides its values and texts, as one string: where it is the same, only those are to be drawn.
 * @param {Pick<Drawing, "traces" | "layout">} drawing
 */
export function frameOf({ traces, layout: { annotations = [], ...layout } }) {
  const places = annotations.map((annotation) => ({ ...annotation, text: "" }));
  return JSON.stringify([traces.map(bare), layout, places]);
}

/** A heatmap without its values, but with how many there are. */
function bare(trace) {
  if (trace.type !== "heatmap") return trace;
  const rest = Object.fromEntries(Object.entries(trace).filter(([name]) => !VALUES.includes(name)));
  return { ...rest, size: [trace.z.length, trace.z[0]?.length] };
}

/** Whether `drawValues` can draw these traces into a figure of the same frame: Plotly shows no heatmap without a number. */
export function onlyValuesDiffer(figure, traces) {
  const isShown = (trace) => trace.type === "heatmap" && trace.visible === true;
  const hasNumber = ({ z }) => z.some((row) => row.some(Number.isFinite));
  return figure.calcdata?.length > 0 && figure._fullData.every(isShown) && traces.every(hasNumber);
}

/** Draw these traces in place of those that are there, from which they differ in nothing but their values. */
export function drawValues(figure, traces) {
  figure.data = traces;
  figure._fullData.forEach((whole, index) => {
    const trace = traces[index];
    for (const name of VALUES) {
      if (name in trace) whole[name] = trace[name];
      else delete whole[name];
    }
    whole._input = trace;
    whole._arrayAttrs = [...new Set([...whole._arrayAttrs, "customdata"])].filter((name) => name in trace);
    const calculated = whole._module.calc(figure, whole);
    Object.assign(calculated[0], { trace: whole, t: calculated[0].t ?? {} });
    figure.calcdata[index] = calculated;
  });
  figure._fullData[0]._module.basePlotModule.plot(figure);
  figure.emit("plotly_afterplot");
}
