"""The page: from a key to what is seen, against bare Streamlit pages"""

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page

from benchmarks import browser as chromium
from benchmarks.measure import Row, at_most, megabytes
from benchmarks.serving import serving

ROUNDS = 7
STARTS, VISITS = 4, 5
MATRICES = ".board-picture:has(.heatmaplayer)"
BARS, CARD = "[data-key=chart-sample]", ".st-key-next-token-card"
DEEP = "?" + urlencode({"model": "smollm2-135m", "text": "The capital of France is Paris. " * 43})  # 302 tokens
HEATMAP = ".js-plotly-plot .heatmaplayer image"
ANSWER = ".st-key-answer"
BARE = "[class*='st-key-chart-']"


def rows() -> Iterator[Row]:
    """All lines of this part, each as soon as it is measured."""
    with chromium.chromium() as browser:
        yield from redrawing(browser)
        yield from visiting(browser)
        yield from starting(browser)


# ---- (a) redrawing --------------------------------------------------------------------------------------------------


def redrawing(browser: Browser) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as scratch, serving("app.py") as ours:
        ours.wait()
        toy = chromium.opened(browser, ours.address, MATRICES)
        toy.get_by_text("More settings").click()
        deep = chromium.opened(browser, f"{ours.address}/{DEEP}", MATRICES)
        charts = toy.evaluate(_CHARTS, MATRICES)
        stepping = chromium.opened(browser, ours.address, MATRICES)
        seen = ", ".join(toy.evaluate(_ON_SCREEN, MATRICES))
        count = sum(len(chart["heatmaps"]) for chart in charts)
        same, single = Path(scratch) / "same.json", Path(scratch) / "single.json"
        same.write_text(json.dumps(charts))
        single.write_text(json.dumps([alone(chart, one) for chart in charts for one in chart["heatmaps"]]))
        script = "benchmarks/bare/heatmaps.py"
        with (
            serving(script, HEATMAPS=str(same)) as together,
            serving(script, HEATMAPS=str(single)) as apart,
            serving("benchmarks/bare/round_trip.py") as least,
        ):
            for server in (together, apart, least):
                server.wait()
            least_page = chromium.opened(browser, least.address, "", ANSWER)
            one, many = (chromium.opened(browser, server.address, BARE) for server in (together, apart))
            taken = chromium.turns(
                {
                    "seed": lambda: chromium.seconds(toy, raise_seed("Weights seed"), MATRICES),
                    "seen": lambda: chromium.seconds(toy, raise_seed("Weights seed"), seen),
                    "step": lambda: chromium.seconds(stepping, other_step, seen),
                    "slider": lambda: chromium.seconds(toy, slide(), BARS, CARD),
                    "layer": lambda: chromium.seconds(deep, next_layer, MATRICES),
                    "together": lambda: chromium.seconds(one, raise_seed("Seed"), BARE),
                    "apart": lambda: chromium.seconds(many, raise_seed("Seed"), BARE),
                    "bare slider": lambda: chromium.seconds(many, slide(), BARE),
                    "least seed": lambda: chromium.seconds(least_page, raise_seed("Seed"), "", ANSWER),
                    "least slider": lambda: chromium.seconds(least_page, slide(), "", ANSWER),
                },
                ROUNDS,
            )
        for page in (toy, stepping, deep, one, many, least_page):
            page.close()
    as_few = f"as many in {len(charts)} charts"
    what = f"(a) weights seed to all that is on screen redrawn, of {count} heatmaps, against a bare page"
    yield at_most(f"{what} with {as_few}", taken["seen"], taken["together"], 0.5)
    floor = "(a) the floor of it: the same act on a bare page of two fields and a sentence, against that page"
    yield at_most(floor, taken["least seed"], taken["together"])
    what = f"(a) weights seed to all {count} heatmaps redrawn, against a bare page"
    yield at_most(f"{what} with {as_few}", taken["seed"], taken["together"], 0.9)
    yield at_most(f"{what} of {count} charts", taken["seed"], taken["apart"])
    what = "(a) temperature slider to token and probabilities, matrices standing still, against all heatmaps redrawn"
    yield at_most(what, taken["slider"], taken["bare slider"], 0.12)
    yield at_most(floor, taken["least slider"], taken["bare slider"])
    what = f"(a) a click on a step to all that is on screen redrawn, against a bare page with {as_few}"
    yield at_most(what, taken["step"], taken["together"], 0.5)
    what = "(f) layer slider of SmolLM2 with 302 tokens to all its matrices redrawn, against the toy's weights seed"
    yield at_most(what, taken["layer"], taken["seed"], 1)


def alone(chart: dict[str, float], heatmap: dict[str, object]) -> dict[str, object]:
    """A chart of this one heatmap, as large as it is in the chart where it comes from."""
    left, right, bottom, top = heatmap["domain"]
    return {
        "width": chart["width"] * (right - left),
        "height": chart["height"] * (top - bottom),
        "heatmaps": [heatmap | {"domain": [0, 1, 0, 1]}],
    }


