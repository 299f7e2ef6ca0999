"""What visitors do on the page and what they see there, in the words of the page."""

import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Locator, Page, WebSocket, expect

from dashboard.link.models import is_random
from dashboard.link.settings import LINK_VERSION, Settings, read_link
from dashboard.server.rude_words import labelled_as_typed, masking
from llm_core import Run, generate, load_model

expect.set_options(timeout=30_000)  # for a busy machine; a quiet one never waits so long

IN_PART = ("logits", "probabilities", "layers.0.feedforward.hidden")
"""Matrices of which one figure shows only the columns of the likeliest tokens, or the last row."""


@lru_cache
def run_of(settings: Settings) -> Run:
    """The run of these settings, computed here, without server and page; its rude words are labelled as there."""
    model = load_model(settings.model, seed=settings.weights_seed)
    if is_random(settings.model):
        model.tokenizer = masking(model.tokenizer)
    return generate(labelled_as_typed(model, settings.text), settings.text, settings.new_tokens, settings.sampling)


def labels(run: Run) -> list[str]:
    """The visible text of each token of the run."""
    return [run.model.tokenizer.label(i) for i in run.ids]


def settings_of(link: str) -> Settings:
    """What a link says."""
    query = {name: values[-1] for name, values in parse_qs(urlsplit(link).query, keep_blank_values=True).items()}
    values, refused = read_link(query)
    assert not refused
    return Settings(**values)


