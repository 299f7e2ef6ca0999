"""The pages, run by Streamlit's AppTest: without a browser, so without the parts drawn there."""

import io
import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

from dashboard.figures.made import encoded
from dashboard.figures.message import BoardPicture, unpacked
from dashboard.link.settings import LINK_VERSION
from llm_core import open_run, save_run

ROOT = Path(__file__).parents[2]
APP = ROOT / "dashboard" / "pages" / "main.py"
WHOLE_MODEL = "whole_model.py"
RUN_FILE = "run_file.py"


def opened(**query: str) -> AppTest:
    page = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in ({"v": LINK_VERSION} | query if query else {}).items():
        page.query_params[name] = value
    return page.run()


def pictures(page: AppTest) -> list[BoardPicture]:
    """What the boards of the page are sent."""
    return [each for part in page.get("bidi_component") if part.proto.bytes for each in unpacked(part.proto.bytes)]


def texts_above(page: AppTest) -> list[str]:
    """What stands above the pictures, as Markdown."""
    return [picture.text for picture in pictures(page)]


def drawn(page: AppTest) -> list[dict]:
    """The figures on the page, as Plotly's JSON has them."""
    return [as_json(picture) for picture in pictures(page)]


def as_json(picture: BoardPicture) -> dict:
    traces = [{name: encoded(value) for name, value in trace.items()} for trace in picture.traces]
    return {"data": traces, "layout": picture.layout}


def matrices(page: AppTest) -> set[str]:
    return {t["meta"]["matrix"] for figure in drawn(page) for t in figure["data"] if "matrix" in t.get("meta", {})}


def next_token(page: AppTest) -> dict:
    """What the card beside the matrices shows."""
    cards = [json.loads(c.proto.json) for c in page.get("bidi_component") if c.proto.json]
    return next(card for card in cards if "runners" in card)


def sentences(page: AppTest) -> str:
    return "\n".join(text.value for text in page.text)


def specs(page: AppTest) -> dict[str, str]:
    """The figures of the page by their keys, as text."""
    return {picture.key: json.dumps(as_json(picture)) for picture in pictures(page)}


def whole_model(**query: str) -> AppTest:
    """The page by a link, as if its address had been typed."""
    page = AppTest.from_file(str(APP), default_timeout=60)
    page.switch_page(WHOLE_MODEL)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def run_file_page(data: bytes | None = None, **query: str) -> AppTest:
    page = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in query.items():
        page.query_params[name] = value
    if data is not None:
        page.session_state["filed-run"] = open_run(data)
    page.switch_page(RUN_FILE)
    return page.run()


def saved(run, names) -> bytes:
    file = io.BytesIO()
    save_run(run, names, file)
    return file.getvalue()


def exact(page: AppTest) -> dict:
    """The figure of the part that is shown exactly."""
    return json.loads(specs(page)["chart-exact"])