def raise_seed(label: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("spinbutton", name=label, exact=True).press("ArrowUp")


def next_layer(page: Page) -> None:
    page.get_by_role("slider", name="Layer").press("ArrowRight")


def other_step(page: Page) -> None:
    """The first decode step, and back to prefill."""
    steps = page.get_by_role("radiogroup", name=re.compile("^Steps")).get_by_role("radio")
    steps.nth(0 if steps.nth(1).get_attribute("aria-checked") == "true" else 1).click()


def slide() -> Callable[[Page], None]:
    """Move the page's first slider from one of its ends to the other: between neighbours the shown digits may agree."""

    def act(page: Page) -> None:
        slider = page.get_by_role("slider").first
        slider.press("End" if float(slider.input_value()) < 1 else "Home")

    return act


# ---- (e) a new visitor ----------------------------------------------------------------------------------------------


def visiting(browser: Browser) -> Iterator[Row]:
    """From the address to the first matrices, the server warm, in a browser that has loaded nothing of it."""
    heatmap = {"width": 300, "height": 300, "heatmaps": [{"rows": 8, "columns": 8, "domain": [0, 1, 0, 1]}]}
    transferred: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as scratch:
        bare = Path(scratch) / "one.json"
        bare.write_text(json.dumps([heatmap]))
        with serving("app.py") as ours, serving("benchmarks/bare/heatmaps.py", HEATMAPS=str(bare)) as theirs:
            sides = {}
            for name, server in (("ours", ours), ("theirs", theirs)):
                server.wait()
                sides[name] = lambda name=name, server=server: first_visit(browser, server.address, name, transferred)
            taken = chromium.turns(sides, VISITS)
    what = "(e) a new visitor on a warm server, cold browser, address to the toy's first matrices"
    yield at_most(f"{what}, against a bare page of one heatmap", *taken.values(), 1.2)
    sizes = [megabytes(transferred[name]) for name in ("ours", "theirs")]
    yield Row("(e) the same, bytes transferred", *sizes, transferred["ours"] / transferred["theirs"])


def first_visit(browser: Browser, address: str, name: str, transferred: dict[str, int]) -> float:
    """Seconds until a heatmap is drawn. Notes the bytes that came until all was there."""
    context = browser.new_context(viewport=chromium.SCREEN)
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    came: list[int] = []
    network.on("Network.loadingFinished", lambda event: came.append(int(event["encodedDataLength"])))
    network.on(
        "Network.webSocketFrameReceived", lambda event: came.append(len(event["response"]["payloadData"]) * 3 // 4)
    )
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(HEATMAP).first.wait_for(state="attached", timeout=90_000)
    taken = time.perf_counter() - started
    page.wait_for_timeout(2_000)
    transferred[name] = sum(came)
    context.close()
    return taken


# ---- (b) start ------------------------------------------------------------------------------------------------------


def starting(browser: Browser) -> Iterator[Row]:
    """From a server's start to the first heatmap that is drawn, in a browser that is there already."""
    sides = {
        name: lambda script=script: start(browser, script)
        for name, script in (("ours", "app.py"), ("theirs", "benchmarks/bare/torch_page.py"))
    }
    what = "(b) server start to the toy's first matrices, against a bare page that imports torch"
    yield at_most(what, *chromium.turns(sides, STARTS).values(), 1.3)


def start(browser: Browser, script: str) -> float:
    with serving(script) as server:
        page = browser.new_page(viewport=chromium.SCREEN)
        server.wait()
        page.goto(server.address, wait_until="commit")
        page.locator(HEATMAP).first.wait_for(state="attached", timeout=90_000)
        taken = time.perf_counter() - server.started
        page.close()
    return taken


# Selectors of the pictures of which something is in the window.
_ON_SCREEN = """(charts) => [...document.querySelectorAll(charts)].filter((place) => {
  const { top, bottom } = place.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}).map((place) => `[data-key="${place.dataset.key}"]`)"""

_CHARTS = """(charts) => [...document.querySelectorAll(charts)].map((place) => {
  const figure = place.querySelector(".js-plotly-plot");
  const heatmaps = figure._fullData.filter((trace) => trace.type === "heatmap" && trace.meta?.matrix);
  return {
    width: figure._fullLayout.width, height: figure._fullLayout.height,
    heatmaps: heatmaps.map((trace) => {
      const [x, y] = [trace.xaxis, trace.yaxis].map((name) => figure._fullLayout[`${name[0]}axis${name.slice(1)}`]);
      return { rows: trace.z.length, columns: trace.z[0].length, domain: [...x.domain, ...y.domain] };
    }),
  };
})"""