def eventually(check: Callable[[], None], seconds: float = 30) -> None:
    """Repeat an assertion until it holds: for a moment a page shows old and new side by side."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.03)


class Witness:
    """Notes what must not happen in any page of the contexts that it watches."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.complaints: list[str] = []

    def forget(self) -> None:
        self.complaints.clear()

    def watch(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self._requested(request.url))
        context.on("console", self._said)
        context.on("weberror", lambda error: self.complaints.append(f"JavaScript failed: {error.error}"))
        context.on("dialog", self._asked)
        context.on("page", lambda page: page.on("websocket", lambda socket: self._requested(socket.url)))

    def _requested(self, url: str) -> None:
        ours = url.startswith((f"{self.address}/", f"{self.address.replace('http', 'ws', 1)}/"))
        if not ours and urlsplit(url).scheme not in ("data", "blob", "about"):
            self.complaints.append(f"requested {url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _asked(self, dialog: Dialog) -> None:
        self.complaints.append(f"a dialog said {dialog.message!r}")
        dialog.dismiss()


class Visit:
    """One browser page on the dashboard."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.main = page.get_by_test_id("stMain")
        self.sidebar = page.get_by_test_id("stSidebar")
        self.headline = self.main.get_by_role("heading", level=1)
        self.ribbon = self.main.get_by_role("radiogroup", name=re.compile("^Tokens"))
        self.timeline = self.main.get_by_role("radiogroup", name=re.compile("^Steps"))
        self.stations = self.main.get_by_role("radiogroup", name=re.compile("^Stations"))
        self.card = self.shown(".st-key-next-token-card")
        self.sampled = self.card.locator(".chosen")
        self.refusal = self.shown('[class*="st-key-refusal-of-"]')
        self.notices = self.shown(".st-key-notices")
        self.unchanged = self.main.get_by_text(re.compile("^Each row.*These matrices have not changed"))
        self.text = self.sidebar.get_by_role("textbox", name="Text")
        self.temperature = self.sidebar.get_by_role("slider", name=re.compile("^Temperature"))
        self.dice = self.sidebar.get_by_role("spinbutton", name="Dice seed")
        self.frames: list[bytes] = []  # what the server has sent since `listen`
        page.on("websocket", self._follow)

    def _follow(self, socket: WebSocket) -> None:
        socket.on(
            "framereceived", lambda frame: self.frames.append(frame.encode() if isinstance(frame, str) else frame)
        )

    # ---- what visitors do -------------------------------------------------------------------------------------------

    def open(self, link: str = "", **query: object) -> "Visit":
        """Open a copied link, or the page with these values in its URL, and wait until there is an answer."""
        said = {"v": LINK_VERSION} | query if query else {}
        values = "&".join(f"{name}={quote(str(value), safe='%')}" for name, value in said.items())
        self.page.goto(link or f"{self.address}/?{values}", wait_until="commit")
        expect(self.sampled.or_(self.refusal).first).to_be_visible(timeout=60_000)
        return self

    def leave(self) -> None:
        """End the session; the page can be opened anew."""
        self.page.remove_listener("websocket", self._follow)
        self.page.goto("about:blank")

    def type(self, text: str) -> None:
        """Replace the text, whatever characters the new one has, and apply it."""
        self.text.evaluate(_TYPE, text)
        self.text.press("Enter")

    def heat(self, value: float) -> None:
        """Move the temperature's slider by keys, an eye on it: 0.2 a page, 0.01 an arrow."""
        self.temperature.press("Home")
        expect(self.temperature).to_have_value("0")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            missing = round(100 * (value - float(self.temperature.input_value())))
            if not missing:
                break
            self.temperature.press("PageUp" if missing >= 20 else "ArrowRight" if missing > 0 else "ArrowLeft")
        expect(self.temperature).to_have_value(f"{value:g}")

    def roll(self, seed: int) -> None:
        """Choose the dice seed."""
        self.dice.fill(str(seed))
        self.dice.press("Enter")

    def chip(self, position: int) -> Locator:
        return self.ribbon.get_by_role("radio").nth(position)

    def step(self, index: int) -> Locator:
        return self.timeline.get_by_role("radio").nth(index)

    def width(self) -> float:
        """How wide the page is, in pixels, beside its scrollbar."""
        return float(self.page.evaluate("document.querySelector('.stMain').clientWidth"))

    def station(self, title: str) -> Locator:
        return self.stations.get_by_role("radio", name=re.compile(f"^{title}"))

    # ---- what they see ----------------------------------------------------------------------------------------------

    def shown(self, selector: str) -> Locator:
        """What matches and can be seen: Streamlit keeps what was replaced in the page, hidden, for a while."""
        return self.main.locator(selector).filter(visible=True)

    def block(self, key: str) -> Locator:
        """The block around an equation, which scrolls where it is wider than the page. key: of its picture."""
        return self.shown(f".board-block:has([data-key={key}])")

    @property
    def link(self) -> str:
        return str(self.page.evaluate("location.href"))

    def expect_query(self, **expected: str | None) -> None:
        """Wait until the URL says so; None: it does not name this."""

        def check() -> None:
            query = parse_qs(urlsplit(self.link).query, keep_blank_values=True)
            assert {name: query.get(name, [None])[-1] for name in expected} == expected

        eventually(check)

    def matrices(self) -> dict[str, list[np.ndarray]]:
        """Every matrix that a heatmap draws, once for each figure that has it; masked cells are NaN."""
        found: dict[str, list[np.ndarray]] = {}
        for name, rows in self.page.evaluate(_MATRICES):
            found.setdefault(name, []).append(np.array(rows, dtype=np.float64))
        return found

    def units(self) -> dict[str, float]:
        """Of each matrix whose cells are sent as whole numbers: what one of them stands for."""
        return dict(self.page.evaluate(_UNITS))

    def first_figure(self) -> dict[str, Any]:
        """The uppermost figure of the page: its matrices, and where it lies."""
        return dict(self.page.evaluate(_FIRST_FIGURE))

    def expect_tokens(self, run: Run) -> None:
        """Wait until the ribbon shows this run's tokens, prompt and sampled ones, as plain text."""
        expected = [f"{position}{label}" for position, label in enumerate(labels(run))]
        expect(self.ribbon.get_by_role("radio")).to_have_text(expected)

    def expect_matrices(self, run: Run, step: int = 0) -> None:
        """Wait until the figures show every matrix of the step, each cell as computed here."""
        expected = {}
        for matrix in run.steps[step].matrices(run.steps[step].names):
            values = matrix.values[0] if matrix.axes[0] in ("head", "kv_head") else matrix.values
            expected[matrix.name] = values.numpy() if matrix.mask is None else np.where(matrix.mask, np.nan, values)

        def check() -> None:
            shown, units = self.matrices(), self.units()
            assert set(expected) <= set(shown)
            for name, values in expected.items():
                for drawn in shown[name]:
                    wanted = _as_drawn(name, values, drawn, run.steps[step].sampled.id)
                    unit = units.get(name, 0.0)
                    if unit:  # rounded to whole units, and 126 of them are the end of the scale
                        wanted = np.clip(wanted, -126 * unit, 126 * unit)
                    np.testing.assert_allclose(drawn, wanted, rtol=1e-5, atol=max(1e-7, 0.51 * unit), err_msg=name)

        eventually(check)
        self.expect_rest()

    def expect_rest(self) -> None:
        """Wait until the server has answered in full: what was clicked before then would meet an unfinished page."""
        app = self.page.get_by_test_id("stApp")
        expect(app).to_have_attribute("data-test-script-state", re.compile("notRunning|initial"), timeout=30_000)
        expect(self.shown(".board-picture:not([data-drawn])")).to_have_count(0)

    def expect_run(self, settings: Settings, step: int = 0) -> None:
        """Wait until tokens, sampled token and matrices are those of these settings."""
        run = run_of(settings)
        self.expect_tokens(run)
        expect(self.sampled).to_have_text(run.steps[step].sampled.label)
        self.expect_matrices(run, step)

    def expect_sound(self) -> None:
        """Nothing of the page failed: no exception, no traceback, no part that could not be drawn."""
        expect(self.page.get_by_test_id("stException")).to_have_count(0)
        expect(self.page.locator("body")).not_to_contain_text(re.compile("Traceback|could not be drawn|uncaught", re.I))

    # ---- figures that stand still -----------------------------------------------------------------------------------

    def listen(self) -> None:
        """From now on note what the server sends, which figures are replaced and which are drawn again."""
        self.frames.clear()
        self.page.evaluate(_LISTEN)

    def drawn_again(self) -> list[str]:
        """The first matrix of each figure that is new, or drawn again, since `listen`. What waits is drawn first."""
        expect(self.shown(".board-picture:not([data-drawn])")).to_have_count(0)
        return list(self.page.evaluate(_DRAWN_AGAIN))

    def heatmaps_sent(self) -> int:
        """How many messages with a heatmap the server has sent since `listen`, or since the page was opened."""
        return sum(b'"zmin"' in frame for frame in self.frames)


def _as_drawn(name: str, values: np.ndarray, drawn: np.ndarray, sampled: int) -> np.ndarray:
    """The part of a matrix that the figure is meant to show: all of it, but for those named above.

    sampled: the id of the drawn token, which is always among the likeliest.
    """
    if name not in IN_PART or drawn.shape == values.shape:
        return values
    if drawn.shape[1] == values.shape[1]:
        return values[-1:]
    likeliest = np.sort(values)[:, ::-1][:, : drawn.shape[1]]
    if values[0, sampled] < likeliest[0, -1]:
        likeliest[0, -1] = values[0, sampled]
    return likeliest


# As if typed: the field's own setter, past the one with which React watches it. Takes what a keyboard can't give.
_TYPE = """(field, text) => {
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, text);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}"""

# What Streamlit keeps of before, hidden, until a run is complete, is no part of the page.
_MATRICES = """() => {
  const found = [];
  for (const figure of document.querySelectorAll(".js-plotly-plot:not([data-retained] *)")) {
    const here = new Map(); // rows from the cache are a heatmap of their own, above this step's
    for (const [{ trace, z }] of (figure.calcdata || []).filter((cells) => cells[0])) {
      const name = trace.type === "heatmap" && trace.meta?.matrix;
      if (!name || !z) continue;
      const unit = trace.meta.codes?.unit; // of a large figure's cells, which are whole numbers of it; masks lie below
      const real = (cell) => unit ? (cell < -126 ? NaN : cell * unit) : cell ?? NaN;
      const rows = z.map((row) => Array.from(row, real));
      here.set(name, [...(here.get(name) ?? []), ...rows]);
    }
    found.push(...here);
  }
  return found;
}"""

_UNITS = """() => [...document.querySelectorAll(".js-plotly-plot:not([data-retained] *)")].flatMap((figure) =>
  (figure._fullData || []).filter((trace) => trace.meta?.codes)
    .map((trace) => [trace.meta.matrix, trace.meta.codes.unit]))"""

_FIRST_FIGURE = """() => {
  const top = (figure) => figure.getBoundingClientRect().top;
  const all = [...document.querySelectorAll(".js-plotly-plot:not([data-retained] *)")];
  const shown = all.filter((figure) => figure.offsetHeight > 0);
  const [first] = shown.sort((a, b) => top(a) - top(b));
  const { left, right, bottom } = first.getBoundingClientRect();
  return { matrices: first.data.map((trace) => trace.meta?.matrix).filter(Boolean),
           top: top(first), left, right, bottom };
}"""

_LISTEN = """() => {
  window.standing = new Map(); // figure -> how often it was drawn
  for (const figure of document.querySelectorAll(".js-plotly-plot:not([data-retained] *)")) {
    window.standing.set(figure, 0);
    figure.on("plotly_afterplot", () => window.standing.set(figure, window.standing.get(figure) + 1));
  }
}"""

_DRAWN_AGAIN = """() => {
  const again = (figure) => window.standing.get(figure) !== 0;
  const name = (figure) => figure.data?.find((trace) => trace.meta?.matrix)?.meta.matrix ?? "bars";
  return [...document.querySelectorAll(".js-plotly-plot:not([data-retained] *)")].filter(again).map(name);
}"""


def state_of(visit: Visit) -> dict[str, Any]:
    """What a page shows of its run: tokens, steps, the sampled one, the dice, and each matrix by its numbers."""
    state = visit.page.evaluate(_STATE)
    drawn = [(name, each) for name, found in visit.matrices().items() for each in found]
    state["matrices"] = sorted((name, np.nan_to_num(each).round(5).tobytes()) for name, each in drawn)
    return dict(state)


_STATE = """() => {
  const all = [];
  const walk = (root) => root.querySelectorAll("*").forEach((e) => {
    all.push(e);
    if (e.shadowRoot) walk(e.shadowRoot);
  });
  walk(document);
  const kept = (e) => e.getRootNode().host?.closest("[data-retained]") ?? e.closest("[data-retained]");
  const group = (name) => all.filter((e) => !kept(e) && e.getAttribute("role") === "radiogroup" &&
    (e.getAttribute("aria-label") ?? "").startsWith(name));
  const text = (name) => group(name).map((e) => e.textContent);
  const chosen = (name) => group(name).flatMap((e) => [...e.querySelectorAll("[aria-checked=true]")].map(
    (radio) => radio.textContent));
  const value = (selector) => [...document.querySelectorAll(selector)].filter((e) => !kept(e)).map((e) => e.value);
  return { tokens: text("Tokens"), token: chosen("Tokens"), steps: text("Steps"), step: chosen("Steps"),
           station: chosen("Stations"),
           card: all.filter((e) => !kept(e) && e.matches(".chosen")).map((e) => e.textContent),
           numbers: value("[data-testid=stNumberInput] input"), text: value("[data-testid=stTextArea] textarea") };
}"""
