// @ts-check
// What each component does: it fills its root, and ends when it leaves the page.

const calls = new WeakMap(); // owner -> how often its component was called

/**
 * The element that a component fills.
 * @param {HTMLElement} parentElement
 * @returns {HTMLElement}
 */
export function rootOf(parentElement) {
  return parentElement.querySelector(".root");
}

/**
 * What a component returns to Streamlit: call `stop` when it leaves the page.
 * Streamlit also calls the function of a call that was overtaken by a younger one; that must stop nothing.
 * @param {object} owner the same in each call of one component
 * @param {() => void} stop
 */
export function whenUnmounted(owner, stop) {
  const call = (calls.get(owner) ?? 0) + 1;
  calls.set(owner, call);
  return () => {
    if (calls.get(owner) === call) stop();
  };
}
