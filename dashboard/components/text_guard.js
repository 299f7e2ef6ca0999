// Half a character (a lone surrogate) cannot travel in a text field's message, and the message would be lost.
// So the field gets U+FFFD in its place, and Python is told what was typed. Needs choice.js (for whenUnmounted).

const guard = { owner: null, half: null, report: null };

export default function ({ parentElement, data, setStateValue }) {
  guard.owner = parentElement;
  guard.field = data.field;
  guard.report = (typed) => setStateValue("typed", typed);
  document.addEventListener("input", mend, true); // before Streamlit's own listener; added once however often called
  return whenUnmounted(parentElement, () => {
    if (guard.owner === parentElement) document.removeEventListener("input", mend, true);
  });
}

function mend(event) {
  const field = event.target;
  if (!(field instanceof HTMLTextAreaElement) || !field.closest(`.st-key-${guard.field}`)) return;
  const typed = field.value;
  if (!typed.isWellFormed()) {
    guard.half = [...typed].find((character) => !character.isWellFormed());
    const { selectionStart, selectionEnd } = field;
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, typed.toWellFormed());
    field.setSelectionRange(selectionStart, selectionEnd);
    guard.report(typed);
  } else if (guard.half && typed.includes("\ufffd")) {
    guard.report(typed.replaceAll("\ufffd", guard.half)); // it is still there, with more typed around it
  } else {
    guard.half = null;
  }
}
