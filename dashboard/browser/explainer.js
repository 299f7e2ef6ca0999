// @ts-check
// The panel that explains a cell.

import { BLOCKS } from "./board/blocks.js";
import { stopCells, watchCells } from "./board/choosing.js";
import { stopDrags, watchDrags } from "./board/drag.js";
import { rootOf, whenUnmounted } from "./component.js";
import { drawn, drawStrip } from "./drawings.js";
import { button, element, formula } from "./element.js";
import { explainedCell } from "./explained_cell.js";
import { dock, giveFocusBack, lineAbove } from "./panel.js";
import { motion } from "./reveal.js";
import { wayToExact } from "./way_back.js";
import { glossed, glossedElement } from "./words.js";
/** @import { Component } from "./streamlit" */
/** @import { CellChoice, Crumb, ExplainedCell, ExplainerMessage, LinkedOperand, Recomputed, TermRow, TermTable } from "./messages" */

const APART = 400; // milliseconds
const ROUNDING = 0.01; // of a number: what differs by more is not called the same
const panels = new WeakMap(); // parentElement -> its panel, kept over every rerun

/** @param {Component<ExplainerMessage>} component */
export default function ({ data, parentElement, setTriggerValue }) {
  const panel = panelIn(parentElement);
  dock(parentElement);
  panel.send = (kind, value) => setTriggerValue("ask", { [kind]: value ?? true });
  watchCells(panel, (pick) => panel.ask("pick", pick));
  panel.start();
  if (data?.drags) watchDrags((region, figure) => {
    panel.exact.go(figure);
    panel.ask("drag", region);
  });
  else stopDragging(panel);
  show(panel, data?.cell ?? null);
  return whenUnmounted(panel, () => {
    panel.stop();
    stopCells(panel);
    stopDragging(panel);
  });
}

function stopDragging(panel) {
  stopDrags();
  panel.exact.stop();
}

/** Questions in quick succession are asked apart: of two that reach Python together it answers one. */
export function oneByOne(ask) {
  let free = 0;
  return (kind, value) => {
    const now = Date.now();
    const wait = Math.max(0, free - now);
    free = now + wait + APART;
    if (wait) setTimeout(ask, wait, kind, value);
    else ask(kind, value);
  };
}

function panelIn(parentElement) {
  if (panels.has(parentElement)) return panels.get(parentElement);
  const root = rootOf(parentElement);
  const panel = { root, ask: null, send: null, place: null, opener: null, timer: null, cells: null };
  const inTurn = oneByOne((kind, value) => panel.send(kind, value)); // one queue, however many answers come meanwhile
  panel.ask = (kind, value) => {
    if (kind !== "back") panel.goal = null;
    if (kind !== "choose") forgetTyped(panel);
    inTurn(kind, value);
  };
  build(panel);
  const byKey = (event) => {
    if (event.key !== "Escape" || root.hidden || event.defaultPrevented) return;
    if (!document.querySelector("[role=dialog], [data-baseweb=popover]")) close(panel);
  };
  const height = new ResizeObserver(() => keepRoom(root));
  panel.start = () => {
    document.addEventListener("keydown", byKey);
    height.observe(root);
    panel.cells ??= explainedCell(panel.coveredBelow);
  };
  panel.stop = () => {
    document.removeEventListener("keydown", byKey);
    height.disconnect();
    panel.cells.stop();
    panel.cells = null;
  };
  panel.coveredBelow = () => (root.hidden ? 0 : root.getBoundingClientRect().height + lineAbove());
  panel.exact = wayToExact(panel.coveredBelow);
  root.after(panel.exact.button);
  panels.set(parentElement, panel);
  return panel;
}

/** However high the panel is, the page ends as far below: it must not jump where one has scrolled to its end. */
function keepRoom(root) {
  const spare = root.hidden ? 0 : parseFloat(getComputedStyle(root).maxHeight) - root.offsetHeight;
  const place = root.getRootNode().host?.closest(".stElementContainer");
  place?.style.setProperty("--explainer-spare", `${Math.max(0, spare)}px`);
}

