// @ts-check
// The tip of a technical word: a link to "#word-…" in a text, or an element with `data-word` in a component. It is shown
// under the mouse, on keyboard focus and on a tap; Esc, a click elsewhere or scrolling it away closes it. One tip for the
// page, in the browser's top layer, so that nothing cuts it off.

import { rootOf, whenUnmounted } from "./component.js";
import { element } from "./element.js";
/** @import { Component } from "./streamlit" */
/** @import { GlossaryMessage } from "./messages" */

const TERMS = 'a[href^="#word-"], [data-word]';
const THEME = ["--st-background-color", "--st-text-color", "--st-font"]; // what glossary.css uses of it
const GAP = 6; // pixels between the word and its tip
const glossary = { tips: {}, root: null, box: null, term: null, timer: null, stop: null };

/** @param {Component<GlossaryMessage>} component */
export default function ({ parentElement, data }) {
  glossary.root = rootOf(parentElement);
  glossary.tips = data.tips;
  glossary.box ??= newBox();
  glossary.stop ??= listen();
  return whenUnmounted(glossary, () => {
    hide();
    glossary.stop?.();
    glossary.stop = null;
  });
}

function newBox() {
  const box = element("div", "glossary-tip");
  box.id = "glossary-tip";
  box.popover = "manual";
  box.setAttribute("role", "tooltip");
  box.addEventListener("pointerenter", () => clearTimeout(glossary.timer));
  box.addEventListener("pointerleave", hideSoon);
  return box;
}

function listen() {
  const controller = new AbortController();
  const on = (target, name, act) => target.addEventListener(name, act, { capture: true, signal: controller.signal });
  on(document, "pointerover", (event) => event.pointerType === "mouse" && (termOf(event) ? show(termOf(event)) : 0));
  on(document, "pointerout", (event) => event.pointerType === "mouse" && termOf(event) && hideSoon());
  on(document, "focusin", (event) => termFocused(event) && show(termFocused(event)));
  on(document, "focusout", () => glossary.term && hideSoon());
  on(document, "click", clicked);
  on(window, "keydown", closeByKey);
  on(window, "scroll", follow);
  on(window, "resize", hide);
  return () => controller.abort();
}

/** The word that an event is about, also within a component. */
function termOf(event) {
  return event.composedPath().find((node) => node.matches?.(TERMS)) ?? null;
}

/** Whether the keyboard went to a word, or to a button whose title is one. */
function termFocused(event) {
  const [focused] = event.composedPath();
  return focused.matches?.(":focus-visible") ? termOf(event) ?? focused.querySelector("[data-word]") : null;
}

/** A link to a tip leads nowhere else; a word on a button leaves the click to the button. */
function clicked(event) {
  const term = termOf(event);
  if (!term) {
    if (!event.composedPath().includes(glossary.box)) hide();
    return;
  }
  if (!term.matches("a")) return;
  event.preventDefault();
  show(term);
}

function closeByKey(event) {
  if (event.key !== "Escape" || !glossary.term) return;
  event.stopImmediatePropagation(); // what else Esc would close stays open
  hide();
}

function show(term) {
  clearTimeout(glossary.timer);
  const key = term.dataset.word ?? term.getAttribute("href").slice("#word-".length);
  const tip = glossary.tips[key];
  if (!tip || glossary.term === term) return; // a word of later texts than these tips, or shown already
  hide();
  glossary.term = term;
  glossary.box.replaceChildren(element("b", "", tip[0]), document.createTextNode(tip[1]));
  moveTo(term.closest("[role=dialog]") ?? glossary.root);
  glossary.box.showPopover();
  place(term.getBoundingClientRect());
  if (term.getRootNode() === document) term.setAttribute("aria-describedby", glossary.box.id);
  else term.setAttribute("aria-description", tip[1]);
}

/** A dialog makes all else on the page inert, so a word in it has its tip there, in the theme's colours as elsewhere. */
function moveTo(home) {
  const theme = getComputedStyle(glossary.root);
  for (const name of THEME) glossary.box.style.setProperty(name, theme.getPropertyValue(name));
  home.append(glossary.box);
}

/** Below the word, or above it where there is no room, within the window. */
function place({ left, top, bottom }) {
  const { offsetWidth: width, offsetHeight: height } = glossary.box;
  const below = bottom + GAP + height <= window.innerHeight;
  const x = Math.max(8, Math.min(left, window.innerWidth - width - 8));
  const y = below ? bottom + GAP : Math.max(8, top - GAP - height);
  Object.assign(glossary.box.style, { left: `${x}px`, top: `${y}px` });
}

/** What scrolls takes the tip along, and away once its word is out of sight. */
function follow() {
  if (!glossary.term) return;
  const box = glossary.term.getBoundingClientRect();
  if (box.bottom < 0 || box.top > window.innerHeight || !glossary.term.isConnected) hide();
  else place(box);
}

function hideSoon() {
  clearTimeout(glossary.timer);
  glossary.timer = setTimeout(hide, 200); // time to move onto the tip
}

function hide() {
  clearTimeout(glossary.timer);
  if (!glossary.term) return;
  glossary.term.removeAttribute("aria-describedby");
  glossary.term = null;
  if (glossary.box.matches(":popover-open")) glossary.box.hidePopover();
}
