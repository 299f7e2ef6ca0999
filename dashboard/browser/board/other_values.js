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
export function frameOf({ traces, layout }) {
  const without = (name, value) => (ArrayBuffer.isView(value) ? value.byteLength : name === "text" ? "" : value);
  return JSON.stringify([traces.map(bare), layout], without);
}

/** A heatmap without its values, but with how many there are. */
function bare(trace) {
  if (trace.type !== "heatmap") return trace;
  const rest = Object.fromEntries(Object.entries(trace).filter(([name]) => !VALUES.includes(name)));
  return { ...rest, size: [trace.z.length, trace.z[0]?.length] };
}

/** Whether `drawValues` can draw a figure's traces: all of them are heatmaps. */
export function holdsOnlyHeatmaps(figure) {
  return figure.calcdata?.length > 0 && figure._fullData.every((trace) => trace.type === "heatmap" && trace.visible === true);
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
    whole._arrayAttrs = whole._arrayAttrs.filter((name) => name in trace);
    const calculated = whole._module.calc(figure, whole);
    Object.assign(calculated[0], { trace: whole, t: calculated[0].t ?? {} });
    figure.calcdata[index] = calculated;
  });
  figure._fullData[0]._module.basePlotModule.plot(figure);
  figure.emit("plotly_afterplot");
}