/** The parts that stay from cell to cell: what is focused there keeps the focus. */
function build(panel) {
  const { root } = panel;
  root.hidden = true;
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", "How this number was computed");
  panel.back = button("back", "‹ Back", () => goBack(panel));
  panel.crumbs = element("ol", "crumbs");
  panel.choice = element("div", "choice");
  panel.remark = element("p", "remark"); // what is wrong with a typed number
  panel.remark.setAttribute("role", "status");
  const end = button("close", "✕", () => close(panel));
  end.setAttribute("aria-label", "Close the explanation");
  end.title = "Close (Esc)";
  const bar = element("div", "bar");
  const way = element("nav", "way");
  way.setAttribute("aria-label", "The cells that led to this one");
  way.append(panel.back, panel.crumbs);
  bar.append(way, panel.remark, panel.choice, end);
  panel.heading = element("h2", "heading");
  panel.heading.tabIndex = -1;
  panel.story = element("div", "story");
  panel.tables = element("div", "tables");
  const body = element("div", "body");
  body.append(panel.story, panel.tables);
  panel.body = body;
  root.replaceChildren(body, bar); // as they are seen, and so as one tabs through them
}

/** One cell back from where the clicks before this one lead, whose answers may still be on their way. */
export function goBack(panel) {
  const goal = Math.min(panel.crumbCount, panel.goal ?? Infinity) - 1;
  if (goal < 1) return;
  panel.goal = goal;
  panel.ask("back", goal - 1);
}

function close(panel) {
  const focusInside = panel.root.matches(":focus-within");
  const explained = document.querySelector(".cell-outline")?.closest(BLOCKS);
  panel.root.hidden = true; // at once; Python then says the same
  if (focusInside || document.activeElement === document.body) giveFocusBack(panel.opener, explained);
  if (panel.opener) document.querySelector(".stMain").scrollTo({ top: panel.home, behavior: motion() });
  panel.opener = null;
  panel.cells?.show([], false);
  panel.ask("close");
}

// ---- what Python says ----

/**
 * @param {any} panel
 * @param {ExplainedCell | null} data
 */
function show(panel, data) {
  const { root } = panel;
  if (!data) {
    root.hidden = true;
    panel.place = panel.signature = null;
    panel.cells.show([], false);
    return;
  }
  const place = JSON.stringify([data.choice.name, data.choice.axes, data.crumbs.length]);
  const elsewhere = place !== panel.place;
  const signature = JSON.stringify(data);
  if (signature !== panel.signature) {
    const focusInside = panel.body.contains(root.getRootNode().activeElement);
    const byKeyboard = root.hidden && document.activeElement?.matches?.("button");
    if (byKeyboard) {
      panel.opener = document.activeElement;
      panel.home = document.querySelector(".stMain").scrollTop;
    }
    root.hidden = false;
    fillWay(panel, data.crumbs);
    fillChoice(panel, data.choice);
    fillStory(panel, data);
    fillTables(panel, data);
    panel.crumbs.scrollLeft = panel.crumbs.scrollWidth; // now that the fields beside the crumbs have their widths
    if (elsewhere) panel.body.scrollTop = 0;
    if (byKeyboard || (focusInside && elsewhere)) panel.heading.focus({ preventScroll: true });
  }
  [panel.signature, panel.place] = [signature, place];
  panel.cells.show(data.marks, elsewhere);
}

/**
 * @param {any} panel
 * @param {Crumb[]} crumbs
 */
