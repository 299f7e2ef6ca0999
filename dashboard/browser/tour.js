// @ts-check
// The tour's card. Texts and tokens are text only, never markup.

import { rootOf, whenUnmounted } from "./component.js";
import { button, element, formula } from "./element.js";
import { dock, giveFocusBack } from "./panel.js";
import { keepScrolling, motion } from "./reveal.js";
import { BLOCKS } from "./board/blocks.js";
import { pointAt, revealSoon, stopPointing } from "./tour_outlines.js";
import { glossedElement } from "./words.js";
/** @import { Component } from "./streamlit" */
/** @import { TourGuess, TourMessage } from "./messages" */

const tours = new WeakMap(); // parentElement -> its tour, kept over every rerun
const FIELDS = "input, textarea, select, [contenteditable=true]";
const TAKE_ARROWS = `${FIELDS}, [role=radio], [role=slider], [role=tab], [role=listbox], [role=combobox], canvas,
  [data-testid=stDataFrame], ${BLOCKS}[tabindex]`; // what has a use of its own for ← and →

/** @param {Component<TourMessage>} component */
export default function ({ data, parentElement, setTriggerValue }) {
  const tour = tourIn(parentElement);
  dock(parentElement);
  tour.ask = (kind, value) => setTriggerValue("ask", { [kind]: value ?? true });
  tour.start();
  show(tour, data ?? /** @type {any} */ ({}));
  return whenUnmounted(tour, () => tour.stop());
}

function tourIn(parentElement) {
  if (tours.has(parentElement)) return tours.get(parentElement);
  const root = rootOf(parentElement);
  const host = () => (parentElement.getRootNode().host ?? parentElement).closest(".stElementContainer");
  const tour = { root, host, ask: null, data: {}, wanted: null, revealed: false, waiting: false, opener: null,
                 home: null, returning: null,
                 pointer: { marks: [], covered: [], keys: [], figures: null, scrolling: null } };
  build(tour);
  const byKey = (event) => followKey(tour, event);
  const explained = new ResizeObserver(([{ target }]) => giveWay(tour, target.getBoundingClientRect().height));
  tour.start = () => {
    clearTimeout(tour.retry);
    document.addEventListener("keydown", byKey);
    const panel = document.querySelector(".st-key-explainer-panel");
    if (panel) explained.observe(panel);
    else tour.retry = setTimeout(tour.start, 100); // it is mounted after the card
  };
  tour.stop = () => {
    document.removeEventListener("keydown", byKey);
    explained.disconnect();
    clearTimeout(tour.retry);
    if (tour.pointer.figures) stopPointing(tour.pointer);
  };
  tours.set(parentElement, tour);
  return tour;
}

/** The parts that stay from stop to stop: what is focused there keeps the focus. */
function build(tour) {
  const { root } = tour;
  root.hidden = true;
  root.setAttribute("role", "region");
  const part = (tag, className) => (tour[className] = element(tag, className));
  part("h2", "heading").tabIndex = -1;
  part("p", "place");
  part("ol", "stops");
  tour.back = button("back", "", () => step(tour, -1));
  tour.next = button("next", "", () => step(tour, 1));
  tour.present = button("present", "", () => tour.ask("present", true));
  tour.leave = button("leave", "✕", () => leave(tour));
  tour.resume = button("resume", "", () => tour.ask("resume"));
  tour.explain = button("explain", "", () => tour.ask("explain"));
  const way = element("div", "way");
  way.append(tour.back, tour.next);
  const bar = element("div", "bar");
  bar.append(tour.heading, tour.place, tour.stops, way, tour.resume, tour.present, tour.leave);
  const story = part("div", "story");
  story.setAttribute("aria-live", "polite");
  story.setAttribute("aria-atomic", "true");
  part("div", "guess");
  part("p", "formula");
  const side = element("div", "side");
  side.append(tour.formula, tour.explain);
  const body = part("div", "body");
  body.append(story, tour.guess, side);
  root.replaceChildren(bar, body);
}

// ---- what Python says ----

/**
 * @param {any} tour
 * @param {TourMessage} data
 */
