// Links to other pages, opened in a new tab: Streamlit adds the widgets' values only as it changes pages itself, so here
// they are written into the address when a visitor points at a link or reaches it by key. Needs choice.js.

const links = { names: [], write: null };
const EVENTS = ["pointerover", "focusin"];

export default function ({ data }) {
  links.names = data.names;
  if (!links.write) {
    links.write = (event) => writeAddress(event.target.closest?.("a[data-testid=stPageLink-NavLink]"));
    for (const name of EVENTS) document.addEventListener(name, links.write, { capture: true, passive: true });
  }
  return whenUnmounted(links, () => {
    for (const name of EVENTS) document.removeEventListener(name, links.write, { capture: true });
    links.write = null;
  });
}

function writeAddress(link) {
  if (!link) return;
  const address = new URL(link.href);
  const here = new URL(window.location.href).searchParams;
  for (const name of links.names) {
    if (here.has(name)) address.searchParams.set(name, here.get(name));
    else address.searchParams.delete(name);
  }
  if (link.href !== address.href) link.href = address.href;
}
