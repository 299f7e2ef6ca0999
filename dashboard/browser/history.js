// @ts-check
// The browser's history: an entry for each act that leads to another view, and none for what the page writes by itself.
//
// Streamlit adds an entry whenever the server changes the address: also as the page is opened, where what cannot be used
// leaves it. What a slider or a die sets changes the address in place: `quiet` are these names.

/** @import { Component } from "./streamlit" */
/** @import { HistoryMessage } from "./messages" */

let quiet = new Set();

/** @param {Component<HistoryMessage>} component */
export default function ({ data, setTriggerValue }) {
  quiet = new Set(data.quiet);
  if ("isOurs" in history.pushState) return;
  keepOneEntryForEachAct();
  whenAtRest(() => setTriggerValue("ready", true));
}

/**
 * Once the page is complete. What is drawn again just before that, Streamlit takes for a part of the run that ends, and
 * takes away what it has of it; where the browser is busy with figures this is a matter of seconds.
 */
function whenAtRest(then) {
  const app = document.querySelector("[data-testid=stApp]");
  if (app?.getAttribute("data-test-script-state") === "running") setTimeout(() => whenAtRest(then), 100);
  else then();
}

function keepOneEntryForEachAct() {
  const push = history.pushState.bind(history);
  const replace = history.replaceState.bind(history);
  let acted = false; // the visitor has, and the address has not changed since
  const act = () => { acted = true; };
  document.addEventListener("pointerdown", act, true);
  document.addEventListener("keydown", act, true);
  document.addEventListener("click", (event) => event.detail === 0 && act(), true); // by a screen reader, say
  window.addEventListener("popstate", () => { acted = false; }, true);
  history.pushState = (state, title, address) => {
    const from = new URL(location.href);
    const to = new URL(address ?? "", from);
    const same = view(from) === view(to);
    const goes = from.pathname !== to.pathname || (acted && !same);
    if (from.search !== to.search) acted = false;
    (goes ? push : replace)(state, title, address);
  };
  history.replaceState = (state, title, address) => {
    acted = false; // a widget's value: what follows from it belongs to the same entry
    replace(state, title, address);
  };
  Object.assign(history.pushState, { isOurs: true });
}

/** What an address shows of its run. */
export function view({ pathname, searchParams }) {
  const said = [...searchParams].filter(([name]) => !quiet.has(name)).sort();
  return JSON.stringify([pathname, said]);
}
