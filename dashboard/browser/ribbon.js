// @ts-check
// The ribbon's chips.

import { addRadio, choiceIn, followPython, markChosen } from "./choice.js";
import { rootOf, whenUnmounted } from "./component.js";
import { element } from "./element.js";
import { highlightToken, startHighlighting, stopHighlighting } from "./highlight.js";
import { bringIntoView, fadeEdges, watchEdges } from "./scroller.js";
/** @import { Component } from "./streamlit" */
/** @import { Chip, ChoiceMessage, RibbonMessage } from "./messages" */

/** @param {Component<RibbonMessage & ChoiceMessage>} component */
export default function ({ data, parentElement, setStateValue }) {
  const choice = choiceIn(parentElement);
  const root = rootOf(parentElement);
  choice.report = (report) => setStateValue("report", report);
  choice.show = () => {
    markChosen(choice);
    bringIntoView(root, choice.buttons.get(choice.chosen));
    highlightToken(choice.chosen, getComputedStyle(root));
  };
  const signature = JSON.stringify(data.chips);
  if (choice.signature !== signature) {
    choice.signature = signature;
    fillRibbon(choice, root, data.chips);
  }
  followPython(choice, data);
  choice.show();
  watchEdges(choice, root);
  fadeEdges(root);
  startHighlighting(choice);
  return whenUnmounted(choice, () => {
    stopHighlighting(choice);
    clearTimeout(choice.timer);
  });
}

/**
 * @param {any} choice
 * @param {HTMLElement} root
 * @param {Chip[]} chips
 */
function fillRibbon(choice, root, chips) {
  choice.buttons.clear();
  root.setAttribute("role", "radiogroup");
  root.setAttribute("aria-label", "Tokens. Choose one to outline it in every matrix.");
  root.replaceChildren(...chips.map(([position, text, sampled, available]) => {
    const button = element("button", "chip");
    button.classList.toggle("sampled", Boolean(sampled));
    button.classList.toggle("unavailable", !available);
    const notes = (sampled ? ", sampled" : "") + (available ? "" : ", not computed in this step");
    button.title = `${position}  ${text}${notes}`;
    button.setAttribute("aria-label", `Position ${position}, token ${text}${notes}`);
    button.append(element("span", "position", String(position)), element("span", "token", text));
    addRadio(choice, button, position);
    return button;
  }));
}
