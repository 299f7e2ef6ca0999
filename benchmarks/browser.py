"""A Chromium, and a stopwatch that runs inside its pages: from the visitor's key to what the page shows at last."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREEN = {"width": 1440, "height": 900}


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser: the one that CHROMIUM names, or the first that is found."""
    named = os.environ.get("CHROMIUM")
    found = next((path for path in map(shutil.which, [named] if named else NAMES) if path), None)
    if found is None:
        raise RuntimeError("the page is measured in Chromium: install it, or set CHROMIUM to where it is")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Browser, address: str, charts: str, texts: str = "") -> Page:
    """A page of its own on this address, once all charts that match are drawn and stand still; of a page without any
    once there are these texts."""
    page = browser.new_page(viewport=SCREEN)
    page.goto(address, wait_until="commit")
    page.locator(f"{charts} .js-plotly-plot" if charts else texts).first.wait_for(timeout=90_000)
    page.evaluate(_STOPWATCH)
    page.evaluate("() => stopwatch.still()")
    return page


def seconds(page: Page, act: Callable[[Page], None], charts: str, texts: str = "") -> float:
    """How long it takes, once the page stands still, from the first key of `act` until each of these charts is drawn
    with other values, and the text in each of `texts` is another one: by the page's clock, when charts say so.
    """
    page.bring_to_front()
    page.evaluate("() => stopwatch.still()")
    page.evaluate("([charts, texts]) => stopwatch.arm(charts, texts)", [charts, texts])
    act(page)
    return float(page.evaluate("() => stopwatch.done")) / 1e3


def turns(sides: dict[str, Callable[[], float]], rounds: int, warm: int = 1) -> dict[str, list[float]]:
    """What each side says it took, turn by turn; every second round goes in the opposite order."""
    for _ in range(warm):
        for act in sides.values():
            act()
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for n in range(rounds):
        for name in list(sides) if n % 2 == 0 else reversed(sides):
            taken[name].append(sides[name]())
    return taken


_STOPWATCH = """() => {
  const key = (place) => place.dataset.key ?? place.className.match(/st-key-\\S+/)[0];
  const name = (place) => key(place).replace(/layers-\\d+/, "layer"); // any layer's is one
  // Streamlit keeps what it replaced in the page for a while, hidden.
  const shown = (node) => node.isConnected && !node.closest("[data-retained]");
  const all = (selector) => !selector ? [] : [...document.querySelectorAll(selector)].filter(shown);
  const figures = (charts) => all(charts).map((place) => [name(place), place.querySelector(".js-plotly-plot")]);
  const cell = (c) => c.z ? c.z.map((row) => row.reduce((a, b) => a + (b || 0), 0)).join() : `${c.p} ${c.s}`;
  const values = (figure) => (figure?.calcdata ?? []).map((cells) => cells.map(cell).join()).join();
  const roots = (node) => [node, ...[...node.querySelectorAll("*")].flatMap((e) => e.shadowRoot ?? [])];
  const text = (node) => roots(node).map((root) => root.textContent).join();
  const watched = new WeakSet();
  let look = () => {};

  // Ask again whenever a chart says that it is drawn. New charts are seen as they come.
  const follow = () => {
    for (const figure of document.getElementsByClassName("js-plotly-plot")) {
      if (watched.has(figure) || !figure.on) continue;
      watched.add(figure);
      figure.on("plotly_afterplot", () => look(figure));
      look(figure);
    }
  };
  new MutationObserver(follow).observe(document.body, { childList: true, subtree: true });

  window.stopwatch = {
    /** Resolves with the milliseconds, as soon as everything has changed. */
    arm(charts, texts) {
      follow();
      let start = null;
      const before = new Map(figures(charts).map(([name, figure]) => [name, values(figure)]));
      const missing = new Set(before.keys());
      const old = texts ? all(texts).map((node) => [node, text(node)]) : [];
      const changes = new MutationObserver(() => look());
      for (const [node] of old)
        for (const root of roots(node)) changes.observe(root, { childList: true, subtree: true, characterData: true });
      if (!missing.size && !old.length) throw new Error(`there is no ${charts} ${texts}`);
      const key = () => { start ??= performance.now(); };
      addEventListener("keydown", key, { capture: true, once: true });
      addEventListener("pointerdown", key, { capture: true, once: true });
      this.done = new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`never drawn again: ${[...missing].join("; ")}`)), 60000);
        look = (drawn) => {
          if (start === null) return;
          for (const [name, figure] of drawn ? figures(charts) : [])
            if (drawn === figure && missing.has(name) && values(figure) !== before.get(name)) missing.delete(name);
          if (missing.size || old.some(([node, was]) => shown(node) && text(node) === was)) return;
          look = () => {};
          changes.disconnect();
          clearTimeout(late);
          resolve(performance.now() - start);
        };
      });
    },
    /** Resolves once no chart was drawn for 0.8 seconds. */
    still() {
      return new Promise((resolve) => {
        const end = () => { look = () => {}; resolve(); };
        let quiet = setTimeout(end, 800);
        look = () => { clearTimeout(quiet); quiet = setTimeout(end, 800); };
        follow();
      });
    },
  };
}"""
