"""The matrix view: from a click to the cell's explanation, the map, messages, the proof, the logit lens"""

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import torch
from playwright.sync_api import Browser, Page
from plotly.io import to_json

from benchmarks import browser as chromium
from benchmarks import peers
from benchmarks.measure import Row, at_most, interleaved
from benchmarks.page import BARE, raise_seed
from benchmarks.serving import serving
from dashboard.figures.equation import equation
from dashboard.figures.picture import Picture, pool
from llm_core import Run, Sampling, generate, load_model, prove
from llm_core.measures.logit_lens import lens

ROUNDS = 7
SIZES = ((5, 8), (64, 64), (2048, 2048))
TEXT = "The capital of France is"
SMOLLM2 = {"model": "smollm2-135m", "text": TEXT, "temperature": 0}


def rows() -> Iterator[Row]:
    """All lines of this part, each as soon as it is measured."""
    yield from messages()
    with chromium.chromium() as browser:
        yield from clicking(browser)
        yield from mapping(browser)
    with tempfile.TemporaryDirectory() as scratch:
        folder = peers.folder_of_safetensors(Path(scratch))
        yield from computing(folder)


# ---- messages -------------------------------------------------------------------------------------------------------


def messages() -> Iterator[Row]:
    """Bytes of one matrix's figure, as Streamlit sends it, against one with every cell as a float32."""
    for size in SIZES:
        values = np.random.default_rng(0).standard_normal(size, dtype=np.float32)
        shown, tile = pool(values)
        picture = Picture("x", "X", "×".join(map(str, size)), shown, tile=tile, scale=float(np.abs(shown).max()))
        ours, plain = len(to_json(equation([picture], size[0]))), 4 * values.size * 4 // 3  # base64
        yield Row(
            f"message of a {size[0]} × {size[1]} matrix, against its float32 cells alone as base64",
            kilobytes(ours),
            kilobytes(plain),
            ours / plain,
        )


def kilobytes(size: int) -> str:
    return f"{size / 1e3:,.1f} kB"


# ---- the page -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def both_served() -> Iterator[tuple[str, str]]:
    """The addresses of the dashboard and of a bare page with one heatmap."""
    heatmap = {"rows": 8, "columns": 8, "domain": [0, 1, 0, 1]}
    with tempfile.TemporaryDirectory() as scratch:
        charts = Path(scratch) / "one.json"
        charts.write_text(json.dumps([{"width": 300, "height": 300, "heatmaps": [heatmap]}]))
        with serving("app.py") as ours, serving("benchmarks/bare/heatmaps.py", HEATMAPS=str(charts)) as theirs:
            ours.wait()
            theirs.wait()
            yield ours.address, theirs.address


def clicking(browser: Browser) -> Iterator[Row]:
    """A click on a cell until its explanation is there, against a bare page of one heatmap that is drawn again."""
    with both_served() as (ours, theirs):
        pages = {
            "toy": chromium.opened(browser, ours, ".board-picture"),
            "deep": chromium.opened(browser, f"{ours}/?{urlencode(SMOLLM2)}", ".board-picture"),
        }
        bare = chromium.opened(browser, theirs, BARE)
        sides: dict[str, Callable[[], float]] = {
            name: lambda page=page: explained(page) for name, page in pages.items()
        }
        sides["bare"] = lambda: chromium.seconds(bare, raise_seed("Seed"), BARE)
        taken = chromium.turns(sides, ROUNDS)
        for page in (*pages.values(), bare):
            page.close()
    what = "a click on a cell to its explanation, against a bare page's redraw of one heatmap of 8 × 8"
    yield at_most(f"{what}: the toy", taken["toy"], taken["bare"])
    yield at_most(f"{what}: SmolLM2", taken["deep"], taken["bare"])


def explained(page: Page) -> float:
    """Seconds from a click in the first figure until the panel tells of another cell than before."""
    page.bring_to_front()
    page.evaluate("() => stopwatch.still()")
    where = page.evaluate(_NEXT_CELL)
    page.mouse.move(*where)
    page.evaluate(_ARM)
    page.mouse.click(*where)
    return float(page.evaluate("() => window.explained")) / 1e3


