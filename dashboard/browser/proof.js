// @ts-check
// The proof's badge, and the marks at the matrices.
//
// The proof is off the critical path: it is asked for when the page has stood still for a while.

import { markMatrices } from "./board/proof_marks.js";
import { rootOf, whenUnmounted } from "./component.js";
import { element } from "./element.js";
import { focusAfterDialog } from "./focus.js";
/** @import { Component } from "./streamlit" */
/** @import { ProofMessage } from "./messages" */

const STILL = 900; // milliseconds without an answer to anything else
const AGAIN = 600; // milliseconds between two questions whether it is done
const proofs = new WeakMap(); // parentElement -> { marks, timer }

/** @param {Component<ProofMessage>} component */
export default function ({ data, parentElement, setTriggerValue }) {
  if (!proofs.has(parentElement)) proofs.set(parentElement, {});
  const proof = proofs.get(parentElement);
  const root = rootOf(parentElement);
  showBadge(root, data, setTriggerValue);
  focusAfterDialog(proof, data.open, () => root.firstElementChild);
  proof.marks ||= markMatrices();
  proof.marks.show(data.marks);
  clearInterval(proof.timer);
  const wait = { automatic: STILL, pending: AGAIN }[data.state];
  // Again and again: an answer that says the same as the one before does not reach us.
  if (wait) proof.timer = setInterval(() => setTriggerValue("ask", data.run), wait);
  return whenUnmounted(proof, () => {
    clearInterval(proof.timer);
    proof.marks.stop();
    proofs.delete(parentElement);
  });
}

const SIGNS = { automatic: "…", pending: "…", offered: "?", ok: "✓", off: "✗", failed: "✗" };

/**
 * @param {HTMLElement} root
 * @param {ProofMessage} message
 * @param {(name: string, value: unknown) => void} setTriggerValue
 */
function showBadge(root, { state, text, detail, run, share }, setTriggerValue) {
  const button = root.firstElementChild || root.appendChild(element("button", "proof"));
  button.type = "button";
  button.dataset.state = state;
  button.title = detail;
  button.onclick = () => setTriggerValue(state === "offered" || state === "failed" ? "ask" : "open", run);
  button.disabled = state === "automatic" || state === "pending";
  button.replaceChildren(element("span", "sign", SIGNS[state]), element("span", "text", text));
  button.style.setProperty("--done", `${100 * share}%`);
  root.setAttribute("aria-live", state === "pending" ? "off" : "polite"); // not each layer is told
}
