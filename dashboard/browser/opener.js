// What a dialog was opened from has the focus again once the dialog is closed.

import { focusAfterDialog } from "./focus.js";

export default function ({ parentElement, data }) {
  const control = ":is(button, [role=combobox])";
  const opener = `[class*="st-key-${data.opener}"] ${control}`; // its key has a number where it was drawn anew
  focusAfterDialog(parentElement, data.open, () => document.querySelector(opener));
}