function fillWay(panel, crumbs) {
  const here = crumbs.length - 1;
  panel.crumbCount = crumbs.length;
  if (crumbs.length === panel.goal) panel.goal = null; // reached
  panel.back.disabled = here === 0;
  panel.crumbs.replaceChildren(...crumbs.map(({ text, title }, index) => {
    const item = element("li");
    const crumb = index === here ? element("span", "crumb") : button("crumb", "", () => panel.ask("back", index));
    crumb.append(formula("span", "", text));
    if (index === here) crumb.setAttribute("aria-current", "page");
    crumb.title = title;
    item.append(crumb);
    return item;
  }));
}

// ---- the keyboard's way to a cell ----

/**
 * @param {any} panel
 * @param {CellChoice} choice
 */
function fillChoice(panel, choice) {
  const parts = [choice.layers > 1 && choice.layer, choice.groups,
                 choice.axes.map(({ axis, size, start }) => [axis, size, start])];
  const signature = JSON.stringify(parts);
  if (panel.choiceSignature !== signature) {
    const focused = panel.choice.getRootNode().activeElement?.dataset?.what;
    panel.choiceSignature = signature;
    panel.choice.replaceChildren(...choiceFields(panel, choice));
    if (focused) panel.choice.querySelector(`[data-what="${focused}"]`)?.focus({ preventScroll: true });
  }
  panel.select.value = choice.name;
  choice.axes.forEach(({ axis, value }) => setNumber(panel.fields[axis], value));
  if (panel.fields.layer) setNumber(panel.fields.layer, choice.layer);
  if (!panel.choice.querySelector("[aria-invalid=true]")) panel.remark.textContent = "";
}

/**
 * Put an answer's number into its field, unless another one was typed since: the answer to that is still to come. What
 * cannot be used is left alone as long as it is being typed.
 */
export function setNumber(field, value) {
  if (field.dataset.typed === String(value)) delete field.dataset.typed; // this is its answer
  if ("typed" in field.dataset) return;
  field.dataset.good = value;
  const isTyped = field.getRootNode().activeElement === field;
  if (isTyped && field.getAttribute("aria-invalid") === "true") return; // the answer is to what was there before
  field.removeAttribute("aria-invalid");
  if (field.value !== String(value)) field.value = value;
}

/** Another cell was asked for by other means: its numbers go into the fields. */
function forgetTyped(panel) {
  for (const field of Object.values(panel.fields ?? {})) delete field.dataset.typed;
}

/**
 * @param {any} panel
 * @param {CellChoice} choice
 */
function choiceFields(panel, choice) {
  panel.select = element("select");
  panel.select.dataset.what = "matrix";
  panel.select.setAttribute("aria-label", "Matrix");
  panel.select.append(...choice.groups.map(([label, matrices]) => {
    const group = element("optgroup");
    group.label = label;
    group.append(...matrices.map(([name, title]) => Object.assign(element("option", "", title), { value: name })));
    return group;
  }));
  panel.fields = {};
  const send = (name) => {
    clearTimeout(panel.timer);
    panel.timer = setTimeout(() => {
      const known = Object.entries(panel.fields).filter(([axis]) => axis !== "layer");
      panel.ask("choose", { name, coordinates: Object.fromEntries(known.map(([a, f]) => [a, Number(f.dataset.good)])) });
    }, 200);
  };
  panel.select.addEventListener("change", () => send(panel.select.value));
  const found = [panel.select];
  if (choice.layers > 1) {
    const of = (layer) => choice.name.replace(/^layers\.\d+/, `layers.${layer}`);
    found.unshift(numberField(panel, "layer", "layer", 0, choice.layers, (layer) => send(
      panel.select.value.startsWith("layers.") ? panel.select.value.replace(/^layers\.\d+/, `layers.${layer}`) : of(layer))));
  }
  return [...found, ...choice.axes.map(({ axis, word, start, size }) =>
    numberField(panel, axis, word, start, size, () => send(panel.select.value)))];
}

