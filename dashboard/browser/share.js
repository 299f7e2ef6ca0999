// @ts-check
// "Share this view": copies a link to it. Python is asked for the link, since it answers in turn: the address in the
// browser may still lack what was done a moment ago.

import { rootOf } from "./component.js";
import { element } from "./element.js";
/** @import { Component } from "./streamlit" */
/** @import { ShareMessage } from "./messages" */

const PATIENCE = 20_000; // milliseconds
const shares = new WeakMap(); // parentElement -> its button, kept over every rerun

/** @param {Component<ShareMessage>} component */
export default function ({ parentElement, data, setTriggerValue }) {
  if (!shares.has(parentElement)) shares.set(parentElement, build(rootOf(parentElement)));
  const share = shares.get(parentElement);
  share.ask = (number) => setTriggerValue("ask", number);
  if (share.waiting && data.asked >= share.waiting.number) {
    share.waiting.answer(new URL(`?${data.query}`, window.location.href).href);
    share.waiting = null;
  }
}

function build(root) {
  const button = element("button", "share", "Share this view");
  const address = element("input", "address");
  button.type = "button";
  button.setAttribute("aria-live", "polite");
  button.title = "Copies a link that opens this run, at this step and station";
  address.readOnly = true;
  address.hidden = true;
  address.setAttribute("aria-label", "Link to this view");
  const share = { button, address, ask: null, waiting: null };
  button.addEventListener("click", () => copy(share));
  root.append(address, button);
  return share;
}

async function copy(share) {
  const { button, address } = share;
  address.hidden = true;
  const link = linkOf(share);
  let text = "Link copied";
  try {
    await write(link);
  } catch {
    try {
      address.value = await link;
      address.hidden = false;
      address.focus();
      address.select();
      text = "Copy the link from here";
    } catch {
      text = "The page is busy: try again";
    }
  }
  button.textContent = text;
  setTimeout(() => { button.textContent = "Share this view"; }, 2500);
}

function linkOf(share) {
  return new Promise((answer, fail) => {
    share.waiting = { number: Date.now(), answer };
    share.ask(share.waiting.number);
    setTimeout(fail, PATIENCE);
  });
}

/** The clipboard takes a promise of a text where a browser wants it handed over during the click. */
async function write(link) {
  const asBlob = link.then((text) => new Blob([text], { type: "text/plain" }));
  asBlob.catch(() => {});
  if (!window.ClipboardItem) return navigator.clipboard.writeText(await link);
  return navigator.clipboard.write([new ClipboardItem({ "text/plain": asBlob })]);
}
