// @ts-check
// Where the keyboard is once a dialog is closed. Streamlit gives the focus back to what had it before, but not to what
// lies within a component, nor to what was drawn anew meanwhile.

const CLOSING = 400; // milliseconds that a dialog takes to be gone

/** Call it with each answer of the owner. Once `open` is over, what `find` finds has the focus if nothing else has it. */
export function focusAfterDialog(owner, open, find) {
  if (owner.open && !open) setTimeout(() => document.activeElement === document.body && find()?.focus(), CLOSING);
  owner.open = open;
}
