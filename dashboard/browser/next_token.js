// @ts-check
// The sampled token, its numbers, its runners-up.

import { rootOf } from "./component.js";
import { element } from "./element.js";
/** @import { Component } from "./streamlit" */
/** @import { NextTokenMessage } from "./messages" */

/** @param {Component<NextTokenMessage>} component */
export default function ({ data, parentElement }) {
  const root = rootOf(parentElement);
  const facts = data.facts.map(([value, word, meaning]) => {
    const fact = element("div", "fact");
    fact.title = meaning;
    fact.append(element("span", "value", value), element("span", "meaning", word));
    return fact;
  });
  const rows = data.runners.map(([text, probability, bar]) => {
    const row = element("div", "runner");
    row.style.setProperty("--bar", `${Math.max(1, bar * 100)}%`);
    row.title = `${text}  ${probability}`;
    row.append(element("span", "token", text), element("span", "probability", probability));
    return row;
  });
  const answer = element("div", "answer");
  const chosen = element("div", "token chosen", data.token);
  chosen.style.setProperty("--letters", Math.max(1, [...data.token].length));
  answer.append(element("div", "heading", "Next token"), chosen, element("div", "choice", data.choice));
  answer.title = `${data.token}, after ${data.after}`;
  const numbers = element("div", "facts");
  numbers.append(...facts);
  const runners = element("div", "runners");
  runners.append(element("div", "heading", "Most likely tokens"), ...rows);
  root.setAttribute("aria-live", "polite");
  root.replaceChildren(answer, numbers, runners);
}
