// @ts-check
// In the field with the text: Enter runs, and Shift+Enter adds a line.
// Half a character (a lone surrogate) cannot travel in a text field's message, and the message would be lost.
// So the field gets U+FFFD in its place, and Python is told what was typed.

import { whenUnmounted } from "./component.js";
/** @import { Component } from "./streamlit" */
/** @import { TextGuardMessage } from "./messages" */

const guard = { owner: null, half: null, report: null };

/** @param {Component<TextGuardMessage>} component */
export default function ({ parentElement, data, setStateValue }) {
  guard.owner = parentElement;
  guard.field = data.field;
  guard.report = (typed) => setStateValue("typed", typed);
  document.addEventListener("input", mend, true); // before Streamlit's own listener; added once however often called
  document.addEventListener("keydown", run, true);
  return whenUnmounted(parentElement, () => {
    if (guard.owner !== parentElement) return;
    document.removeEventListener("input", mend, true);
    document.removeEventListener("keydown", run, true);
  });
}

function isOurs(field) {
  return field instanceof HTMLTextAreaElement && field.closest(`.st-key-${guard.field}`);
}

/** Enter is Streamlit's Ctrl+Enter; but not the Enter with which an input method takes what was composed (key 229). */
function run(event) {
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229 || !isOurs(event.target)) return;
  if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  const { key, code, keyCode } = event;
  const apply = new KeyboardEvent("keydown", { key, code, keyCode, ctrlKey: true, bubbles: true, cancelable: true });
  event.target.dispatchEvent(apply);
}

function mend(event) {
  const field = event.target;
  if (!isOurs(field)) return;
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
