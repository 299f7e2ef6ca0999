// @ts-check
// The Plotly that the board loaded. It is kept, and the global is never read again: Streamlit's own chart overwrites it.

let loading = null;

/** Plotly, loaded from this address the first time. Rejects, with a sentence for people, where it cannot be loaded. */
export function loadPlotly(address) {
  loading ??= new Promise((resolve, reject) => {
    const before = window.Plotly;
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => { // called right after the script has run: nothing comes between
      const loaded = window.Plotly;
      if (before) window.Plotly = before;
      resolve(loaded);
    };
    script.onerror = () => {
      loading = null;
      reject(new Error("The pictures cannot be drawn: Plotly could not be loaded. Load the page again."));
    };
    document.head.append(script);
  });
  return loading;
}

/** Use this Plotly from now on. */
export function usePlotly(plotly) {
  loading = Promise.resolve(plotly);
}
