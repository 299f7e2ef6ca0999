// One choice among several buttons: radio semantics, arrow keys, and the talk with choice.py.

const choices = new WeakMap(); // parentElement -> its choice, kept over every rerun

/** The choice that lives in parentElement; made on the first call. */
function choiceIn(parentElement) {
  if (!choices.has(parentElement)) {
    choices.set(parentElement, { chosen: null, lastClick: 0, buttons: new Map(), timer: null });
  }
  return choices.get(parentElement);
}

/** Take over what Python says, unless the visitor has clicked since. */
function followPython(choice, data) {
  if (data.seen >= choice.lastClick) choice.chosen = data.chosen;
}

/** Choose a value as the visitor did: show it now, report it to Python after `delay` milliseconds. */
function chooseByHand(choice, value, delay) {
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
function addRadio(choice, button, value) {
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
function markChosen(choice) {
  const tabStop = choice.buttons.has(choice.chosen) ? choice.chosen : choice.buttons.keys().next().value;
  for (const [value, button] of choice.buttons) {
    button.setAttribute("aria-checked", String(value === choice.chosen));
    button.tabIndex = value === tabStop ? 0 : -1;
  }
}

/** Scroll `scroller`, and nothing else on the page, until `child` stands clear of its faded edges. */
function bringIntoView(scroller, child) {
  if (!child) return;
  const outer = scroller.getBoundingClientRect();
  const inner = child.getBoundingClientRect();
  const [across, down] = [36, 24];
  if (inner.left < outer.left + across) scroller.scrollLeft -= outer.left + across - inner.left;
  else if (inner.right > outer.right - across) scroller.scrollLeft += inner.right - outer.right + across;
  if (inner.top < outer.top + down) scroller.scrollTop -= outer.top + down - inner.top;
  else if (inner.bottom > outer.bottom - down) scroller.scrollTop += inner.bottom - outer.bottom + down;
}

/** Soften the edges behind which there is more; common.css does the drawing. */
function fadeEdges(scroller) {
  const { scrollLeft, scrollTop, scrollWidth, scrollHeight, clientWidth, clientHeight } = scroller;
  scroller.dataset.more = [
    scrollLeft > 1 && "left", scrollLeft < scrollWidth - clientWidth - 1 && "right",
    scrollTop > 1 && "top", scrollTop < scrollHeight - clientHeight - 1 && "bottom",
  ].filter(Boolean).join(" ");
}

/** Keep the edges right while the visitor scrolls and the column changes its width. */
function watchEdges(choice, scroller) {
  if (choice.sizes) return;
  scroller.addEventListener("scroll", () => fadeEdges(scroller), { passive: true });
  choice.sizes = new ResizeObserver(() => fadeEdges(scroller));
  choice.sizes.observe(scroller);
}

/**
 * What a component returns to Streamlit: call `stop` when it leaves the page.
 * Streamlit also calls the function of a call that was overtaken by a younger one; that must stop nothing.
 */
function whenUnmounted(owner, stop) {
  const call = (owner.calls = (owner.calls || 0) + 1);
  return () => {
    if (owner.calls === call) stop();
  };
}

/** An element with a class and a text; the text is never read as markup. */
function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