function numberField(panel, name, word, start, size, onInput) {
  const label = element("label", "", word);
  const field = element("input");
  Object.assign(field, { type: "number", min: start, max: start + size - 1, step: 1, title: `${start} to ${start + size - 1}` });
  field.style.width = `${String(start + size - 1).length + 4.2}ch`;
  field.dataset.what = name;
  field.addEventListener("input", () => {
    const wrong = field.validity.badInput || !field.checkValidity();
    field.setAttribute("aria-invalid", String(wrong));
    panel.remark.textContent = wrong ? `Type a whole number from ${start} to ${start + size - 1} for “${word}”.` : "";
    if (wrong || field.value === "") return;
    field.dataset.good = field.dataset.typed = String(Number(field.value)); // what is meant, whatever is typed next
    onInput(Number(field.value));
  });
  label.append(field);
  panel.fields[name] = field;
  return label;
}

// ---- what the cell is ----

/**
 * @param {any} panel
 * @param {ExplainedCell} data
 */
function fillStory(panel, data) {
  const { result } = data;
  panel.heading.replaceChildren(formula("span", "symbol", data.symbol), ...glossed(` ${data.title}`, data.forms));
  const value = element("div", "value");
  value.append(element("output", "", result.recomputed));
  const parts = [panel.heading, element("p", "place", data.place), value];
  if (result.stored) {
    const again = "This number was computed again from the numbers it depends on.";
    const check = element("p", "check", `${again} The page shows ${result.stored}${comparedIn(result)}.`);
    if (result.apart) check.title = `The difference is ${result.apart}.`;
    parts.push(check);
  }
  if (data.note) parts.push(glossedElement("p", "note", data.note, data.forms));
  // what was clicked is known here alone: a link leads to the cell
  if (data.pooled) parts.push(glossedElement("p", "note of-click", data.pooled, data.forms));
  if (data.formula) parts.push(formula("p", "formula", data.formula));
  if (data.line) parts.push(element("p", "line", data.line));
  if (!data.formula || data.end) parts.push(glossedElement("p", "meaning", data.meaning, data.forms));
  if (data.elsewhere) parts.push(button("more", "Show its matrix on the page", () => panel.ask("show")));
  const side = element("div", "side");
  if (data.drawing) side.append(drawn(data.drawing));
  if (data.numbers.length) side.append(numberList(data.numbers));
  if (side.childElementCount) parts.push(side);
  panel.story.replaceChildren(...parts);
}

/**
 * How the page's number compares with the one that was computed again: what is far apart is not called rounding.
 * @param {Recomputed} result
 */
export function comparedIn({ stored, apart }) {
  if (!apart) return ", the same number";
  const [size, error] = [stored, apart].map((text) => Math.abs(Number(text.replaceAll("−", "-"))));
  return error <= ROUNDING * size ? ": the same, apart from rounding" : `, which differs by ${apart}`;
}

/** @param {[string, string][]} numbers */
function numberList(numbers) {
  const list = element("dl", "numbers");
  list.append(...numbers.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]));
  return list;
}

// ---- its terms ----

/**
 * @param {any} panel
 * @param {ExplainedCell} data
 */
function fillTables(panel, data) {
  const parts = [];
  if (data.terms) parts.push(termTable(panel, data.terms, data));
  if (data.layers) parts.push(termTable(panel, data.layers, null));
  if (data.layers_later) {
    parts.push(button("more", "Show what each layer has added so far", () => panel.ask("layers")));
  }
  panel.tables.replaceChildren(...parts);
}

/**
 * Terms as rows: operands, value, bar. data: of the cell's own terms, which have an order and may be many.
 * @param {any} panel
 * @param {TermTable} terms
 * @param {ExplainedCell | null} data
 */
