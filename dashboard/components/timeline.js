// The timeline's pills. Needs choice.js.

export default function ({ data, parentElement, setStateValue }) {
  const choice = choiceIn(parentElement);
  const root = parentElement.querySelector(".root");
  choice.report = (report) => setStateValue("report", report);
  choice.show = () => {
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
  fadeEdges(root);
  return whenUnmounted(choice, () => clearTimeout(choice.timer));
}

function fillTimeline(choice, root, phases) {
  choice.buttons.clear();
  root.setAttribute("role", "radiogroup");
  root.setAttribute("aria-label", "Steps of this run");
  root.replaceChildren(...phases.map(([title, consumed, produced, counted], index) => {
    const button = element("button", "phase");
    button.title = `${title} · ${consumed} in → ${produced}`;
    button.setAttribute("aria-label", `${title}: ${consumed} in, ${produced} out`);
    button.append(
      element("span", "title", title),
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