function show(tour, data) {
  const { root } = tour;
  const before = tour.data;
  tour.data = data;
  if (data.stop && !before.stop) begin(tour, before);
  root.hidden = !data.stop && !data.present;
  stepAside(tour);
  root.classList.toggle("large", Boolean(data.present));
  root.classList.toggle("idle", !data.stop);
  if (root.hidden) return pointNowhere(tour);
  root.setAttribute("aria-label", data.words.name);
  if (tour.wanted === data.number) tour.wanted = null;
  fillBar(tour, data);
  if (!data.stop) return pointNowhere(tour);
  const another = data.stop !== before.stop;
  if (another) Object.assign(tour, { revealed: false, chosen: null });
  tour.pending = Boolean(data.guess) && !tour.revealed;
  fillBody(tour, data);
  point(tour);
  if (another) revealSoon(tour.pointer, () => root.getBoundingClientRect().height);
  if (tour.opener && !before.stop) tour.heading.focus({ preventScroll: true });
}

/**
 * A tour that a button began brings the visitor back to where they were; one that a link began does not.
 * @param {any} tour
 * @param {TourMessage} before
 */
function begin(tour, before) {
  const opener = document.activeElement?.closest?.("[class*=st-key-tour-start] button");
  tour.opener = opener;
  tour.returning?.stop();
  tour.home = opener || before.present ? document.querySelector(".stMain").scrollTop : null;
}

/** Where no tour is on, its way in leaves all the room to the explanation. */
function stepAside(tour) {
  tour.root.classList.toggle("aside", tour.waiting && !tour.data.stop);
}

function point(tour) {
  const { marks, keys, guess } = tour.data;
  const shown = !tour.waiting;
  const own = tour.pending ? marks.filter(({ kind }) => kind !== "cell") : marks; // the cell would tell the answer
  pointAt(tour.pointer, { marks: shown ? own : [], keys: shown ? keys : [], covered: shown && tour.pending ? guess.covered : [] });
}

function pointNowhere(tour) {
  tour.pointer.scrolling?.stop();
  if (tour.pointer.figures) stopPointing(tour.pointer);
}

/**
 * @param {any} tour
 * @param {TourMessage} data
 */
function fillBar(tour, { words, stop, stops, number, place, text, present }) {
  tour.heading.textContent = tour.waiting ? words.waiting : stop ? text.title : words.presenting;
  tour.place.textContent = stop ? place : "";
  tour.back.textContent = `‹ ${words.back}`;
  tour.next.textContent = !stop ? words.start : number === stops.length - 1 ? words.end : `${words.next} ›`;
  tour.back.setAttribute("aria-disabled", String(!stop || number === 0));
  tour.present.hidden = present; // the way out is above
  tour.present.textContent = words.present;
  tour.present.title = words.present_hint;
  tour.resume.textContent = words.resume;
  tour.explain.textContent = words.explain;
  tour.explain.title = words.explain_hint;
  tour.leave.setAttribute("aria-label", words.leave);
  tour.leave.title = `${words.leave} (Esc)`;
  if (tour.stops.childElementCount !== stops.length) {
    tour.stops.replaceChildren(...stops.map((name, index) => {
      const item = element("li");
      const dot = button("dot", "", () => go(tour, index));
      dot.setAttribute("aria-label", words.place.replace("{stop}", String(index + 1)).replace("{stops}", String(stops.length)));
      item.append(dot);
      return item;
    }));
  }
  [...tour.stops.children].forEach(({ firstChild }, index) => {
    if (index === number) firstChild.setAttribute("aria-current", "step");
    else firstChild.removeAttribute("aria-current");
  });
}

/**
 * @param {any} tour
 * @param {TourMessage} data
 */
