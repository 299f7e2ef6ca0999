// @ts-check
// The timeline's pills.

import { addRadio, choiceIn, followPython, markChosen } from "./choice.js";
import { rootOf, whenUnmounted } from "./component.js";
import { element } from "./element.js";
import { watchFigures } from "./figures.js";
import { bringIntoView, fadeEdges, watchEdges } from "./scroller.js";
/** @import { Component } from "./streamlit" */
/** @import { ChoiceMessage, Phase, TimelineMessage } from "./messages" */

const LATEST = 5000; // milliseconds after a change of the step: what is drawn later was drawn for another reason

/** @param {Component<TimelineMessage & ChoiceMessage>} component */
export default function ({ data, parentElement, setStateValue }) {
  const choice = choiceIn(parentElement);
  const root = rootOf(parentElement);
  choice.report = (report) => setStateValue("report", report);
  choice.show = () => {
    if (choice.shown !== undefined && choice.shown !== choice.chosen) choice.changed = performance.now();
    choice.shown = choice.chosen;
    markChosen(choice);
    bringIntoView(root, choice.buttons.get(choice.chosen));
  };
  const signature = JSON.stringify(data.phases);
  if (choice.signature !== signature) {
    choice.signature = signature;
    fillTimeline(choice, root, data.phases);
  }
  followPython(choice, data);
  choice.show();
  watchEdges(choice, root);
  choice.fading ||= fadeWhatIsDrawn(choice);
  fadeEdges(root);
  return whenUnmounted(choice, () => {
    clearTimeout(choice.timer);
    choice.fading.stop();
    choice.fading = null;
  });
}

/**
 * @param {any} choice
 * @param {HTMLElement} root
 * @param {Phase[]} phases
 */
function fillTimeline(choice, root, phases) {
  choice.buttons.clear();
  root.setAttribute("role", "radiogroup");
  root.setAttribute("aria-label", "Steps of this run");
  root.replaceChildren(...phases.map(([title, consumed, produced, counted], index) => {
    const button = element("button", "phase");
    button.setAttribute("aria-label", `${title}: ${consumed} in, ${produced} out`);
    button.append(
      titleOf(title),
      element("span", "joint", "·"),
      element("span", counted ? "" : "token", consumed),
      element("span", "joint", "in"),
      element("span", "joint", "→"),
      element("span", "token produced", produced),
    );
    addRadio(choice, button, index);
    return button;
  }));
}

/** "Prefill" or "Decode 1": pointed at or focused, the word is explained (glossary.js). */
function titleOf(title) {
  const made = element("span", "title", title);
  made.dataset.word = title.split(" ")[0].toLowerCase();
  return made;
}

/** Another step's matrices come in softly, each once: the eye sees that all of them changed together. */
function fadeWhatIsDrawn(choice) {
  const faded = new WeakMap(); // figure -> the change for which it has faded in
  return watchFigures((figure) => {
    const { changed } = choice;
    if (changed === undefined || performance.now() - changed > LATEST || faded.get(figure) === changed) return;
    faded.set(figure, changed);
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    figure.animate([{ opacity: 0.25 }, { opacity: 1 }], { duration: 200, easing: "ease-out" });
  });
}
