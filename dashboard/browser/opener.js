// @ts-check
// What a dialog was opened from has the focus again once the dialog is closed.

import { focusAfterDialog } from "./focus.js";
/** @import { Component } from "./streamlit" */
/** @import { OpenerMessage } from "./messages" */

/** @param {Component<OpenerMessage>} component */
export default function ({ parentElement, data }) {
  const control = ":is(button, [role=combobox])";
  const opener = `[class*="st-key-${data.opener}"] ${control}`; // its key has a number where it was drawn anew
  focusAfterDialog(parentElement, data.open, () => document.querySelector(opener));
}