function fillBody(tour, { text, guess, words, forms }) {
  const sentences = [element("span", "unseen", `${tour.place.textContent}: ${text.title}.`)];
  if (tour.pending) {
    sentences.push(glossedElement("p", "what", text.question, forms));
  } else {
    const verdict = tour.chosen === null || !guess ? "" : `${tour.chosen === guess.right ? words.right : words.wrong} `;
    const seen = new Set();
    sentences.push(glossedElement("p", "what", verdict + text.what, forms, seen),
                   glossedElement("p", "why", text.why, forms, seen));
  }
  const signature = JSON.stringify(sentences.map((sentence) => sentence.textContent));
  if (tour.signature !== signature) { // a screen reader tells what is new, once
    tour.signature = signature;
    tour.story.replaceChildren(...sentences);
    tour.body.scrollTop = 0;
  }
  tour.root.classList.toggle("guessing", tour.pending);
  tour.formula.replaceChildren(...formula("p", "", text.formula).childNodes);
  tour.guess.hidden = !tour.pending;
  if (tour.pending && tour.guess.dataset.of !== JSON.stringify(guess)) fillGuess(tour, guess, words);
}

// ---- a guess ----

/**
 * @param {any} tour
 * @param {TourGuess} guess
 * @param {Record<string, string>} words
 */
function fillGuess(tour, guess, words) {
  tour.guess.dataset.of = JSON.stringify(guess);
  tour.guess.setAttribute("role", "group");
  tour.guess.setAttribute("aria-label", tour.data.text.question);
  const choices = guess.choices.map((choice, index) => button("choice", choice, () => answer(tour, index)));
  tour.guess.replaceChildren(...choices, button("reveal", words.reveal, () => answer(tour, null)));
}

function answer(tour, chosen) {
  const inside = tour.guess.contains(tour.guess.getRootNode().activeElement);
  Object.assign(tour, { revealed: true, pending: false, chosen });
  fillBody(tour, tour.data);
  point(tour);
  if (inside) tour.next.focus({ preventScroll: true });
}

// ---- the way ----

/** One stop on or back. What is to be guessed is told first. Quick keys count on from the stop that was asked for. */
function step(tour, by) {
  const { stop, stops, number } = tour.data;
  if (!stop) return by > 0 && go(tour, 0);
  if (by > 0 && tour.pending && tour.wanted === null) return answer(tour, null);
  const index = (tour.wanted ?? number) + by;
  if (index >= stops.length) return leave(tour);
  if (index >= 0) go(tour, index);
}

function go(tour, index) {
  tour.wanted = index;
  tour.ask("go", tour.data.stops[index]);
}

function leave(tour) {
  tour.wanted = null;
  if (!tour.data.stop) return tour.ask("present", false);
  const focusInside = tour.root.matches(":focus-within");
  const pointed = document.querySelector(".tour-outline")?.closest(BLOCKS);
  if (!tour.data.present) tour.root.hidden = true; // at once; Python then says the same
  pointNowhere(tour);
  if (tour.opener?.isConnected) tour.opener.focus({ preventScroll: true });
  else if (focusInside) giveFocusBack(null, pointed);
  tour.opener = null;
  goHome(tour);
  tour.ask("leave");
}

function goHome(tour) {
  if (tour.home === null) return;
  const there = { top: tour.home, behavior: motion() };
  tour.returning = keepScrolling(() => document.querySelector(".stMain").scrollTo(there), 2_000);
  tour.home = null;
}

function followKey(tour, event) {
  if (tour.root.hidden || tour.waiting || event.defaultPrevented) return;
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (document.querySelector("[role=dialog], [data-baseweb=popover]")) return;
  const on = (selector) => event.composedPath().some((node) => node.matches?.(selector));
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (event.key === "Escape" && !on(FIELDS)) {
    leave(tour);
  } else if (by && !on(TAKE_ARROWS)) {
    event.preventDefault();
    const last = (tour.wanted ?? tour.data.number) + by >= tour.data.stops.length;
    if (!last || tour.pending) step(tour, by); // a key too many does not end the tour
  }
}

/** While a cell is explained below, the card is one line above that, and outlines nothing. */
function giveWay(tour, height) {
  const waiting = height > 20;
  tour.host()?.style.setProperty("--tour-below", `${Math.round(waiting ? height : 0)}px`);
  if (waiting === tour.waiting) return;
  tour.waiting = waiting;
  tour.root.classList.toggle("waiting", waiting);
  stepAside(tour);
  if (tour.root.hidden) return;
  fillBar(tour, tour.data);
  if (!tour.data.stop) return;
  point(tour);
  if (!waiting) revealSoon(tour.pointer, () => tour.root.getBoundingClientRect().height);
}
