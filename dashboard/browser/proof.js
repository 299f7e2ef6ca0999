// @ts-check
// The proof's badge, and the marks at the matrices.
//
// The proof is off the critical path: it is asked for when the page has stood still for a while.

import { rootOf, whenUnmounted } from "./component.js";
import { element } from "./element.js";
import { axesOf, outlineColours, watchFigures } from "./figures.js";
import { focusAfterDialog } from "./focus.js";
/** @import { Component } from "./streamlit" */
/** @import { Mark, ProofMessage } from "./messages" */

const STILL = 900; // milliseconds without an answer to anything else
const LETTER = 6.4; // pixels of one letter of a figure's word
const AGAIN = 600; // milliseconds between two questions whether it is done
const proofs = new WeakMap(); // parentElement -> { marks, timer, watch }

/** @param {Component<ProofMessage>} component */
export default function ({ data, parentElement, setTriggerValue }) {
  if (!proofs.has(parentElement)) proofs.set(parentElement, {});
  const proof = proofs.get(parentElement);
  const root = rootOf(parentElement);
  proof.marks = data.marks;
  proof.colours = outlineColours(getComputedStyle(root));
  showBadge(root, data, setTriggerValue);
  focusAfterDialog(proof, data.open, () => root.firstElementChild);
  proof.watch ||= watchFigures((figure) => markFigure(figure, proof));
  proof.watch.draw();
  clearInterval(proof.timer);
  const wait = { automatic: STILL, pending: AGAIN }[data.state];
  // Again and again: an answer that says the same as the one before does not reach us.
  if (wait) proof.timer = setInterval(() => setTriggerValue("ask", data.run), wait);
  return whenUnmounted(proof, () => {
    clearInterval(proof.timer);
    proof.watch.stop();
    proofs.delete(parentElement);
    document.querySelectorAll(".proof-mark").forEach((mark) => mark.remove());
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

/** One mark for each matrix of a figure, below its lower right corner. */
function markFigure(figure, proof) {
  const paper = figure.querySelector(".svg-container");
  if (!paper) return;
  paper.querySelectorAll(":scope > .proof-mark").forEach((mark) => mark.remove());
  const seen = new Set();
  for (const trace of figure._fullData || []) {
    const mark = trace.type === "heatmap" && trace.meta ? proof.marks[trace.meta.matrix] : undefined;
    const axes = mark && axesOf(figure, trace);
    if (!axes || seen.has(axes.x)) continue;
    seen.add(axes.x);
    paper.append(newMark(mark, axes, LETTER * (trace.meta.word ?? "").length, proof.colours));
  }
}

/**
 * taken: pixels of the word for the columns, on the same line at the left.
 * @param {Mark} mark
 */
function newMark([kind, short, sentence], { x, y }, taken, colours) {
  const room = Math.max(x._length, taken + 14);
  const mark = element("div", "proof-mark", room - taken < 46 ? short.slice(0, 1) : short);
  mark.title = sentence;
  mark.dataset.kind = kind;
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", sentence);
  Object.assign(mark.style, {
    position: "absolute", left: `${x._offset}px`, width: `${room}px`, top: `${y._offset + y._length + 2}px`,
    textAlign: "right", fontSize: "11px", lineHeight: "15px", whiteSpace: "nowrap", pointerEvents: "auto",
    fontFamily: "var(--st-code-font, monospace)", fontWeight: "600", color: colours.cell,
    opacity: kind === "none" ? "0.75" : "1",
  });
  return mark;
}
