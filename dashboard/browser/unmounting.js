// When a component leaves the page.

/**
 * What a component returns to Streamlit: call `stop` when it leaves the page.
 * Streamlit also calls the function of a call that was overtaken by a younger one; that must stop nothing.
 */
export function whenUnmounted(owner, stop) {
  const call = (owner.calls = (owner.calls || 0) + 1);
  return () => {
    if (owner.calls === call) stop();
  };
}
