// @ts-check
// The block around a picture: its text, if it has one, and the picture, which scrolls where it is wider than the page.

import { element } from "../element.js";

export const BLOCKS = ".board-block";

const MARKS = /\*\*(.+?)\*\*|`([^`]+)`|\[([^\]]+)\]\((#word-[\w-]+)\)| {2}\n/g;

/** A block around a picture's host. */
export function newBlock(host) {
  const block = element("div", "board-block");
  const text = element("p", "board-text");
  block.append(text, host);
  return block;
}

/** Write its text, Markdown of ours. */
export function writeText(block, text) {
  if (block.dataset.text === text) return;
  block.dataset.text = text;
  block.firstChild.replaceChildren(...nodesOf(text));
}

/** Markdown as nodes: bold, code, links to words of the glossary and ends of lines. A text is never read as markup. */
export function nodesOf(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(MARKS)) {
    const [all, bold, code, word, address] = match;
    if (match.index > end) nodes.push(document.createTextNode(text.slice(end, match.index)));
    end = match.index + all.length;
    if (bold) nodes.push(within(element("strong"), nodesOf(bold)));
    else if (code) nodes.push(element("code", "", code));
    else if (word) nodes.push(Object.assign(element("a", "", word), { href: address }));
    else nodes.push(element("br"));
  }
  if (end < text.length) nodes.push(document.createTextNode(text.slice(end)));
  return nodes;
}

function within(node, nodes) {
  node.append(...nodes);
  return node;
}