function termTable(panel, terms, data) {
  const part = element("section", "terms");
  const head = element("div", "head");
  const many = terms.count > 4 ? ` (${terms.count.toLocaleString("en")})` : "";
  head.append(element("h3", "", terms.heading + many));
  if (data && terms.count > 2) head.append(orderChoice(panel, data.by_size));
  part.append(head);
  if (terms.strip) {
    part.append(drawStrip(terms.strip), element("p", "check", terms.strip.said));
  }
  const table = element("table");
  table.append(...terms.rows.map((row) => termRow(panel, row, terms.signed, terms.count > 1)));
  part.append(table);
  if (terms.rest) part.append(restOf(panel, terms, data));
  if (terms.total) part.append(element("p", "total", `${terms.total} = ${terms.sum}`));
  return part;
}

function orderChoice(panel, bySize) {
  const group = element("div", "order");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Order of the terms");
  for (const [text, value] of [["in order", false], ["by size", true]]) {
    const made = button("", text, () => panel.ask("by_size", value));
    made.setAttribute("aria-pressed", String(value === bySize));
    group.append(made);
  }
  return group;
}

/**
 * @param {any} panel
 * @param {TermRow} row
 * @param {boolean} signed
 * @param {boolean} many
 */
function termRow(panel, row, signed, many) {
  const made = element("tr", row.own ? "own" : row.aside ? "aside" : "");
  const label = element("th", "label", row.label);
  label.scope = "row";
  label.title = row.label;
  made.append(label);
  const operands = element("td", "operands");
  row.inputs.forEach((input, index) => {
    if (index && row.sign) operands.append(element("span", "sign", row.sign));
    operands.append(operandButton(panel, input));
  });
  if (row.factor) operands.append(element("span", "sign", `× ${row.factor}`));
  made.append(operands);
  const value = element("td", "number", row.value);
  value.title = row.full;
  made.append(value);
  if (many) made.append(bar(row.share, signed, row.own));
  return made;
}

/**
 * @param {any} panel
 * @param {LinkedOperand} operand
 */
function operandButton(panel, { symbol, value, to, title }) {
  const made = button("operand", undefined, () => panel.ask("go", to));
  made.append(formula("span", "symbol", symbol), element("span", "", value));
  made.title = title;
  made.setAttribute("aria-label", `${symbol} ${value}: ${title}. Explain it.`);
  return made;
}

function bar(share, signed, own) {
  const cell = element("td", signed ? "bar signed" : "bar");
  const filled = element("span", own ? "own" : share < 0 ? "negative" : signed ? "positive" : "share");
  const width = Math.abs(share) * (signed ? 50 : 100);
  Object.assign(filled.style, { width: `${Math.max(width, 0.4)}%`, left: `${signed ? (share < 0 ? 50 - width : 50) : 0}%` });
  cell.setAttribute("aria-hidden", "true");
  cell.append(filled);
  return cell;
}

/**
 * @param {any} panel
 * @param {TermTable} terms
 * @param {ExplainedCell | null} data
 */
function restOf(panel, terms, data) {
  const line = element("div", "rest");
  line.append(element("span", "", terms.rest === 1 ? `and 1 more, which is ${terms.others}` : `and ${terms.rest.toLocaleString("en")} more, which add up to ${terms.others}`));
  if (data && terms.pages) line.append(...pageButtons(panel, terms));
  return line;
}

/**
 * From the first few terms to pages with all of them, and from page to page.
 * @param {any} panel
 * @param {TermTable} terms
 */
function pageButtons(panel, { page, pages }) {
  if (page === null) return [pageButton(panel, "Show more", 0)];
  const found = [element("span", "", `page ${page + 1} of ${pages}`)];
  if (page > 0) found.unshift(pageButton(panel, "‹ Previous", page - 1));
  if (page < pages - 1) found.push(pageButton(panel, "Next ›", page + 1));
  if (page < pages - 2) found.push(pageButton(panel, "Last", pages - 1));
  return found;
}

/** Asks for a page; the list then begins at its first term. */
function pageButton(panel, text, page) {
  return button("more", text, () => {
    panel.body.scrollTop = 0;
    panel.ask("page", page);
  });
}
