// @ts-check
// What the panels docked below the matrices share.

/** A panel sticks to the bottom of what it lies in: let that be the page, not Streamlit's box around a fragment. */
export function dock(parentElement) {
  const host = parentElement.getRootNode().host ?? parentElement;
  const fragment = host.closest(".stElementContainer")?.parentElement;
  for (const box of [fragment, fragment?.parentElement]) if (box) box.style.display = "contents";
}

/** The height of the line that the tour leaves above an explanation, which it gives way to. */
export function lineAbove() {
  const card = document.querySelector(".st-key-tour-card");
  return card instanceof HTMLElement && card.offsetHeight > 0 ? 52 : 0;
}

/**
 * Give the focus back to what opened a panel, and bring it into view; where it is gone, to a part of the page that is
 * seen. opener: the button, which may have been drawn anew since. otherwise: an element, or nothing.
 */
export function giveFocusBack(opener, otherwise) {
  const key = opener?.closest("[class*=st-key-]")?.className.match(/st-key-[\w-]+/)?.[0];
  const button = opener?.isConnected ? opener : key && document.querySelector(`.${key} button`);
  const target = button || otherwise || document.querySelector(".stMain");
  if (!target.matches("button, [tabindex]")) target.tabIndex = -1;
  target.focus({ preventScroll: true });
  if (button) target.scrollIntoView({ block: "nearest" });
}
