"""axe finds nothing serious on any page, in either theme."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from .visit import Visit

PAGES = {
    "toy": {},
    "a decode step": {"step": 1, "station": "sample", "all_tokens": "true"},
    "a refusal and notices": {"text": "", "temperature": "9"},
    "a deep model": {"model": "llama-nano", "layer": 1},
    "an explained cell": {"cell": "layers.0.attention.q/0.2.3~input/2.3~layers.0.attention.weights/0.3.1"},
    "a stop of the tour, presented": {"tour": "softmax", "present": 1},
    "a long sum": {"model": "llama-nano", "cell": "layers.1.feedforward.hidden/2.5~layers.1.feedforward.up/2.5"},
}


def serious(visit: Visit) -> list[dict[str, Any]]:
    """The violations that keep people out, each with the elements concerned."""
    found = Axe().run(visit.page).response["violations"]
    return [
        {"rule": v["id"], "help": v["help"], "where": [(n["target"], n["html"][:200]) for n in v["nodes"][:5]]}
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("query", PAGES.values(), ids=PAGES)
def test_axe_finds_nothing_serious(visit: Visit, query: dict[str, object], scheme: Any) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    try:
        visit.open(**query)
        visit.page.wait_for_timeout(1500)  # figures fill in
        assert serious(visit) == []
    finally:
        visit.page.emulate_media(color_scheme="light")
