// @ts-check
// What scrolls within a component: its soft edges, and the part of it that is to be seen.

/** Scroll `scroller`, and nothing else on the page, until `child` stands clear of its faded edges. */
export function bringIntoView(scroller, child) {
  if (!child) return;
  const outer = scroller.getBoundingClientRect();
  const inner = child.getBoundingClientRect();
  const [across, down] = [36, 24];
  if (inner.left < outer.left + across) scroller.scrollLeft -= outer.left + across - inner.left;
  else if (inner.right > outer.right - across) scroller.scrollLeft += inner.right - outer.right + across;
  if (inner.top < outer.top + down) scroller.scrollTop -= outer.top + down - inner.top;
  else if (inner.bottom > outer.bottom - down) scroller.scrollTop += inner.bottom - outer.bottom + down;
}

/** Soften the edges behind which there is more; common.css does the drawing. */
export function fadeEdges(scroller) {
  const { scrollLeft, scrollTop, scrollWidth, scrollHeight, clientWidth, clientHeight } = scroller;
  scroller.dataset.more = [
    scrollLeft > 1 && "left", scrollLeft < scrollWidth - clientWidth - 1 && "right",
    scrollTop > 1 && "top", scrollTop < scrollHeight - clientHeight - 1 && "bottom",
  ].filter(Boolean).join(" ");
}

/** Keep the edges right while the visitor scrolls and the column changes its width. */
export function watchEdges(choice, scroller) {
  if (choice.sizes) return;
  scroller.addEventListener("scroll", () => fadeEdges(scroller), { passive: true });
  choice.sizes = new ResizeObserver(() => fadeEdges(scroller));
  choice.sizes.observe(scroller);
}