def mapping(browser: Browser) -> Iterator[Row]:
    """The map of 30 layers × 9 heads: from the address to the drawn canvas, the model being there, against a bare page
    of one heatmap.
    """
    with both_served() as (ours, theirs):
        texts = iter(range(10_000))
        sides: dict[str, Callable[[], float]] = {
            "map": lambda: visible(
                browser, f"{ours}/whole_model?" + urlencode(SMOLLM2 | {"text": f"{TEXT} number {next(texts)}"}), _MAP
            ),
            "bare": lambda: visible(browser, theirs, _HEATMAP),
        }
        taken = chromium.turns(sides, 4)
    what = "the map of SmolLM2's 30 layers × 9 heads, a new text of 7 tokens, address to visible"
    yield at_most(f"{what}, against a bare page's one heatmap", taken["map"], taken["bare"])


def visible(browser: Browser, address: str, condition: str) -> float:
    """Seconds from the address until the condition holds, by the page's clock."""
    page = browser.new_page(viewport=chromium.SCREEN)
    page.goto(address, wait_until="commit")
    page.wait_for_function(condition, timeout=90_000, polling=20)
    taken = float(page.evaluate("() => performance.now()")) / 1e3
    page.close()
    return taken


# ---- what is computed -----------------------------------------------------------------------------------------------


def computing(folder: Path) -> Iterator[Row]:
    """A proof and the logit lens, each against one forward of transformers over the same ids."""
    model = load_model(str(folder))
    theirs = peers.transformers_model(folder)
    run: Run = generate(model, TEXT, 3, Sampling(temperature=0))
    ids = torch.tensor([run.ids[: run.length]])

    @torch.inference_mode()
    def forward() -> torch.Tensor:
        return theirs(ids).logits

    sides = {"forward": forward, "lens": lambda: lens(run.steps[0]), "proof": lambda: prove(run)}
    taken = interleaved(sides, rounds=5)
    what = f"of {len(run.prompt_ids)} + 2 tokens in SmolLM2, against one forward of transformers"
    yield at_most(f"a proof {what}, loading transformers' model included", taken["proof"], taken["forward"])
    yield at_most(f"the logit lens {what}", taken["lens"], taken["forward"])


_NEXT_CELL = """() => {
  const figure = document.querySelector(".board-picture .js-plotly-plot");
  figure.scrollIntoView({ block: "center" });
  const trace = figure._fullData.find((t) => t.type === "heatmap" && t.meta?.matrix);
  const axis = (name) => figure._fullLayout[`${name[0]}axis${name.slice(1)}`];
  const [x, y] = [axis(trace.xaxis), axis(trace.yaxis)];
  window.nextCell = ((window.nextCell ?? -1) + 1) % 3;
  const box = figure.getBoundingClientRect();
  return [box.left + x._offset + x.c2p(window.nextCell + 1), box.top + y._offset + y.c2p(1)];
}"""
_ARM = """() => {
  const roots = (node) => [node, ...[...node.querySelectorAll("*")].flatMap((e) => e.shadowRoot ?? [])];
  const panel = document.querySelector(".st-key-explainer-panel");
  const text = () => roots(panel).map((root) => root.textContent).join();
  const before = text();
  let start = null;
  addEventListener("pointerdown", () => { start = performance.now(); }, { capture: true, once: true });
  window.explained = new Promise((resolve) => {
    const look = () => {
      if (start !== null && text() !== before) resolve(performance.now() - start);
      else requestAnimationFrame(look);
    };
    look();
  });
}"""
_MAP = """() => [...document.querySelectorAll("*")].flatMap((e) => e.shadowRoot ?? []).some((root) =>
  [...root.querySelectorAll("canvas")].some((c) => c.height > 600
    && c.getContext("2d").getImageData(0, c.height - 120, c.width, 100).data.some((byte) => byte)))"""
_HEATMAP = "() => document.querySelector('.js-plotly-plot .heatmaplayer image, .js-plotly-plot .hm')"
