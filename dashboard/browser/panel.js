// What the panels docked below the matrices share. Needs choice.js (for `element`).

/** A panel sticks to the bottom of what it lies in: let that be the page, not Streamlit's box around a fragment. */
function dock(parentElement) {
  const host = parentElement.getRootNode().host ?? parentElement;
  const fragment = host.closest(".stElementContainer")?.parentElement;
  for (const box of [fragment, fragment?.parentElement]) if (box) box.style.display = "contents";
}

/** The height of the line that the tour leaves above an explanation, which it gives way to. */
function lineAbove() {
  return document.querySelector(".st-key-tour-card")?.offsetHeight > 0 ? 52 : 0;
}

function button(className, text, onClick) {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

/** A symbol or formula with its small letters set low: W_q. */
function formula(tag, className, text) {
  const made = element(tag, className);
  made.append(...text.split(/_(\w+)/).map((part, i) => (i % 2 ? element("sub", "", part) : document.createTextNode(part))));
  return made;
}

/**
 * Give the focus back to what opened a panel, and bring it into view; where it is gone, to a part of the page that is
 * seen. opener: the button, which may have been drawn anew since. otherwise: an element, or nothing.
 */
function giveFocusBack(opener, otherwise) {
  const key = opener?.closest("[class*=st-key-]")?.className.match(/st-key-[\w-]+/)?.[0];
  const button = opener?.isConnected ? opener : key && document.querySelector(`.${key} button`);
  const target = button || otherwise || document.querySelector(".stMain");
  if (!target.matches("button, [tabindex]")) target.tabIndex = -1;
  target.focus({ preventScroll: true });
  if (button) target.scrollIntoView({ block: "nearest" });
}
