// @ts-check
// One choice among several buttons: radio semantics, arrow keys, and the talk with choice.py.

const choices = new WeakMap(); // parentElement -> its choice, kept over every rerun

/** The choice that lives in parentElement; made on the first call. */
export function choiceIn(parentElement) {
  if (!choices.has(parentElement)) {
    choices.set(parentElement, { chosen: null, lastClick: 0, buttons: new Map(), timer: null });
  }
  return choices.get(parentElement);
}

/** Take over what Python says, unless the visitor has clicked since. */
export function followPython(choice, data) {
  if (data.seen >= choice.lastClick) choice.chosen = data.chosen;
}

/** Choose a value as the visitor did: show it now, report it to Python after `delay` milliseconds. */
export function chooseByHand(choice, value, delay) {
  if (value === choice.chosen) return;
  choice.chosen = value;
  // The clock numbers the clicks, so that numbers also grow over a remount of the component.
  choice.lastClick = Math.max(Date.now(), choice.lastClick + 1);
  choice.show();
  clearTimeout(choice.timer);
  const report = { click: choice.lastClick, value };
  choice.timer = setTimeout(() => choice.report(report), delay);
}

/** Make a button one of the choice's radio buttons. */
export function addRadio(choice, button, value) {
  button.type = "button";
  button.setAttribute("role", "radio");
  button.addEventListener("click", () => chooseByHand(choice, value, 0));
  button.addEventListener("keydown", (event) => moveByKey(choice, event, value));
  choice.buttons.set(value, button);
}

function moveByKey(choice, event, value) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const values = [...choice.buttons.keys()];
  const here = values.indexOf(value);
  const steps = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1,
                  Home: 0, End: values.length - 1 };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const next = values[Math.min(Math.max(steps[event.key], 0), values.length - 1)];
  // A held arrow key passes many items: Python hears only of the one where it stops.
  chooseByHand(choice, next, 150);
  choice.buttons.get(next).focus({ preventScroll: true });
}

/** Mark the chosen button; exactly one button is reachable with the Tab key. */
export function markChosen(choice) {
  const tabStop = choice.buttons.has(choice.chosen) ? choice.chosen : choice.buttons.keys().next().value;
  for (const [value, button] of choice.buttons) {
    button.setAttribute("aria-checked", String(value === choice.chosen));
    button.tabIndex = value === tabStop ? 0 : -1;
  }
}
